"""Attention of several heads as one node, where a framework's own module computes the same.

The graph has its parts: three projections that are split into heads, what each head attends to, and a
projection of the heads together. Each framework has one module for that, which is taken where it means just
this: heads of one width for keys and values, biases everywhere or nowhere, hidden keys whose scores are
replaced. It happens right before the text is written, so that the node has neither a meaning nor a layout of
its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from porter.dataclass import dataclass
from porter.graph.model import Graph, Node, Origin, Param, Scope, Value
from porter.graph.ops.attention import Attention, MergeHeads, SplitHeads
from porter.graph.ops.linear import Linear
from porter.graph.ops.op import Op
from porter.writing.packed_heads import unpacked

SIDES = ("query", "key", "value")
ATTENTION = "attention"
LAYERS = ("Linear", "Dense")
"""What frameworks call a projection that is a layer of its own."""

Kind = TypeVar("Kind", bound=Op)


@dataclass(frozen=True)
class _WholeHeads(Op):
    """Projections, attention and the projection of its result. No op of the neutral graph: its name says so.

    The inputs are those of the projections, `given` of them, as key and value may be one, or all three; and
    then a mask over `(n, heads, t, s)`.
    """

    heads: int
    shared: int  # heads of keys and values
    width: int  # of all heads of queries together
    features: tuple[int, int, int]  # of query, key and value
    outputs: int
    given: int
    causal: bool
    dropout: float
    blank: bool  # a query that may look at no key gets zeros
    apart: bool  # in the source each projection is a layer of its own


WholeHeads = _WholeHeads


@dataclass(frozen=True)
class _Found:
    """The nodes of one use: query, key and value (twice), and what follows."""

    projections: tuple[Node, ...]
    splits: tuple[Node, ...]
    attention: Node
    merge: Node
    output: Node
    beside: bool = False  # in a part of the model that holds other layers as well

    def nodes(self) -> Iterator[Node]:
        yield from (*self.projections, *self.splits, self.attention, self.merge, self.output)

    def whole(self) -> Node:
        """All of it as one node."""
        query, key, value = (node.inputs[0] for node in self.projections)
        given = (query, key, value) if key is not value else (query, key) if query is not key else (query,)
        linears, attention = self.linears(), _op(self.attention, Attention)
        op = _WholeHeads(
            _op(self.splits[0], SplitHeads).heads,
            _op(self.splits[1], SplitHeads).heads,
            linears[0].outputs,
            (linears[0].inputs, linears[1].inputs, linears[2].inputs),
            linears[3].outputs,
            len(given),
            attention.causal,
            attention.dropout,
            attention.blank and len(self.attention.inputs) > 3,
            any(node.origin.kind in LAYERS for node in self.projections),
        )
        inputs = (*given, *self.attention.inputs[3:])
        origin = _outside(self.output.origin) if not self.beside else self._named()
        return replace(self.output, op=op, inputs=inputs, params=self._params(), origin=origin)

    def _named(self) -> Origin:
        """Among other layers: a name that says what it is, and the source's for the product."""
        return replace(self.projections[0].origin, layer=ATTENTION)

    @property
    def packed(self) -> bool:
        """Whether one layer of the source makes queries, keys and values together."""
        return len({node.origin for node in self.projections}) == 1

    def linears(self) -> list[Linear]:
        """The projections: three, and the last."""
        return [_op(node, Linear) for node in (*self.projections, self.output)]

    def _params(self) -> dict[str, Param]:
        rows = zip((*SIDES, "out"), (*self.projections, self.output), strict=True)
        return {f"{side}.{name}": param for side, node in rows for name, param in node.params.items()}

    def native(self) -> bool:
        """Whether such a module means the same."""
        linears, attention = self.linears(), _op(self.attention, Attention)
        heads, shared, also = (_op(split, SplitHeads).heads for split in self.splits)
        sizes = {linear.outputs for linear in linears[1:3]}
        ranks = {node.inputs[0].rank for node in self.projections}
        biased = {"bias" in node.params for node in (*self.projections, self.output)}
        alike = (len(sizes), len(biased), len(ranks), len({linear.axis % min(ranks) for linear in linears}))
        width = linears[0].outputs // heads
        scale = width**-0.5 if attention.scale is None else attention.scale
        return (
            alike == (1, 1, 1, 1)
            and linears[0].axis % min(ranks) == min(ranks) - 1
            and shared == also == heads // attention.groups
            and linears[1].outputs == width * shared
            and abs(scale * width**0.5 - 1) < 1e-9
            and len({value.shape[:-3] for value in self.attention.inputs[:3]}) == 1
            and self._plain_mask(attention, heads)
        )

    def _plain_mask(self, attention: Attention, heads: int) -> bool:
        query, key, _, *masks = self.attention.inputs
        if not masks:
            return True
        wanted = (query.shape[0], heads, query.shape[-2], key.shape[-2])
        (mask,) = masks
        fits = query.rank == mask.rank == 4 and all(
            size in (1, want) for size, want in zip(mask.shape, wanted, strict=True)
        )
        return fits and attention.penalty is None


