"""The graph as Keras will hold it: one flat model of layers with unique names.

Each node is told the name of its layer, which of its outputs are used, whether it is all that its layer of
the source does, and the activation that it takes over.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from converters.keras.writing.activations import name_of
from porter.dataclass import dataclass
from porter.graph.model import Graph, Node, Origin, Scope, Value
from porter.graph.ops.attention import HideScores
from porter.graph.ops.convolution import Conv, ConvTranspose
from porter.graph.ops.elementwise import Binary, Where
from porter.graph.ops.indexing import Gather, Scatter, ShapeOf, Stack, TakeAlong
from porter.graph.ops.linear import Einsum, Embedding, Linear, MatMul, Unembed
from porter.graph.ops.op import Op
from porter.graph.ops.reshaping import Concat
from porter.graph.ops.sources import Constant
from porter.source.names import identifier
from porter.weights.tensor import Constant as Numbers
from porter.weights.tensor import identity
from porter.writing.grouping import Group, group

ACTIVATED = (Conv, ConvTranspose, Linear)
"""Ops whose layers have an activation of their own."""

TAKES_NUMBERS = (Binary, Concat, Einsum, Gather, HideScores, MatMul, Scatter, Stack, TakeAlong, Where)
"""Ops that are said by functions which take plain numbers and arrays beside tensors."""

FEW = 64
"""Constants of up to so many numbers stand in the code; others are weights."""


@dataclass(frozen=True, eq=False)
class KerasNode(Node):
    """A node whose `origin.layer` is the name of its layer within its block."""

    was: Node | None = None  # the node of the laid-out graph that has its outputs
    alone: bool = False  # the source's layer does nothing else, and takes tensors only, as layers do
    used: tuple[bool, ...] = ()  # for each output
    activation: Op | None = None  # done by the layer itself
    reversible: bool = False  # a table that is used backwards, too

    @property
    def full_name(self) -> str:
        """The layer's name in the model."""
        return "_".join(self.origin.path)


def keras_graph(graph: Graph, avoid: Collection[str] = ()) -> Graph:
    """The graph with such nodes; names in `avoid` (patterns of Keras's own) are given to no layer."""
    graph = _tidied(_anchored(graph))
    graph = _flattened(graph)
    folded = _folded(graph)
    uses = Counter(value for node in folded for value in node.inputs)
    uses.update(graph.outputs)
    crowd = _crowd(folded)
    numbers = {node.outputs[0] for node in folded if isinstance(node.op, Constant) and not node.inputs}
    names = _Names(folded, avoid)
    back = {names.of(node) for node in folded if isinstance(node.op, Unembed)}
    nodes = tuple(
        replace(
            node,
            origin=replace(node.origin, layer=names.of(node)),
            alone=bool(node.origin.layer)
            and len(crowd[_call_of(node)]) == 1
            and numbers.isdisjoint(node.inputs),
            used=tuple(uses[value] > 0 for value in node.outputs),
            reversible=isinstance(node.op, Embedding) and names.of(node) in back,
        )
        for node in folded
    )
    return replace(graph, nodes=nodes)


def _crowd(nodes: Sequence[KerasNode]) -> dict[Origin, set[object]]:
    """What each layer of the source does: one thing where it is a function that is called again and again."""
    found: dict[Origin, set[object]] = {}
    for node in nodes:
        again = node.op if len(node.inputs) == 1 and not node.params else node
        found.setdefault(_call_of(node), set()).add(again)
    return found


def _call_of(node: KerasNode) -> Origin:
    """The layer of the source that the node belongs to, and which call of it."""
    return node.was.origin if node.was is not None else node.origin


