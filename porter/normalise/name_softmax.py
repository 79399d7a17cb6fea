"""Softmax that a model spells out, as the one op that it is.

    e = exp(x - max(x)); e / sum(e)                       becomes   softmax(x)
    s = x - max(x); s - log(sum(exp(s)))                  becomes   log_softmax(x)

Only with the largest value taken off first: without that, large numbers overflow, and it is another function.
"""

from __future__ import annotations

from dataclasses import replace

from porter.graph.builder import prune
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.activation import LogSoftmax, Softmax
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.op import Op
from porter.graph.ops.reduction import Reduce
from porter.normalise.formulas import Formulas


def name_softmax(graph: Graph) -> Graph:
    """The graph with such formulas as one node each."""
    formulas = Formulas(graph)
    nodes = tuple(formulas.replace(_named(node, formulas)) for node in graph.nodes)
    return prune(replace(graph, nodes=nodes))


def _named(node: Node, formulas: Formulas) -> Node:
    found: tuple[Op, Value] | None = None
    if node.op == Binary("divide"):
        found = _softmax(node, formulas)
    if node.op == Binary("subtract"):
        found = _log_softmax(node, formulas)
    if found is None or found[0].infer(found[1].spec)[0] != node.outputs[0].spec:
        return node
    return replace(node, op=found[0], inputs=(found[1],))


def _softmax(node: Node, formulas: Formulas) -> tuple[Op, Value] | None:
    raised, total = node.inputs
    shifted = formulas.under(raised, "exp")
    axis = _summed(formulas, total, raised)
    x = _shifted(formulas, shifted, axis)
    return None if x is None or axis is None else (Softmax(_shown(axis, x)), x)


def _log_softmax(node: Node, formulas: Formulas) -> tuple[Op, Value] | None:
    shifted, logarithm = node.inputs
    total = formulas.under(logarithm, "log")
    if total is None:
        return None
    summed = formulas.node(total, Reduce)
    raised = None if summed is None else summed.inputs[0]
    inner = formulas.under(raised, "exp")
    if raised is None or inner is None or not formulas.same(inner, shifted):
        return None
    axis = _summed(formulas, total, raised)
    x = _shifted(formulas, shifted, axis)
    return None if x is None or axis is None else (LogSoftmax(_shown(axis, x)), x)


def _shown(axis: int, x: Value) -> int:
    return -1 if axis == x.rank - 1 else axis


def _summed(formulas: Formulas, total: Value, raised: Value) -> int | None:
    """The axis that a sum of `raised` runs along, if it is one axis, and kept."""
    node = formulas.node(total, Reduce)
    if node is None or not isinstance(node.op, Reduce) or node.op.function != "sum" or len(node.op.axes) != 1:
        return None
    kept = node.op.keepdims and formulas.same(node.inputs[0], raised)
    return node.op.axes[0] % raised.rank if kept else None


def _shifted(formulas: Formulas, value: Value | None, axis: int | None) -> Value | None:
    """The x of x - max(x)."""
    parts = formulas.operands(value, "subtract")
    top = formulas.node(parts[1], Reduce) if parts else None
    if top is None or axis is None or not isinstance(top.op, Reduce):
        return None
    x = parts[0]
    wanted = Reduce("max", tuple(a % x.rank for a in top.op.axes), True)
    fits = replace(top.op, axes=wanted.axes) == wanted and wanted.axes == (axis,)
    return x if fits and formulas.same(top.inputs[0], x) else None
