"""Steps that change nothing: times one, and True.

    x * 1, x / 1, x and True, x or False      becomes      x
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from porter.graph.builder import prune
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.sources import Constant
from porter.weights.tensor import Constant as Numbers

NEUTRAL: Mapping[str, float] = {"multiply": 1, "divide": 1, "logical_and": 1, "logical_or": 0}
"""What changes nothing, as the second operand."""

ONE_SIDED = frozenset({"divide"})
"""Functions to which it matters which operand it is."""


def drop_neutral(graph: Graph) -> Graph:
    """The graph without such steps; those that make an output or another shape stay."""
    made = graph.producers()
    outputs = set(graph.outputs)
    renamed: dict[Value, Value] = {}
    nodes = []
    for node in graph.nodes:
        given = tuple(renamed.get(value, value) for value in node.inputs)
        kept = _kept(node, given, made) if node.outputs[0] not in outputs else None
        if kept is None:
            nodes.append(node if given == node.inputs else replace(node, inputs=given))
        else:
            renamed[node.outputs[0]] = kept
    return prune(replace(graph, nodes=tuple(nodes)))


def _kept(node: Node, given: tuple[Value, ...], made: Mapping[Value, Node]) -> Value | None:
    op = node.op
    if not isinstance(op, Binary) or op.function not in NEUTRAL:
        return None
    a, b = given
    for kept, other in ((a, b),) if op.function in ONE_SIDED else ((a, b), (b, a)):
        if kept.spec == node.outputs[0].spec and _is_all(made.get(other), NEUTRAL[op.function]):
            return kept
    return None


def _is_all(node: Node | None, number: float) -> bool:
    """Whether a value is fixed, and the same number everywhere."""
    if node is None or not isinstance(node.op, Constant):
        return False
    param = node.params["value"]
    fixed = isinstance(param.tensor, Numbers) and not param.trainable
    return fixed and bool(np.all(param.tensor.read() == number))
