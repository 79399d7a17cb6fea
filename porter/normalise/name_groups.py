"""Heads of keys and values that are repeated for the queries which share them, as attention of grouped heads.

    attention(q, repeat(k), repeat(v))                    becomes   attention(q, k, v), grouped

where `(n, h, t, d)` is repeated head by head, in one step or as `(n, h, 1, t, d)`, `(n, h, groups, t, d)`,
`(n, h * groups, t, d)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from porter.graph.builder import prune
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.attention import Attention
from porter.graph.ops.indexing import Expand
from porter.graph.ops.reshaping import Repeat, Reshape


def name_groups(graph: Graph) -> Graph:
    """The graph in which attention takes such keys and values as they were before."""
    producers = graph.producers()
    nodes = tuple(
        _grouped(node, node.op, producers) if isinstance(node.op, Attention) and node.op.groups == 1 else node
        for node in graph.nodes
    )
    return graph if nodes == graph.nodes else prune(replace(graph, nodes=nodes))


def _grouped(node: Node, op: Attention, producers: Mapping[Value, Node]) -> Node:
    query, key, value, *masks = node.inputs
    sides = [_before(side, producers) for side in (key, value)]
    heads = [side.shape[1] if side is not None else None for side in sides]
    if sides[0] is None or sides[1] is None or heads[0] != heads[1] or query.shape[1] != key.shape[1]:
        return node
    shared, all_heads = heads[0], key.shape[1]
    if not isinstance(shared, int) or not isinstance(all_heads, int):
        return node
    grouped = replace(op, groups=all_heads // shared)
    return replace(node, op=grouped, inputs=(query, sides[0], sides[1], *masks))


def _before(value: Value, producers: Mapping[Value, Node]) -> Value | None:
    """What was repeated, each head in a row; None where something else happens."""
    made = producers.get(value)
    if made is not None and isinstance(made.op, Repeat) and value.rank == 4:
        return made.inputs[0] if made.op.axis in (1, -3) else None
    chain = []
    for kind in (Reshape, Expand, Reshape):
        node = producers.get(value)
        if node is None or not isinstance(node.op, kind):
            return None
        chain.append(node)
        value = node.inputs[0]
    merged, repeated, opened = (node.outputs[0].shape for node in chain)
    if len(value.shape) != 4 or len(repeated) != 5 or len(merged) != 4:
        return None
    batch, heads, *vectors = value.shape
    count = repeated[2]
    alone = tuple(opened) == (batch, heads, 1, *vectors)
    each = tuple(repeated) == (batch, heads, count, *vectors)
    if not alone or not each or not isinstance(heads, int) or not isinstance(count, int) or count < 2:
        return None
    return value if tuple(merged) == (batch, heads * count, *vectors) else None
