"""Reshapes one after another, where nobody looks in between, as one.

    MergeBatch -> Reshape(n*t, f) -> SplitBatch     becomes     Reshape(n, t, f)

A layer that is applied to every step of a sequence folds the steps into the batch and back; where the layer
itself only reshapes, none of that is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from porter.graph.builder import prune
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.batching import MergeBatch, SplitBatch
from porter.graph.ops.reshaping import Reshape
from porter.graph.regroup import target_for


def join_reshapes(graph: Graph) -> Graph:
    """The graph with such rows of reshapes as one each."""
    users = graph.consumers()
    hidden = {value for value, seen in users.items() if len(seen) == 1 and value not in graph.outputs}
    made: dict[Value, Node] = {}
    nodes = []
    for node in graph.nodes:
        if isinstance(node.op, Reshape | SplitBatch):
            node = _joined(node, made, hidden)
        if isinstance(node.op, Reshape | MergeBatch | SplitBatch):
            made[node.outputs[0]] = node
        nodes.append(node)
    return prune(replace(graph, nodes=tuple(nodes)))


def _joined(node: Node, made: Mapping[Value, Node], hidden: set[Value]) -> Node:
    """The node as a reshape of the earliest value that it can be said of."""
    best, given = node, node.inputs[0]
    while given in hidden and given in made:
        given = made[given].inputs[0]
        target = target_for(given.shape, node.outputs[0].shape)
        if target is not None and Reshape(target).infer(given.spec)[0] == node.outputs[0].spec:
            best = replace(node, op=Reshape(target), inputs=(given,))
    return best
