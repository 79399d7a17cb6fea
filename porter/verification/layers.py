"""Layers on trial: those of side b as they come down and each by itself, those of side a beside them.

All arrays pass by one at a time: workers write them, the reference walks the graph in step, and what has been
measured is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from porter.compare.alignment import NO_STEPS, turned_to_match
from porter.compare.comparison import LayerRow
from porter.compare.difference import Distance, Yardstick
from porter.compare.heat import heat_map
from porter.compare.layers import Known, KnownOutput, walk
from porter.compare.reference import Reference, resolution
from porter.compare.verdict import within_layer_limit
from porter.dataclass import dataclass
from porter.graph.model import Graph, Node, Value
from porter.graph.run import steps
from porter.verification.contestant import Forced, Runner
from porter.verification.settings import LayerPlan
from porter.workers import Layer, NotAvailable
from porter.writing.forms import Part, first

Array = np.ndarray
Tell = Callable[[str, int, int], None]
STAGE = "comparing layers"


@dataclass(frozen=True)
class SourceLayer:
    """What side a made of one of its layers."""

    distance: Distance
    node: Node
    shape: tuple[int, ...]
    scale: float
    noise: float


def with_layers_of_source(
    graph: Graph, inputs: Sequence[Array], worker: Runner | None, tell: Tell
) -> tuple[list[Reference], dict[str, SourceLayer]]:
    """The reference's outputs, and by label the layers of a source that were seen on the way."""
    ends = ends_of_layers(graph)
    spacing = resolution(graph)
    found: dict[str, SourceLayer] = {}
    walked = walk(graph, inputs)
    for place in range(len(graph.nodes)):
        known = next(walked)
        tell("computing the reference", place, len(graph.nodes))
        for layer in _asked(worker, ends.get(known.node, ())):
            array = layer.read()
            output = known.outputs[known.like(array)]
            given = turned_to_match(array, output.exact)
            if given is not None:
                stick = output.yardstick(spacing)
                distance, shape = stick.measure(given), tuple(output.exact.shape)
                label = known.node.origin.label
                found[label] = SourceLayer(distance, known.node, shape, stick.scale, stick.noise)
            layer.drop()
    try:
        next(walked)
    except StopIteration as done:
        return done.value, found
    raise AssertionError("a walk is as long as its graph")


def ends_of_layers(graph: Graph) -> dict[Node, tuple[str, ...]]:
    """Of each outermost layer, the last node that makes real numbers: what its framework calls its output.

    A step of porter's may have moved a layer into a block; then its own name is in the label.
    """
    last: dict[str, Node] = {}
    for node in graph.nodes:
        if "float" in node.outputs[0].dtype:
            last |= dict.fromkeys((node.origin.path[0], node.origin.label), node)
    names: dict[Node, tuple[str, ...]] = {}
    for name, node in last.items():
        names[node] = (*names.get(node, ()), name)
    return names


def _asked(worker: Runner | None, names: Sequence[str]) -> Iterator[Layer]:
    """The first of these layers that was seen, if any."""
    if worker is not None:
        with suppress(NotAvailable):  # its outputs will tell the same, with the reason
            yield from list(filter(None, map(worker.layer, names)))[:1]


