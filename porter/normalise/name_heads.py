"""Heads that are cut out of a width and brought beside the batch, as one op, and back.

    Reshape(n, t, h, d) -> Transpose(n, h, t, d)          becomes   SplitHeads(h)
    Transpose(n, t, h, d) -> Reshape(n, t, h * d)         becomes   MergeHeads

Transposes one after another are one first.
"""

from __future__ import annotations

from dataclasses import replace

from porter.axes import permutation
from porter.graph.builder import prune
from porter.graph.dims import times
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.attention import MergeHeads, SplitHeads
from porter.graph.ops.reshaping import Reshape, Transpose

SWAP = permutation("n t h d", "n h t d")


def name_heads(graph: Graph) -> Graph:
    """The graph with such pairs as one node each."""
    producers = graph.producers()
    nodes: list[Node] = []
    renamed: dict[Value, Value] = {}
    for given in graph.nodes:
        node = replace(given, inputs=tuple(renamed.get(value, value) for value in given.inputs))
        made = _named(node, producers.get(node.inputs[0]) if node.inputs else None)
        idle = isinstance(made.op, Transpose) and made.op.perm == tuple(range(len(made.op.perm)))
        if idle and made.outputs[0] not in graph.outputs:
            renamed[made.outputs[0]] = made.inputs[0]
            continue
        producers.update((value, made) for value in made.outputs)
        nodes.append(made)
    return prune(replace(graph, nodes=tuple(nodes)))


def _named(node: Node, before: Node | None) -> Node:
    if before is None:
        return node
    if isinstance(node.op, Transpose) and isinstance(before.op, Transpose):
        perm = tuple(before.op.perm[axis] for axis in node.op.perm)
        return replace(node, op=replace(node.op, perm=perm), inputs=before.inputs)
    if isinstance(node.op, Transpose) and node.op.perm == SWAP and isinstance(before.op, Reshape):
        heads = _cut(before.inputs[0], before.outputs[0])
        return replace(node, op=SplitHeads(heads), inputs=before.inputs) if heads else node
    if isinstance(node.op, Reshape) and isinstance(before.op, Transpose) and before.op.perm == SWAP:
        apart, whole = node.inputs[0], node.outputs[0]
        if _cut(whole, apart):
            return replace(node, op=MergeHeads(), inputs=before.inputs)
    return node


def _cut(whole: Value, apart: Value) -> int:
    """Into how many heads the last axis is cut; 0 where something else happens."""
    if whole.rank != 3 or apart.rank != 4 or whole.shape[:2] != apart.shape[:2]:
        return 0
    heads, width = apart.shape[2:]
    fits = isinstance(heads, int) and isinstance(width, int) and times(heads, width) == whole.shape[2]
    return heads if fits and isinstance(heads, int) else 0
