"""Layers on vectors, taken out of rows that the steps of a sequence were merged into.

    Reshape(n * t, f) -> Linear -> Reshape(n, t, g)      becomes      Linear, on (n, t, f)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from porter.graph.builder import prune
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.activation import Gelu, Relu
from porter.graph.ops.elementwise import Binary, Dropout, Unary
from porter.graph.ops.linear import Linear
from porter.graph.ops.reshaping import Reshape

ON_VECTORS = (Linear, Binary, Unary, Dropout, Gelu, Relu)


def keep_steps(graph: Graph) -> Graph:
    """The graph with such layers on sequences as they are."""
    made, users = graph.producers(), graph.consumers()
    hidden = {value for value, seen in users.items() if len(seen) == 1 and value not in graph.outputs}
    placed: dict[Node, list[Node]] = {}
    for node in graph.nodes:
        row = _row(node, made, hidden)
        if row:
            placed[node] = list(_on_steps(row))
    nodes = [one for node in graph.nodes for one in placed.get(node, [node])]
    return prune(replace(graph, nodes=tuple(nodes)))


def _row(last: Node, made: Mapping[Value, Node], hidden: set[Value]) -> list[Node]:
    """From the reshape that merges the steps to the one that parts them; none where it is no such row."""
    if not isinstance(last.op, Reshape):
        return []
    row = [last]
    while True:
        value = row[0].inputs[0]
        node = made.get(value)
        if node is None or value not in hidden or value.rank != 2:
            return []
        row.insert(0, node)
        if isinstance(node.op, Reshape):
            break
        if not isinstance(node.op, ON_VECTORS) or any(one.rank > 1 for one in node.inputs[1:]):
            return []
    whole, parted = row[0].inputs[0].shape, last.outputs[0].shape
    same = whole[:-1] == parted[:-1] and len(whole) > 2
    kept = whole[-1] == row[0].outputs[0].shape[-1] and parted[-1] == last.inputs[0].shape[-1]
    return row if same and kept and len(row) > 2 else []


def _on_steps(row: Sequence[Node]) -> list[Node]:
    value = row[0].inputs[0]
    nodes = []
    for place, node in enumerate(row[1:-1]):
        op = replace(node.op, axis=-1) if isinstance(node.op, Linear) else node.op
        (spec,) = op.infer(value.spec, *(one.spec for one in node.inputs[1:]))
        last = place == len(row) - 3
        result = row[-1].outputs[0] if last else Value(node.outputs[0].name, spec)
        nodes.append(replace(node, op=op, inputs=(value, *node.inputs[1:]), outputs=(result,)))
        value = result
    return nodes
