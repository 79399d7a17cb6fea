"""A reduction whose axes a reshape brings back at once keeps them instead.

Reduce(mean, axes 1 2) -> Reshape(n, 1, 1, c)     becomes     Reduce(mean, axes 1 2, keepdims)
"""

from __future__ import annotations

from dataclasses import replace

from porter.graph.builder import prune
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Reshape


def keep_reduced_axes(graph: Graph) -> Graph:
    """The graph with such pairs as one node."""
    producers = graph.producers()
    nodes = tuple(
        _merged(node, producers.get(node.inputs[0]) if node.inputs else None) for node in graph.nodes
    )
    return prune(replace(graph, nodes=nodes))


def _merged(node: Node, before: Node | None) -> Node:
    if before is None or not isinstance(node.op, Reshape) or not isinstance(before.op, Reduce):
        return node
    kept = replace(before.op, keepdims=True)
    given: Value = before.inputs[0]
    if kept.infer(given.spec)[0].shape != node.outputs[0].shape or before.op.keepdims:
        return node
    return replace(node, op=kept, inputs=(given,), origin=before.origin)
