"""One walk over the graph in order: ask each op what it needs, provide it, note what it gives."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Literal

from porter.axes import Move
from porter.dataclass import dataclass
from porter.graph.builder import Builder, prune
from porter.graph.layouts import Layout, Orientation, Relaid, Request, fixed
from porter.graph.model import Graph, Node, Param, Spec, Value
from porter.graph.ops.sources import Constant
from porter.layout.join_views import join_views
from porter.layout.names import axis_names
from porter.layout.provide import Held, Provider
from porter.layout.wishes import Wishes
from porter.weights.tensor import moved


@dataclass(frozen=True)
class LaidOut:
    """A graph in the target's order. `source_axes` names inputs' and outputs' axes before,
    `graph.axes` after."""

    graph: Graph
    inputs: tuple[Layout, ...]
    outputs: tuple[Layout, ...]
    source_axes: Mapping[Value, str]


Io = Literal["native", "source"]


def walked(graph: Graph, target: Orientation, io: Io, written: Collection[Node] = ()) -> LaidOut:
    """The graph in the target's axis order; `written` are the transposes of the source that stay as they are,
    between values in the source's order."""
    walk = _Walk(graph, target, io == "native", written)
    for value in graph.inputs:
        walk.take_input(value)
    for node in graph.nodes:
        walk.take(node)
    return walk.finish()


class _Walk:
    def __init__(
        self, graph: Graph, target: Orientation, native: bool, written: Collection[Node] = ()
    ) -> None:
        self.graph, self.target, self.native, self.written = graph, target, native, written
        self.builder = Builder()
        self.wishes = Wishes(graph, target, written)
        self.provider = Provider(self.builder)
        self.held: dict[Value, Held] = {}

    def take_input(self, value: Value) -> None:
        wish = self.wishes.wanted(value) if self.native and value.rank in (4, 5) else None
        layout = wish or Layout.identity(value.rank)
        self.held[value] = Held(Value(value.name, permuted(value.spec, layout)), layout)

    def take(self, node: Node) -> None:
        request = self._request(node)
        relaid = fixed(node.op, request) if node in self.written else node.op.relayout(request)
        given = [
            self.provider.provide(self.held[value], layout, node.origin)
            for value, layout in zip(node.inputs, relaid.inputs, strict=True)
        ]
        if relaid.relabels:
            self.held[node.outputs[0]] = Held(given[0], relaid.outputs[0])
            return
        params = {name: _follow(param, relaid, name) for name, param in node.params.items()}
        outputs = self.builder.add(
            relaid.op, *given, params=params, origin=node.origin, name=node.outputs[0].name
        )
        for old, new, layout in zip(node.outputs, outputs, relaid.outputs, strict=True):
            source = (node, request) if len(outputs) == 1 else None
            self.held[old] = Held(new, layout, source, isinstance(node.op, Constant))

    def _request(self, node: Node) -> Request:
        held = [self.held[value] for value in node.inputs]
        return Request(
            layouts=tuple(h.layout for h in held),
            inputs=tuple(value.spec for value in node.inputs),
            outputs=tuple(value.spec for value in node.outputs),
            target=self.target,
            inner_welcome=self.wishes.inner_welcome(node.outputs[0]),
            wanted=self.wishes.wanted(node.outputs[0]) if self._agree(node) else None,
            constant=tuple(h.constant for h in held),
        )

    def _agree(self, node: Node) -> bool:
        """Whether the consumers of all outputs have a wish, where there are several."""
        return len(node.outputs) == 1 or all(map(self.wishes.wanted, node.outputs))

    def finish(self) -> LaidOut:
        outputs, layouts = [], []
        known = {self.held[value].value: self.held[value].layout for value in self.graph.inputs}
        origin = self.graph.nodes[-1].origin if self.graph.nodes else None
        for value in self.graph.outputs:
            held = self.held[value]
            layout = held.layout if self._keeps(value, held, known) else Layout.identity(value.rank)
            top = replace(origin, scopes=(), layer=value.name) if origin else None
            outputs.append(self.provider.provide(held, layout, top, "the output keeps the source's order"))
            layouts.append(layout)
            known[outputs[-1]] = layout
        inputs = tuple(self.held[value].value for value in self.graph.inputs)
        source_axes = {}
        axes = {}
        pairs = [
            *zip(
                self.graph.inputs,
                inputs,
                (self.held[v].layout for v in self.graph.inputs),
                strict=True,
            ),
            *zip(self.graph.outputs, outputs, layouts, strict=True),
        ]
        for old, new, layout in pairs:
            names = axis_names(old, self.wishes)
            source_axes[new] = " ".join(names)
            axes[new] = " ".join(names[axis] for axis in layout.perm)
        done = Graph(
            self.graph.name,
            inputs,
            tuple(outputs),
            tuple(self.builder.nodes),
            axes,
            self.graph.output_names,
        )
        return LaidOut(
            join_views(prune(done)),
            tuple(self.held[v].layout for v in self.graph.inputs),
            tuple(layouts),
            source_axes,
        )

    def _keeps(self, value: Value, held: Held, known: Mapping[Value, Layout]) -> bool:
        """Whether an output stays in the target's order. One array under two orders, as an input and its own
        permutation, would be two names for the same numbers: there the permutation is written out."""
        native = self.native and value.rank in (4, 5) and held.layout == self._native(value)
        return native and known.get(held.value, held.layout) == held.layout

    def _native(self, value: Value) -> Layout:
        other: Orientation = "last" if self.target == "first" else "first"
        return Layout.oriented(value.rank, other, self.target)


def permuted(spec: Spec, layout: Layout) -> Spec:
    """The spec of a value held in `layout`."""
    return Spec(tuple(spec.shape[axis] for axis in layout.perm), spec.dtype)


def _follow(param: Param, relaid: Relaid, name: str) -> Param:
    if name not in relaid.params:
        return param
    move, sizes = relaid.params[name]
    return _moved_param(param, move, sizes)


def _moved_param(param: Param, move: Move, sizes: Mapping[str, int]) -> Param:
    return replace(param, tensor=moved(param.tensor, move, **sizes))