def heads_apart(graph: Graph, accepts: Callable[[Node], bool] = lambda whole: True) -> Graph:
    """The graph with queries, keys and values that one product makes taken apart, where this gives such a
    node."""
    apart = _fitting(unpacked(graph), accepts)
    return unpacked(graph, {one.attention.outputs[0] for one in apart})


def whole_heads(
    graph: Graph, accepts: Callable[[Node], bool] = lambda whole: True
) -> tuple[Graph, Mapping[Node, Node]]:
    """The graph with such nodes, as far as the target `accepts` them; and for each of them the node that gave
    its result."""
    found = _fitting(graph, accepts)
    if not found:
        return graph, {}
    wholes = {one.output: one.whole() for one in found}
    gone = {node for one in found for node in one.nodes()} - wholes.keys()
    homes = {one.output.origin.scopes for one in found if not one.beside}
    nodes = tuple(_moved_out(wholes.get(node, node), homes) for node in graph.nodes if node not in gone)
    return replace(graph, nodes=nodes), {whole: output for output, whole in wholes.items()}


def _fitting(graph: Graph, accepts: Callable[[Node], bool]) -> list[_Found]:
    nested = (one for one in _uses(graph) if one.output.origin.scopes or one.packed)
    fitting = [one for one in nested if one.native() and accepts(one.whole())]
    return list(_consistent(graph, fitting))


def _uses(graph: Graph) -> Iterator[_Found]:
    producers, users = graph.producers(), graph.consumers()

    def alone(value: Value) -> Node | None:
        taken = users.get(value, [])
        return taken[0] if len(taken) == 1 and value not in graph.outputs else None

    def before(values: Sequence[Value], kind: type[Op], after: Iterable[Node]) -> tuple[Node, ...]:
        made = [producers.get(value) for value in values]
        fits = all(
            node and isinstance(node.op, kind) and alone(value) is user
            for value, node, user in zip(values, made, after, strict=True)
        )
        return tuple(node for node in made if node) if fits else ()

    for node in graph.nodes:
        if not isinstance(node.op, Attention):
            continue
        splits = before(node.inputs[:3], SplitHeads, [node] * 3)
        projections = before([split.inputs[0] for split in splits], Linear, splits)
        merge = alone(node.outputs[0])
        output = alone(merge.outputs[0]) if merge and isinstance(merge.op, MergeHeads) else None
        if merge and output and isinstance(output.op, Linear) and len(set(projections)) == 3:
            yield _Found(projections, splits, node, merge, output)


def _consistent(graph: Graph, found: Sequence[_Found]) -> Sequence[_Found]:
    """Those whose weights nothing else uses, in nested parts that hold no others, or made by one product."""
    while True:
        inside = {node for one in found for node in one.nodes()}
        others = [node for node in graph.nodes if node not in inside]
        taken = {array for node in others for array in _arrays(node)}
        homes = {node.origin.scopes for node in others if node.params}
        kept = [
            replace(one, beside=not _own_home(one, homes))
            for one in found
            if (_own_home(one, homes) or _among(one)) and not taken & set(_held(one))
        ]
        if len(kept) == len(found):
            return kept
        found = kept


def _own_home(one: _Found, homes: set[tuple[Scope, ...]]) -> bool:
    scopes = {node.origin.scopes for node in one.nodes()}
    return len(scopes) == 1 and scopes != {()} and not scopes & homes


def _among(one: _Found) -> bool:
    """Whether it can stand among other layers: two names of the source's give way to one."""
    return one.packed and len({node.origin.scopes for node in one.nodes()}) == 1


def _held(one: _Found) -> Iterator[object]:
    return (array for node in one.nodes() for array in _arrays(node))


def _arrays(node: Node) -> Iterator[object]:
    """The source's arrays that a node's weights are made of; what is in no file is itself."""
    for param in node.params.values():
        origins = param.tensor.origins
        yield from ((origin.file, origin.key) for origin in origins)
        if not origins:
            yield id(param.tensor)


def _moved_out(node: Node, homes: set[tuple[Scope, ...]]) -> Node:
    """What else stood in the nested part, such as a mask's shapes, beside the whole."""
    if node.origin.scopes not in homes:
        return node
    return replace(node, origin=_outside(node.origin, node.origin.layer))


def _outside(origin: Origin, layer: str = "") -> Origin:
    if not origin.scopes:
        return origin
    *outer, home = origin.scopes
    kind = origin.kind if layer else home.kind
    return Origin(layer or home.name, kind, tuple(outer), origin.source.rpartition("/")[0])


def _op(node: Node, kind: type[Kind]) -> Kind:
    assert isinstance(node.op, kind)
    return node.op
