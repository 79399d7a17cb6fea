"""A trace as a model of layers within layers, each named as the live model names it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from itertools import groupby
from typing import Any

import numpy as np

from converters.keras.bind_objects import snake
from converters.keras.live.inputs import Inputs
from converters.keras.live.records import Held, Record, Tensor, Trace, changed, leaves
from converters.keras.models import Reading, read_layer
from converters.keras.spec import Call, LayerSpec, ModelSpec, SpreadArray, TensorRef
from porter.dataclass import dataclass

VARIABLE, SPREAD = "porter.Variable", "porter.Spread"
"""Classes of what a trace adds to Keras's: a lone variable, and a constant as large as the batch."""

Path = tuple[str, ...]
Numbered = tuple[int, Record]


@dataclass
class Nested:
    """The model, and the live layer or variable at each path in it."""

    model: ModelSpec
    live: dict[Path, Any]


def nested(model: Any, trace: Trace, inputs: Inputs, reading: Reading, static: int | None) -> Nested:
    """The trace of a whole model, nested."""
    needed = _needed(trace)
    records = [(number, record) for number, record in enumerate(trace.records) if number in needed]
    live: dict[Path, Any] = {}
    level = _Level((), 0, reading, live, model)
    for place, entry in enumerate(inputs.entries):
        label = level.named(entry.name)
        config: dict[str, Any] = {"name": label, "batch_shape": [static, *entry.sizes], "dtype": entry.dtype}
        if static is not None:
            config["static_batch"] = True
        level.specs[label] = LayerSpec("InputLayer", label, config, module="keras.layers")
        level.known[Tensor(-1, place)] = TensorRef(label)
        level.inputs.append(TensorRef(label))
    level.wanted = frozenset(leaf for leaf in leaves(trace.outputs) if isinstance(leaf, Tensor))
    level.fill(records)
    outputs = tuple(level.refs(leaf) for leaf in leaves(trace.outputs) if leaf is not None)
    layers = tuple(level.specs.values())
    return Nested(ModelSpec("Functional", str(model.name), layers, tuple(level.inputs), outputs), live)


def _needed(trace: Trace) -> set[int]:
    """The records that outputs depend on."""
    found: set[int] = set()
    waiting = [leaf.record for leaf in leaves(trace.outputs) if isinstance(leaf, Tensor)]
    while waiting:
        number = waiting.pop()
        if number < 0 or number in found:
            continue
        found.add(number)
        record = trace.records[number]
        used = leaves((record.args, dict(record.kwargs)))
        waiting += [leaf.record for leaf in used if isinstance(leaf, Tensor)]
    return found


def _used(record: Record) -> Iterator[Tensor]:
    for leaf in leaves((record.args, dict(record.kwargs))):
        if isinstance(leaf, Tensor):
            yield leaf


