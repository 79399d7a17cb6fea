"""Truth values that are computed twice, as one.

    m = ids != 0; k = ids != 0; m | k     becomes     m = ids != 0; m

Masks come so: Keras joins those of both sides of a residual connection, which are the same, at every block.
Only truth values, since they are never what a layer puts out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from porter.graph.builder import prune
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.elementwise import Binary, Unary
from porter.graph.ops.sources import Constant

_JOINS = (Binary("logical_or"), Binary("logical_and"))


def join_truths(graph: Graph) -> Graph:
    """The graph with each truth value once, and none joined with itself."""
    same: dict[Value, Value] = {}
    known: dict[Any, Value] = {}
    scalars = {node.outputs[0]: _scalar(node) for node in graph.nodes if _is_scalar(node)}
    nodes = []
    for node in graph.nodes:
        node = replace(node, inputs=tuple(same.get(value, value) for value in node.inputs))
        nodes.append(node)
        if node.outputs[0].dtype != "bool" or not isinstance(node.op, Binary | Unary):
            continue
        if node.op in _JOINS and node.inputs[0] is node.inputs[1]:
            earlier = node.inputs[0]
        else:
            inputs = tuple(scalars.get(value, value) for value in node.inputs)
            earlier = known.setdefault((node.op, inputs, node.origin.scopes), node.outputs[0])
        if earlier is not node.outputs[0] and node.outputs[0] not in graph.outputs:
            same[node.outputs[0]] = earlier
    return prune(replace(graph, nodes=tuple(nodes)))


def _is_scalar(node: Node) -> bool:
    return isinstance(node.op, Constant) and not node.op.shape and not node.params["value"].trainable


def _scalar(node: Node) -> tuple[str, bytes]:
    """What tells a number from others: two constants of the same may stand in a graph."""
    return node.outputs[0].dtype, node.params["value"].tensor.read().tobytes()
