"""Looking into a model without running it: what it holds, and what would not convert and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from porter import frameworks, pipeline
from porter.dataclass import dataclass
from porter.errors import PorterError, Problem
from porter.graph.dims import Shape
from porter.graph.model import Value
from porter.source_model import Converter, LayerFacts, ReadRequest, SourceModel, Survey
from porter.weights.tensor import Stored, number_type

SCHEMA = 1
"""Version of what `to_dict` gives; a change that breaks readers raises it."""

TOLD = {"keras_version": "written by Keras", "backend": "backend"}
"""What a file's facts tell of its writer, and how that is said."""


@dataclass(frozen=True)
class Inspection:
    """What is in a model, and whether it would convert to `target`."""

    survey: Survey
    framework: str
    target: str
    unwritten: tuple[Problem, ...] = ()  # steps that the target cannot say

    @property
    def convertible(self) -> bool:
        """Whether a conversion would succeed, as far as can be told without doing it."""
        return not (self.survey.problems or self.survey.weights or self.unwritten)

    @property
    def parameters(self) -> int:
        """Numbers in all weights: those of the outermost layers, which hold the inner ones."""
        return sum(layer.parameters or 0 for layer in self.survey.layers if len(layer.path) == 1)

    @property
    def bytes(self) -> int:
        """The size of the stored arrays that hold numbers of the model."""
        return sum(_bytes(array) for array in self.survey.arrays)

    def to_dict(self) -> dict[str, Any]:
        """All facts, JSON-ready."""
        survey = self.survey
        graph = survey.graph
        return {
            "schema": SCHEMA,
            "name": survey.name,
            "framework": self.framework,
            "source": dict(survey.facts),
            "inputs": [_signature(value) for value in graph.inputs] if graph else [],
            "outputs": [_signature(value) for value in graph.outputs] if graph and self._whole else [],
            "layers": [_row(layer) for layer in survey.layers],
            "parameters": self.parameters,
            "stored_bytes": self.bytes,
            "target": self.target,
            "convertible": self.convertible,
            "unreadable": [_problem(problem) for problem in survey.problems],
            "misfits": [_problem(problem) for problem in survey.weights],
            "unwritable": [_problem(problem) for problem in self.unwritten],
            "notices": list(survey.notices),
        }

    @property
    def _whole(self) -> bool:
        return not self.survey.problems

    def text(self) -> str:
        """The same for people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        facts = self.survey.facts
        yield ", ".join(
            [
                f"{self.survey.name}: {self.framework}",
                str(facts.get("format", "format unknown")),
                *(f"{label} {facts[key]}" for key, label in TOLD.items() if facts.get(key)),
            ]
        )
        graph = self.survey.graph
        if graph is not None:
            yield from (f"input   {_described(value)}" for value in graph.inputs)
            yield from (f"output  {_described(value)}" for value in graph.outputs if self._whole)
        yield ""
        yield from _table(self.survey.layers)
        yield ""
        stored = f", {self.bytes:,} bytes stored" if self.bytes else ""
        part = "" if self._whole else " in what can be read"
        yield f"{len(self.survey.layers)} layers, {self.parameters:,} parameters{part}{stored}"
        yield from (f"note: {notice}" for notice in self.survey.notices)
        yield from self._verdict()

    def _verdict(self) -> Iterator[str]:
        if self.convertible:
            yield f"converts to {self.target}"
            return
        yield f"does not convert to {self.target}:"
        for label, problems in (
            ("cannot be read", self.survey.problems),
            ("does not fit", self.survey.weights),
            (f"{self.target} cannot say", self.unwritten),
        ):
            yield from (f"  {label}: {problem}" for problem in problems)


def inspect(request: ReadRequest, to: str) -> Inspection:
    """Looks into the files of a request; nothing is run and no framework is loaded."""
    converter = frameworks.source(request.paths, None, request.factory)
    target = frameworks.target(to)
    survey = converter.inspect(request) if converter.inspect is not None else _of_whole(request, converter)
    return Inspection(survey, converter.title, target.name, _unwritten(survey, target))


def _unwritten(survey: Survey, target: Converter) -> tuple[Problem, ...]:
    """A dry run of the target's writer on as much as could be read."""
    if survey.graph is None or not survey.graph.nodes:
        return ()
    try:
        pipeline.write(SourceModel(survey.graph, (), survey.facts), target, pipeline.Options())
    except PorterError as error:
        return error.problems or (Problem("", error.message),)
    return ()


def _of_whole(request: ReadRequest, converter: Converter) -> Survey:
    """The survey of a model that can only be read whole."""
    model = converter.read(request)
    layers: dict[tuple[str, ...], LayerFacts] = {}
    counted: set[int] = set()
    for node in model.graph.nodes:
        path = node.origin.path
        old = layers.get(path, LayerFacts(path, node.origin.kind, None, 0))
        fresh = [param for param in node.params.values() if id(param.tensor) not in counted]
        counted.update(id(param.tensor) for param in fresh)
        size = (old.parameters or 0) + sum(prod(param.tensor.shape) for param in fresh)
        layers[path] = replace(old, shape=node.outputs[0].shape, parameters=size)
    arrays = tuple(row.array for row in model.ledger)
    return Survey(
        model.graph.name, model.facts, tuple(layers.values()), model.graph, (), (), arrays, model.notices
    )


def _bytes(array: Stored) -> int:
    return prod(array.shape) * number_type(array.dtype).itemsize


def _signature(value: Value) -> dict[str, Any]:
    return {"name": value.name, "shape": _sizes(value.shape), "dtype": value.dtype}


def _sizes(shape: Shape) -> list[int | None]:
    return [dim if isinstance(dim, int) else None for dim in shape]


def _row(layer: LayerFacts) -> dict[str, Any]:
    shape = None if layer.shape is None else _sizes(layer.shape)
    return {
        "path": "/".join(layer.path),
        "class": layer.kind,
        "output_shape": shape,
        "parameters": layer.parameters,
    }


def _problem(problem: Problem) -> dict[str, str]:
    return {"where": problem.where, "what": problem.what, "hint": problem.hint}


def _described(value: Value) -> str:
    return f"{value.name}: {value.dtype} ({_shown(value.shape)})"


def _shown(shape: Shape | None) -> str:
    return "?" if shape is None else ", ".join(map(str, shape))


def _table(layers: Sequence[LayerFacts]) -> Iterator[str]:
    rows = [("layer", "class", "output", "parameters")]
    for layer in layers:
        name = "  " * (len(layer.path) - 1) + layer.path[-1]
        count = "?" if layer.parameters is None else f"{layer.parameters:,}"
        rows.append((name, layer.kind, _shown(layer.shape), count))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    last = max(len(row[3]) for row in rows)
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)]
        yield "  ".join([*cells, row[3].rjust(last)])