def safe_name(text: str, fallback: str = "layer") -> str:
    """A name that Keras takes on all backends."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-") or fallback


def _anchored(graph: Graph) -> Graph:
    """Constants that are weights, or that no tensor meets in a function, hang on the first tensor that meets
    them or what is made of them: a functional model has no node without an input."""
    fixed: set[Value] = {v for node in graph.nodes if isinstance(node.op, Constant) for v in node.outputs}
    loose = set(graph.outputs) & fixed
    for node in graph.nodes:
        if not isinstance(node.op, TAKES_NUMBERS) or all(value in fixed for value in node.inputs):
            loose.update(node.inputs)
    waiting: dict[Value, Node] = {}  # by what they make, until a tensor is met
    running = set(graph.inputs)  # tensors that are made of the inputs
    nodes: list[Node] = []
    for node in graph.nodes:
        met = [value for value in node.inputs if value in running]
        is_number = isinstance(node.op, Constant) and node.outputs[0] not in loose and _inline(node)
        if not met and not is_number:
            waiting.update((value, node) for value in node.outputs)
            continue
        nodes += [*_hung(node.inputs, waiting, met or graph.inputs), node]
        if met and not isinstance(node.op, ShapeOf):
            running.update(node.outputs)
    nodes += _hung(tuple(waiting), waiting, graph.inputs)
    return replace(graph, nodes=tuple(nodes))


def _hung(wanted: Sequence[Value], waiting: dict[Value, Node], on: Sequence[Value]) -> list[Node]:
    """The waiting nodes that make these values, which wait no longer; constants among them hang on `on`."""
    found: list[Node] = []
    for value in wanted:
        node = waiting.get(value)
        if node is None:
            continue
        for made in node.outputs:
            del waiting[made]
        found += _hung(node.inputs, waiting, on)
        found.append(replace(node, inputs=tuple(on[:1])) if isinstance(node.op, Constant) else node)
    return found


def _inline(node: Node) -> bool:
    param = node.params["value"]
    few = isinstance(param.tensor, Numbers) and param.tensor.array.size <= FEW
    return few and not param.trainable


def _tidied(graph: Graph) -> Graph:
    """Names of scopes and layers as Keras takes them."""

    def tidy(origin: Origin) -> Origin:
        scopes = tuple(replace(scope, name=safe_name(scope.name, "block")) for scope in origin.scopes)
        layer = safe_name(origin.layer, "") if origin.layer else ""
        return Origin(layer, origin.kind, scopes, origin.label)

    return replace(graph, nodes=tuple(replace(node, origin=tidy(node.origin)) for node in graph.nodes))


def _flattened(graph: Graph) -> Graph:
    """Models that are called more than once, or whose calls are woven into one another, are not kept
    together: their layers stand in the model around them."""
    calls: dict[tuple[str, ...], set[tuple[Scope, ...]]] = {}
    for node in graph.nodes:
        for depth in range(1, len(node.origin.scopes) + 1):
            scopes = node.origin.scopes[:depth]
            calls.setdefault(tuple(scope.name for scope in scopes), set()).add(scopes)
    apart = {path for path, found in calls.items() if len(found) > 1} | _alike(graph)
    while True:
        done = replace(graph, nodes=tuple(replace(n, origin=_lifted(n.origin, apart)) for n in graph.nodes))
        kept = _homes(group(done))
        woven = {
            tuple(scope.name for scope in node.origin.scopes[:depth])
            for node in done.nodes
            for depth in range(1, len(node.origin.scopes) + 1)
        } - kept
        if not woven:
            return done
        apart |= woven


def _alike(graph: Graph) -> set[tuple[str, ...]]:
    """Scopes whose names are one and the same identifier as another's, or as that of a layer beside them."""
    told: dict[str, set[str]] = {}
    beside: set[tuple[tuple[str, ...], str]] = set()
    paths: set[tuple[str, ...]] = set()
    for node in graph.nodes:
        names = tuple(scope.name for scope in node.origin.scopes)
        beside.add((names, identifier(node.origin.layer)))
        paths.update(names[:depth] for depth in range(1, len(names) + 1))
    for path in paths:
        told.setdefault(identifier(path[-1]), set()).add(path[-1])
    return {
        path
        for path in paths
        if len(told[identifier(path[-1])]) > 1 or (path[:-1], identifier(path[-1])) in beside
    }


def _homes(tree: Group) -> set[tuple[str, ...]]:
    inner = [item for item in tree.items if isinstance(item, Group)]
    return {tree.home}.union(*map(_homes, inner))


