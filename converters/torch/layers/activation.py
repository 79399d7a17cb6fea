"""Activations with attributes or parameters."""

from __future__ import annotations

from converters.torch.layers.weights import weight
from converters.torch.rules import rules
from porter.graph.model import Node
from porter.graph.ops.activation import (
    Celu,
    Elu,
    Gelu,
    Glu,
    HardShrink,
    LogSoftmax,
    PRelu,
    Relu,
    Softmax,
    SoftShrink,
    Sparsemax,
    SquarePlus,
    Threshold,
)
from porter.source.code import Expression, binary, call
from porter.writing.forms import Form, Inline, Layer


@rules.writes(Relu)
def write_relu(op: Relu, node: Node) -> Form:
    if op.threshold == 0 and op.max_value is None:
        if op.negative_slope == 0:
            return Inline(lambda x: call("F.relu", x), simple=True)
        return Inline(lambda x: call("F.leaky_relu", x, op.negative_slope), simple=True)
    if op.threshold == 0 and op.negative_slope == 0:
        if op.max_value == 6:
            return Inline(lambda x: call("F.relu6", x), simple=True)
        return Inline(lambda x: call("torch.clamp", x, 0.0, op.max_value), simple=True)
    return Inline(
        lambda x: call("bounded_relu", x, op.negative_slope, op.max_value, op.threshold), ("bounded_relu",)
    )


@rules.writes(Elu)
def write_elu(op: Elu, node: Node) -> Form:
    return Inline(lambda x: call("F.elu", x, *([op.alpha] if op.alpha != 1 else [])), simple=True)


@rules.writes(Celu)
def write_celu(op: Celu, node: Node) -> Form:
    return Inline(lambda x: call("F.celu", x, *([op.alpha] if op.alpha != 1 else [])), simple=True)


@rules.writes(Gelu)
def write_gelu(op: Gelu, node: Node) -> Form:
    extra = {"approximate": "tanh"} if op.approximate else {}
    return Inline(lambda x: call("F.gelu", x, **extra), simple=True)


@rules.writes(HardShrink)
def write_hard_shrink(op: HardShrink, node: Node) -> Form:
    return Inline(lambda x: call("F.hardshrink", x, op.threshold), simple=True)


@rules.writes(SoftShrink)
def write_soft_shrink(op: SoftShrink, node: Node) -> Form:
    return Inline(lambda x: call("F.softshrink", x, op.threshold), simple=True)


@rules.writes(Threshold)
def write_threshold(op: Threshold, node: Node) -> Form:
    return Inline(lambda x: call("F.threshold", x, op.threshold, op.value), simple=True)


@rules.writes(SquarePlus)
def write_squareplus(op: SquarePlus, node: Node) -> Form:
    return Inline(lambda x: call("squareplus", x, op.b), ("squareplus",))


@rules.writes(Softmax)
def write_softmax(op: Softmax, node: Node) -> Form:
    return Inline(lambda x: call("F.softmax", x, dim=op.axis), simple=True)


@rules.writes(LogSoftmax)
def write_log_softmax(op: LogSoftmax, node: Node) -> Form:
    return Inline(lambda x: call("F.log_softmax", x, dim=op.axis), simple=True)


@rules.writes(Sparsemax)
def write_sparsemax(op: Sparsemax, node: Node) -> Form:
    name = "sparsemax_of_sums" if op.of_sums else "sparsemax"
    return Inline(lambda x: call(name, x, op.axis), (name,))


@rules.writes(Glu)
def write_glu(op: Glu, node: Node) -> Form:
    return Inline(lambda x: call("F.glu", x, dim=op.axis), simple=True)


@rules.writes(PRelu)
def write_prelu(op: PRelu, node: Node) -> Form:
    """torch's own has one slope, or one per channel on axis 1."""
    channels, *others = op.shape
    if all(size == 1 for size in others) and node.inputs[0].rank >= 2:
        ones = "".join(" 1" for _ in others)
        return Layer(call("nn.PReLU", channels), {"weight": weight(node, "slope", f"c{ones} -> c")})

    def use(slope: Expression, x: Expression) -> Expression:
        return call("torch.where", binary(">", x, 0), x, binary("*", slope, x))

    make = call("nn.Parameter", call("torch.empty", op.shape))
    return Layer(make, {"": weight(node, "slope")}, use=use)
