"""Normalizations that a model spells out, as the layers that they are.

    (x - mean(x)) / sqrt(var(x) + e), times g, plus b     becomes   layer_norm(x, g, b)
    x / sqrt(mean(x^2) + e), times g                      becomes   rms_norm(x, g)

The variance may be written as the mean of squares less the square of the mean, as Flax does; that is the same
function, which loses more digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from porter.graph.builder import prune
from porter.graph.model import Graph, Node, Param, Value
from porter.graph.ops.activation import Relu
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.normalisation import LayerNorm, RmsNorm
from porter.graph.ops.op import Op
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.sources import Constant
from porter.normalise.formulas import Formulas

Axes = tuple[int, ...]


def name_norms(graph: Graph) -> Graph:
    """The graph with such formulas as one node each."""
    formulas = Formulas(graph)
    nodes = tuple(formulas.replace(_affine(_named(node, formulas), formulas)) for node in graph.nodes)
    return prune(replace(graph, nodes=nodes))


def _named(node: Node, formulas: Formulas) -> Node:
    for top, spread in _quotients(node, formulas):
        for inner, number in formulas.orders(spread, "add"):
            epsilon = formulas.number(number)
            found = None if epsilon is None or epsilon <= 0 else _norm(top, inner, epsilon, formulas)
            if found is not None and found[0].infer(found[1].spec)[0] == node.outputs[0].spec:
                return replace(node, op=found[0], inputs=(found[1],))
    return node


def _quotients(node: Node, formulas: Formulas) -> Iterator[tuple[Value, Value]]:
    """Readings of a node as a / sqrt(b)."""
    if node.op == Binary("divide"):
        root = formulas.under(node.inputs[1], "sqrt")
        if root is not None:
            yield node.inputs[0], root
    for a, b in formulas.orders(node.outputs[0], "multiply") if node.op == Binary("multiply") else ():
        root = formulas.under(b, "rsqrt")
        if root is not None:
            yield a, root


def _norm(top: Value, spread: Value, epsilon: float, formulas: Formulas) -> tuple[Op, Value] | None:
    parts = formulas.operands(top, "subtract")
    if parts:
        axes = _mean(parts[1], parts[0], formulas)
        if axes and _is_variance(spread, parts[0], axes, formulas):
            return LayerNorm(_last(axes, parts[0]), epsilon), parts[0]
    mean = formulas.node(spread, Reduce)
    square = None if mean is None else formulas.under(mean.inputs[0], "square")
    axes = _mean(spread, mean.inputs[0], formulas) if mean is not None else ()
    if square is not None and axes and formulas.same(square, top):
        return RmsNorm(_last(axes, top), epsilon), top
    return None


def _last(axes: Axes, x: Value) -> Axes:
    return tuple(axis - x.rank for axis in axes)


def _mean(value: Value, x: Value, formulas: Formulas) -> Axes:
    """The axes that a value is the mean of x over, which it keeps; none where it is not that."""
    node = formulas.node(value, Reduce)
    if node is None or not isinstance(node.op, Reduce) or node.op.function != "mean" or not node.op.keepdims:
        return ()
    axes = tuple(sorted(axis % x.rank for axis in node.op.axes))
    trailing = axes == tuple(range(x.rank - len(axes), x.rank)) and 0 not in axes
    return axes if trailing and formulas.same(node.inputs[0], x) else ()


def _is_variance(value: Value, x: Value, axes: Axes, formulas: Formulas) -> bool:
    node = formulas.node(value)
    if node is None:
        return False
    if node.op == Relu():
        return _is_variance(node.inputs[0], x, axes, formulas)  # no less than zero, which it is not
    if isinstance(node.op, Reduce) and node.op.function == "var":
        return node.op.keepdims and {axis % x.rank for axis in node.op.axes} == set(axes)
    parts = formulas.operands(value, "subtract")
    if parts:
        whole, centre = formulas.node(parts[0], Reduce), formulas.under(parts[1], "square")
        square = None if whole is None else formulas.under(whole.inputs[0], "square")
        if square is None or centre is None or whole is None or not formulas.same(square, x):
            return False
        return _mean(parts[0], whole.inputs[0], formulas) == axes == _mean(centre, x, formulas)
    square = formulas.under(node.inputs[0], "square") if isinstance(node.op, Reduce) else None
    centred = formulas.operands(square, "subtract")
    if not centred or not formulas.same(centred[0], x):
        return False
    return _mean(centred[1], x, formulas) == axes == _mean(value, node.inputs[0], formulas)


# --- scale and shift


def _affine(node: Node, formulas: Formulas) -> Node:
    """A product with a parameter is the scale of the normalization before it, a sum with one its shift."""
    told = {Binary("multiply"): ("scale", ("scale", "shift")), Binary("add"): ("shift", ("shift",))}
    if not isinstance(node.op, Binary) or node.op not in told:
        return node
    name, taken = told[node.op]
    for place in (0, 1):
        norm = formulas.producers.get(node.inputs[place])
        held = formulas.producers.get(node.inputs[1 - place])
        if norm is None or held is None or not isinstance(held.op, Constant):
            continue
        known = isinstance(norm.op, LayerNorm | RmsNorm) and f"{name}?" in norm.op.PARAMS
        free = not any(key in norm.params for key in taken) and formulas.alone(node.inputs[place])
        if (
            known
            and free
            and _fits(held.params["value"], norm)
            and norm.outputs[0].spec == node.outputs[0].spec
        ):
            params = {**norm.params, name: held.params["value"]}
            return replace(norm, params=params, outputs=node.outputs)
    return node


def _fits(param: Param, norm: Node) -> bool:
    assert isinstance(norm.op, LayerNorm | RmsNorm)
    shape = norm.inputs[0].shape
    return tuple(shape[axis] for axis in norm.op.axes) == param.tensor.shape
