"""Cuts one after another, each along axes of its own, as one.

    x[:, :14][:, :, :14]     becomes     x[:, :14, :14]
"""

from __future__ import annotations

from dataclasses import replace

from porter.graph.builder import prune
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.reshaping import Slice

WHOLE = (None, None, 1)


def join_slices(graph: Graph) -> Graph:
    """The graph with such rows of cuts as one each; what others look at in between stays."""
    users = graph.consumers()
    made: dict[Value, Node] = {}
    nodes = []
    for node in graph.nodes:
        first = made.get(node.inputs[0]) if isinstance(node.op, Slice) else None
        if first is not None and all(_joined(first, user) for user in users[node.inputs[0]]):
            node = _joined(first, node) or node
        if isinstance(node.op, Slice) and node.outputs[0] not in graph.outputs:
            made[node.outputs[0]] = node
        nodes.append(node)
    return prune(replace(graph, nodes=tuple(nodes)))


def _joined(first: Node, then: Node) -> Node | None:
    """Both cuts at once; None where an axis is cut twice, or what follows is no cut."""
    if not isinstance(first.op, Slice) or not isinstance(then.op, Slice):
        return None
    pairs = list(zip(first.op.ranges, then.op.ranges, strict=True))
    if not all(WHOLE in pair for pair in pairs):
        return None
    ranges = tuple(old if new == WHOLE else new for old, new in pairs)
    return replace(then, op=Slice(ranges), inputs=first.inputs)