def _lifted(origin: Origin, apart: Collection[tuple[str, ...]]) -> Origin:
    """The origin with what lies below a scope of `apart` in its layer's name."""
    names = tuple(scope.name for scope in origin.scopes)
    depth = next((k for k in range(len(names)) if names[: k + 1] in apart), len(names))
    rest = [*names[depth:], *([origin.layer] if origin.layer else [])]
    return replace(origin, scopes=origin.scopes[:depth], layer="_".join(rest))


def _folded(graph: Graph) -> list[KerasNode]:
    """Activations taken over by the layer that they belong to."""
    users, producers = graph.consumers(), graph.producers()
    taken: dict[Node, Node] = {}
    for node in graph.nodes:
        maker = producers.get(node.inputs[0]) if len(node.inputs) == 1 and not node.params else None
        if maker is not None and isinstance(maker.op, ACTIVATED) and name_of(node.op) is not None:
            same = maker.origin.path == node.origin.path and bool(node.origin.layer)
            lone = len(users[maker.outputs[0]]) == 1 and maker.outputs[0] not in graph.outputs
            if same and lone and _on_last_axis(maker):
                taken[maker] = node
    gone = set(taken.values())
    return [
        _kept(node, taken[node].outputs, taken[node].op, taken[node])
        if node in taken
        else _kept(node, node.outputs, None, node)
        for node in graph.nodes
        if node not in gone
    ]


def _kept(node: Node, outputs: tuple[Value, ...], activation: Op | None, was: Node) -> KerasNode:
    return KerasNode(node.op, node.inputs, outputs, node.params, node.origin, was=was, activation=activation)


def _on_last_axis(node: Node) -> bool:
    """A layer of Keras's own works along the last axis, and so does its activation."""
    if isinstance(node.op, ConvTranspose):
        return is_transposed_layer(node.op)
    return not isinstance(node.op, Linear) or node.op.axis in (-1, node.inputs[0].rank - 1)


def is_transposed_layer(op: ConvTranspose) -> bool:
    """Whether Keras has a layer for it: none works in groups, or takes strides and dilation at once."""
    return op.groups == 1 and (max(op.strides) == 1 or max(op.dilation) == 1)


class _Names:
    """One name for each layer: uses of the same layer with the same weights share it."""

    def __init__(self, nodes: Sequence[KerasNode], avoid: Collection[str]) -> None:
        self.avoid = [re.compile(pattern) for pattern in avoid]
        self.known: dict[object, str] = {}
        self.taken: set[str] = set()
        for node in sorted(nodes, key=lambda node: not node.params):  # those with weights choose first
            self._name(node)

    def of(self, node: Node) -> str:
        return self.known[self._key(node)]

    def _key(self, node: Node) -> object:
        params = tuple(sorted((name, repr(identity(p.tensor))) for name, p in node.params.items()))
        # without weights, what a layer is told can depend on what it is given: a reshape keeps sizes
        anything = bool(params) or name_of(node.op) is not None
        sizes = () if anything else tuple(value.shape[1:] for value in node.inputs)
        table = isinstance(node.op, Embedding | Unembed)  # read either way it is one layer
        return node.origin.path, "table" if table else node.op, params, sizes

    def _name(self, node: Node) -> None:
        key = self._key(node)
        if key in self.known:
            return
        scopes = [scope.name for scope in node.origin.scopes]
        base = node.origin.layer or safe_name(type(node.op).__name__.lower())
        if any(pattern.fullmatch("_".join([*scopes, base])) for pattern in self.avoid):
            base += "_layer"
        name, number = base, 1
        while "_".join([*scopes, name]) in self.taken:
            number += 1
            name = f"{base}_{number}"
        self.known[key] = name
        self.taken.add("_".join([*scopes, name]))


def input_names(graph: Graph) -> Mapping[Value, str]:
    """Names for the inputs, which are layers too."""
    taken = {node.full_name for node in graph.nodes if isinstance(node, KerasNode)}
    names: dict[Value, str] = {}
    for value in graph.inputs:
        name, number = safe_name(value.name, "input"), 1
        while name in taken:
            number += 1
            name = f"{safe_name(value.name, 'input')}_{number}"
        taken.add(name)
        names[value] = name
    return names
