"""Linear layers whose matrix is a table of vectors that the model reads as well, as language models tie them.

PyTorch ties two modules by giving both one parameter. Where a framework cannot, as its linear layers keep the
matrix the other way round, the table itself is used backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from porter.graph.model import Graph, Node, Value
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.linear import Embedding, Linear, Unembed
from porter.graph.ops.sources import Constant
from porter.weights.tensor import identity
from porter.writing.ties import common, home


def backwards(graph: Graph, keeps: Callable[[Node], bool] = lambda node: False) -> Graph:
    """The graph with such layers, but those that the target `keeps`, as uses of the tables."""
    tables = _tables(graph)
    nodes: list[Node] = []
    for node in graph.nodes:
        tied = _fits(node) and _held(node) in tables
        nodes += [node] if not tied or keeps(node) else _said(node)
    return replace(graph, nodes=tuple(nodes))


def _tables(graph: Graph) -> set[object]:
    return {_held(node) for node in graph.nodes if isinstance(node.op, Embedding) and _stored(node)}


def _stored(node: Node) -> bool:
    """Whether its numbers are of the source's files, so that they are known to be the same elsewhere."""
    return bool(node.params["weight"].tensor.origins)


def _held(node: Node) -> object:
    """The numbers of a weight, and whether they are trained."""
    param = node.params["weight"]
    return identity(param.tensor), param.trainable


def _fits(node: Node) -> bool:
    return isinstance(node.op, Linear) and node.op.axis in (-1, node.inputs[0].rank - 1)


def _said(node: Node) -> Iterator[Node]:
    """The product with the table, and the bias as an array of its own."""
    (result,), op = node.outputs, node.op
    assert isinstance(op, Linear)
    product = result if "bias" not in node.params else Value(result.name, result.spec)
    weight = {"weight": node.params["weight"]}
    yield replace(node, op=Unembed(op.outputs, op.inputs), outputs=(product,), params=weight)
    if "bias" in node.params:
        bias = node.params["bias"]
        held = Constant((op.outputs,), bias.tensor.dtype)
        value = Value(f"{result.name}_bias", held.infer()[0])
        own = replace(node.origin, layer=f"{node.origin.layer}_bias", source=node.origin.label)
        yield Node(held, (), (value,), {"value": bias}, own)
        yield Node(Binary("add"), (product, value), node.outputs, {}, node.origin)


def one_layer(graph: Graph) -> Graph:
    """The graph with all uses of a table as those of one layer, in the part of the model that holds them."""
    uses: dict[object, list[Node]] = {}
    for node in graph.nodes:
        if isinstance(node.op, Embedding | Unembed) and _stored(node):
            uses.setdefault(_held(node), []).append(node)
    moved: dict[Node, Node] = {}
    for nodes in uses.values():
        if len({node.origin.path for node in nodes}) == 1:
            continue
        first = next((node for node in nodes if isinstance(node.op, Embedding)), nodes[0])
        depth = common([home(node) for node in nodes])
        name = "_".join(first.origin.path[depth:])
        for node in nodes:
            scopes = node.origin.scopes[:depth]
            moved[node] = replace(
                node, origin=replace(node.origin, layer=name, scopes=scopes, source=node.origin.label)
            )
    return replace(graph, nodes=tuple(moved.get(node, node) for node in graph.nodes))