@dataclass
class TargetLayers:
    """Measures the layers of side b."""

    plan: LayerPlan
    inputs: Sequence[Array]  # in the order of the plan's graph
    own_inputs: Sequence[Array]  # in the order of side b
    worker: Runner
    room: float
    image: tuple[int, int] | None
    tell: Tell
    missing: list[str] = field(default_factory=list)  # modules that were not seen
    isolated: bool = True
    ends: tuple[Array, ...] = ()  # the model's outputs, made of the true values of its last layers
    covered: dict[Node, tuple[str, ...]] = field(default_factory=dict)
    given: dict[str, dict[int, Part]] = field(default_factory=dict)  # what is known of the arrays of a module
    measured: dict[str, int] = field(default_factory=dict)  # the output, or the first of several

    def __post_init__(self) -> None:
        self.covered = covered(self.plan.graph, frozenset(self.plan.modules.values()))

    def rows(self) -> tuple[LayerRow, ...]:
        """A row for each module that was seen, in the order of the graph."""
        with TemporaryDirectory(prefix="porter-layers-") as folder:
            truths = Truths(Path(folder), self.room)
            found = dict(self._come_down(truths))
            alone = dict(self._alone(truths)) if self.isolated and truths.sticks else {}
        return tuple(_with_isolated(row, alone.get(path)) for path, row in found.items())

    def _come_down(self, truths: Truths) -> Iterator[tuple[str, LayerRow]]:
        graph, spacing = self.plan.graph, resolution(self.plan.graph)
        paths = {node: path for path, node in self.plan.modules.items()}
        for place, known in enumerate(walk(graph, self.inputs, frozenset(paths))):
            self.tell(STAGE, place, 2 * len(graph.nodes))
            if known.node not in paths:
                continue
            path = paths[known.node]
            layer = self.worker.layer(path)
            if layer is None:
                self.missing.append(path)
                continue
            given = self._turned(path, layer.read())
            output = self._output(path, known, layer, given)
            fits = given.shape == output.exact.shape
            if fits or (self.plan.counts and given.size != output.exact.size):
                row = self._row(path, known.node, output, given, spacing)
                if fits and output.exact.dtype.kind == "f":
                    outputs = [one.truth for one in known.outputs]
                    truths.keep(path, output.yardstick_alone(spacing), self._truth(path, outputs))
                yield path, row
            # else the generated code hands the module another view of the same numbers, or goes on from there
            layer.drop()

    def _output(self, path: str, known: Known, layer: Layer, given: Array) -> KnownOutput:
        """Which output of the node the module shows, as the plan says, or else the numbers."""
        ways = [way for way in self.plan.shows.get(path, ()) if len(way) == layer.count]
        parts: dict[int, Part] = dict(enumerate(ways[0])) if ways else {layer.output: known.like(given)}
        part = parts[layer.output]
        self.given[path], self.measured[path] = parts, first(part)
        return known.outputs[part] if isinstance(part, int) else known.stacked(part)

    def _truth(self, path: str, outputs: Sequence[Array]) -> dict[int, Array]:
        """The true values of the arrays that a module gives, as it orders axes."""
        return {
            place: self._back(path, outputs[part])
            if isinstance(part, int)
            else np.stack([outputs[k] for k in part])
            for place, part in self.given[path].items()
        }

    def _row(self, path: str, node: Node, output: KnownOutput, given: Array, spacing: float) -> LayerRow:
        stick = output.yardstick(spacing)
        distance = stick.measure(given)
        near = within_layer_limit(distance)
        return LayerRow(
            name=node.origin.label,
            path=path,
            kind=node.origin.kind,
            op=type(node.op).__name__,
            shape=tuple(stick.exact.shape),
            scale=stick.scale,
            noise=stick.noise,
            a=None,
            b=distance,
            isolated=None,
            isolated_noise=0.0,
            equivalent=near,
            matched=self.plan.matched.get(path, "origin"),
            covers=self.covered[node],
            heat=None if near or given.ndim != 4 else heat_map(given, stick.exact, self.image),
        )

    def _turned(self, path: str, array: Array) -> Array:
        turn = self.plan.turns.get(path)
        return array if turn is None or len(turn) != array.ndim else array.transpose(turn)

    def _back(self, path: str, array: Array) -> Array:
        turn = self.plan.turns.get(path)
        return array if turn is None else array.transpose(np.argsort(turn))

    def _alone(self, truths: Truths) -> Iterator[tuple[str, tuple[Distance, float]]]:
        """Each layer by itself, in one run along the exact values of all."""
        forcing = getattr(self.worker, "forcing", None)
        if forcing is None:
            return
        wanted = self.plan.wanted
        places = {path: wanted[path] for path in truths.sticks}
        forced: Forced = forcing(self.own_inputs, places, self.room)
        total = 2 * len(self.plan.graph.nodes)
        for place, (path, truth) in enumerate(self._exact(truths)):
            self.tell(STAGE, min(total, total // 2 + place), total)
            forced.give(path, truth)
            yield from (self._judged(truths, *pair) for pair in forced.ready())
        with suppress(NotAvailable):
            yield from (self._judged(truths, *pair) for pair in forced.finish())
            self.ends = forced.outputs

    def _judged(self, truths: Truths, layer: Layer, truth: Array) -> tuple[str, tuple[Distance, float]]:
        stick = truths.sticks[layer.path].with_exact(self._turned(layer.path, truth).astype("float64"))
        return layer.path, (stick.measure(self._turned(layer.path, layer.read())), stick.noise)

    def _exact(self, truths: Truths) -> Iterator[tuple[str, dict[int, Array]]]:
        """The exact values again: as they were kept, or computed anew where there was no room for them."""
        if truths.complete:
            for path in truths.sticks:
                yield path, truths.read(path)
            return
        paths = {node: path for path, node in self.plan.modules.items() if path in truths.sticks}
        for node, outputs in steps(self.plan.graph, self.inputs):
            if node in paths:
                pairs = zip(outputs, node.outputs, strict=True)
                held = [array.astype(_held(value)) for array, value in pairs]
                yield paths[node], self._truth(paths[node], held)


def covered(graph: Graph, shown: Collection[Node]) -> dict[Node, tuple[str, ...]]:
    """Of each node that is shown, the layers between it and those shown before: a mistake in one of them
    is seen here first."""
    since: dict[Value, dict[str, None]] = {}
    found: dict[Node, tuple[str, ...]] = {}
    for node in graph.nodes:
        before = {label: None for value in node.inputs for label in since.get(value, ())}
        if node in shown:
            found[node] = tuple(label for label in before if label != node.origin.label)
            continue
        if node.inputs and node.origin.label and not isinstance(node.op, NO_STEPS):
            before[node.origin.label] = None
        since |= dict.fromkeys(node.outputs, before)
    return found


def _held(value: Value) -> str:
    return "float64" if value.dtype == "float64" else "float32"


@dataclass
class Truths:
    """Exact values on disk, in the order of side b, as long as there is room; and the noise of each."""

    folder: Path
    room: float
    sticks: dict[str, Yardstick] = field(default_factory=dict)
    files: dict[str, dict[int, Path]] = field(default_factory=dict)
    taken: int = 0

    @property
    def complete(self) -> bool:
        return len(self.files) == len(self.sticks)

    def keep(self, path: str, stick: Yardstick, exact: Mapping[int, Array]) -> None:
        self.sticks[path] = stick.without_arrays()
        dtype = "float64" if stick.dtype == "float64" else "float32"
        truth = {k: array.astype(dtype) for k, array in exact.items()}
        self.taken += sum(array.nbytes for array in truth.values())
        if self.taken <= self.room:
            self.files[path] = {k: self.folder / f"{len(self.files)}.{k}.npy" for k in truth}
            for k, array in truth.items():
                np.save(self.files[path][k], array)
        else:
            for file in (file for files in self.files.values() for file in files.values()):
                file.unlink(missing_ok=True)
            self.files = {}

    def read(self, path: str) -> dict[int, Array]:
        return {k: np.load(file, mmap_mode="r", allow_pickle=False) for k, file in self.files[path].items()}


def _with_isolated(row: LayerRow, found: tuple[Distance, float] | None) -> LayerRow:
    if found is None:
        return row
    distance, noise = found
    near = row.equivalent and within_layer_limit(distance)
    return replace(row, isolated=distance, isolated_noise=noise, equivalent=near)


def joined(
    graph: Graph, of_source: Mapping[str, SourceLayer], of_target: Sequence[LayerRow]
) -> tuple[LayerRow, ...]:
    """Rows of both sides in the order of the source: one row where both show the same value of a layer, else
    two (a layer's own activation is part of what the source shows, and not of the target's module)."""
    order: dict[str, int] = {}
    for node in graph.nodes:
        order.setdefault(node.origin.label, len(order))
    rows: list[tuple[int, int, LayerRow]] = []
    rest = dict(of_source)
    latest = 0
    for row in of_target:
        latest = order.get(row.name, latest)
        seen = rest.get(row.name)
        if seen is not None and _same_value(seen, row):
            row = replace(row, a=rest.pop(row.name).distance)
        rows.append((latest, 0, row))
    for label, seen in rest.items():
        rows.append((order.get(label, 0), 1, _of_source(label, seen)))
    return tuple(row for _, _, row in sorted(rows, key=lambda item: item[:2]))


def _same_value(seen: SourceLayer, row: LayerRow) -> bool:
    return type(seen.node.op).__name__ == row.op and sorted(seen.shape) == sorted(row.shape)


def _of_source(label: str, seen: SourceLayer) -> LayerRow:
    return LayerRow(
        name=label,
        path="",
        kind=seen.node.origin.kind,
        op=type(seen.node.op).__name__,
        shape=seen.shape,
        scale=seen.scale,
        noise=seen.noise,
        a=seen.distance,
        b=None,
        isolated=None,
        isolated_noise=0.0,
        equivalent=True,  # told, not judged: a source may hold other numbers where nothing looks at them
    )