@dataclass
class _Level:
    """One model in the making: the top, or one call of a layer whose code was followed."""

    path: Path
    depth: int
    reading: Reading
    live: dict[Path, Any]
    owner: Any = None
    wanted: frozenset[Tensor] = frozenset()  # what is used outside
    specs: dict[str, LayerSpec] = field(default_factory=dict)
    known: dict[Any, TensorRef] = field(default_factory=dict)  # tensors, and the ids of variables
    inputs: list[TensorRef] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)  # of live layers
    twins: dict[str, str] = field(default_factory=dict)  # names of followed layers by object and content

    def named(self, wanted: str) -> str:
        """A name that this level has not used."""
        name, number = wanted, 0
        while name in self.specs:
            number += 1
            name = f"{wanted}_{number}"
        return name

    def fill(self, records: Sequence[Numbered]) -> None:
        """All calls of this level, with those of followed layers as one each."""
        later = _later(records)
        for call, group in groupby(records, self._call):
            rows = list(group)
            if call is None:
                for number, record in rows:
                    self._leaf(number, record)
            else:
                self._followed(rows, later)

    def _call(self, row: Numbered) -> int | None:
        inside = row[1].inside
        return inside[self.depth].call if len(inside) > self.depth else None

    def refs(self, item: Any) -> Any:
        """An argument, with references in the place of tensors, variables and spread constants."""
        if isinstance(item, Tensor):
            return self.known[item]
        if isinstance(item, Held):
            return self._variable(item)
        if isinstance(item, SpreadArray):
            return self._spread(item)
        return item

    def _leaf(self, number: int, record: Record) -> None:
        call = Call(changed(record.args, self.refs), changed(dict(record.kwargs), self.refs))
        spec = read_layer(dict(record.data), self.reading)
        key = id(record.layer) if record.layer is not None else None
        if key in self.names:
            name = self.names[key]
            before = self.specs[name]
            self.specs[name] = replace(before, calls=(*before.calls, call))
        else:
            name = self.named(record.name or snake(spec.class_name))
            self.specs[name] = replace(spec, name=name, calls=(call,))
        if record.layer is not None:
            self.names[id(record.layer)] = name
            self.live[*self.path, name] = record.layer
        turn = len(self.specs[name].calls) - 1
        for output in range(record.outputs):
            self.known[Tensor(number, output)] = TensorRef(name, turn, output)

    def _followed(self, rows: Sequence[Numbered], later: dict[Tensor, int]) -> None:
        """One call of a followed layer: a model whose inputs are what it takes from outside."""
        inside = rows[0][1].inside[self.depth]
        numbers = {number for number, _ in rows}
        taken = list(dict.fromkeys(t for _, row in rows for t in _used(row) if t.record not in numbers))
        made = [tensor for number, row in rows for tensor in _outputs(number, row)]
        given = [t for t in made if t in self.wanted or later.get(t, -1) > rows[-1][0]]
        wanted = self.named(inside.name)
        model, live = self._inner(inside.layer, wanted, rows, taken, given)
        mark = f"{id(inside.layer)} {_content(model)}"
        twin = self.twins.get(mark)
        call = Call(([self.known[tensor] for tensor in taken],))
        if twin is None:
            config = {"trainable": bool(inside.layer.trainable)}
            spec = LayerSpec(inside.kind, wanted, config, (call,), model=model)
            self.specs[wanted] = spec
            self.live.update(live)
            self.twins[mark] = wanted
            name, turn = wanted, 0
        else:
            name, before = twin, self.specs[twin]
            self.specs[name] = replace(before, calls=(*before.calls, call))
            turn = len(before.calls)
        for place, tensor in enumerate(given):
            self.known[tensor] = TensorRef(name, turn, place)

    def _inner(
        self,
        layer: Any,
        name: str,
        rows: Sequence[Numbered],
        taken: Sequence[Tensor],
        given: Sequence[Tensor],
    ) -> tuple[ModelSpec, dict[Path, Any]]:
        live: dict[Path, Any] = {}
        level = _Level((*self.path, name), self.depth + 1, self.reading, live, layer)
        for tensor in taken:
            label = level.named("input")
            level.specs[label] = LayerSpec("InputLayer", label, {"name": label}, module="keras.layers")
            level.known[tensor] = TensorRef(label)
            level.inputs.append(TensorRef(label))
        level.wanted = frozenset(given)
        level.fill(rows)
        outputs = tuple(level.known[tensor] for tensor in given)
        kind = type(layer).__name__
        model = ModelSpec("Functional", kind, tuple(level.specs.values()), tuple(level.inputs), outputs)
        return replace(model, trainable=bool(layer.trainable)), live

    def _variable(self, held: Held) -> TensorRef:
        if id(held.variable) not in self.known:
            ours = held.owner is None or held.owner is self.owner
            holder = "" if ours else self.names.get(id(held.owner), held.owner.name)
            name = self.named(held.name if ours else f"{holder}_{held.name}")
            config = {"shape": held.shape, "dtype": held.dtype, "trainable": held.trainable}
            self.specs[name] = LayerSpec(VARIABLE, name, config, (Call(),), module="keras")
            self.live[*self.path, name] = held
            self.known[id(held.variable)] = TensorRef(name)
        return self.known[id(held.variable)]

    def _spread(self, array: SpreadArray) -> TensorRef:
        name = self.named("constant")
        config = {"array": array.array, "shape": array.shape}
        self.specs[name] = LayerSpec(SPREAD, name, config, (Call(),), module="keras")
        return TensorRef(name)


def _outputs(number: int, record: Record) -> Iterator[Tensor]:
    return (Tensor(number, output) for output in range(record.outputs))


def _later(records: Sequence[Numbered]) -> dict[Tensor, int]:
    """By which record each tensor is used last."""
    return {tensor: number for number, record in records for tensor in _used(record)}


def _content(model: ModelSpec) -> str:
    """Equal for models that compute the same with the same layers."""
    return repr((model.inputs, model.outputs, [_row(layer) for layer in model.layers]))


def _row(layer: LayerSpec) -> Any:
    calls = [(call.args, dict(call.kwargs)) for call in layer.calls]
    inner = None if layer.model is None else _content(layer.model)
    return layer.class_name, layer.name, changed(dict(layer.config), _told), changed(calls, _told), inner


def _told(item: Any) -> Any:
    """An array in full, where its text would leave numbers out."""
    return (item.shape, str(item.dtype), item.tobytes()) if isinstance(item, np.ndarray) else item
