"""A parameter that is added to what a layer without a bias gives is its bias.

Linear(x) + b     becomes     Linear(x, bias=b)

So too where the layer's last axis is cut into several first, as heads are.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from porter.axes import Move
from porter.graph.builder import prune
from porter.graph.dims import static
from porter.graph.model import Graph, Node, Param, Value
from porter.graph.ops.convolution import Conv, ConvTranspose
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.linear import Linear
from porter.graph.ops.reshaping import Reshape
from porter.graph.ops.sources import Constant
from porter.normalise.formulas import Formulas
from porter.weights.tensor import moved


def absorb_bias(graph: Graph) -> Graph:
    """The graph with such sums as one node."""
    formulas = Formulas(graph)
    nodes: list[Node] = []
    for node in graph.nodes:
        nodes += [formulas.replace(one) for one in _joined(node, formulas)]
    return prune(replace(graph, nodes=tuple(nodes)))


def _joined(node: Node, formulas: Formulas) -> list[Node]:
    if node.op != Binary("add"):
        return [node]
    for place in (0, 1):
        x, held = node.inputs[place], formulas.producers.get(node.inputs[1 - place])
        if held is None or not isinstance(held.op, Constant) or not formulas.alone(x):
            continue
        if x.spec != node.outputs[0].spec:
            continue
        layer = formulas.producers.get(x)
        if layer is not None and isinstance(layer.op, Reshape) and formulas.alone(layer.inputs[0]):
            inner = formulas.producers.get(layer.inputs[0])
            width = _last_axes(layer.op, layer.inputs[0], layer.outputs[0])
            bias = _bias(held.params["value"], inner, width, last=True) if width else None
            if bias is not None and inner is not None:
                return _cut(inner, bias, layer, node)
        bias = _bias(held.params["value"], layer, 1, last=_last(layer))
        if bias is not None and layer is not None:
            return [_with(layer, bias, node.outputs[0])]
    return [node]


def _cut(layer: Node, bias: Param, reshape: Node, total: Node) -> list[Node]:
    """The layer with its bias, and then the reshape, which gives what the sum gave."""
    made = Value(layer.outputs[0].name, layer.outputs[0].spec)
    return [_with(layer, bias, made), replace(reshape, inputs=(made,), outputs=total.outputs)]


def _with(layer: Node, bias: Param, output: Value) -> Node:
    return replace(layer, params={**layer.params, "bias": bias}, outputs=(output,))


def _last(layer: Node | None) -> bool:
    op = None if layer is None else layer.op
    return not isinstance(op, Conv | ConvTranspose) or op.orientation == "last"


def _last_axes(op: Reshape, before: Value, after: Value) -> int:
    """Into how many axes the last one is cut, if nothing else happens."""
    count = after.rank - before.rank + 1
    kept = before.shape[:-1] == after.shape[: before.rank - 1]
    sizes = static(after.shape[before.rank - 1 :])
    fits = kept and sizes is not None and count > 1
    return count if fits and before.shape[-1] == prod(sizes or ()) else 0


def _bias(param: Param, layer: Node | None, axes: int, *, last: bool) -> Param | None:
    """The parameter in the layer's shape, or None where it is no bias of it."""
    if layer is None or not isinstance(layer.op, Linear | Conv | ConvTranspose) or "bias" in layer.params:
        return None
    if {held.trainable for held in layer.params.values()} != {param.trainable}:
        return None  # frozen while its layer is trained, or the other way round: something of its own
    if isinstance(layer.op, Linear) and layer.op.axis not in (-1, layer.inputs[0].rank - 1):
        return None
    shape = param.tensor.shape
    trailing = 0 if last else len(layer.op.kernel) if isinstance(layer.op, Conv | ConvTranspose) else 0
    stop = len(shape) - trailing
    own, others = shape[max(stop - axes, 0) : stop], (*shape[: max(stop - axes, 0)], *shape[stop:])
    if stop < axes or set(others) - {1} or prod(own) != layer.op.outputs:
        return None
    names = [f"a{k}" for k in range(axes)]
    ones = " ".join("1" for _ in range(max(stop - axes, 0)))
    given = f"{ones} {' '.join(names)} {' '.join('1' for _ in range(trailing))}".split()
    target = names[0] if axes == 1 else f"({' '.join(names)})"
    move = Move.parse(f"{' '.join(given)} -> {target}")
    return Param(moved(param.tensor, move), param.trainable, param.name)
