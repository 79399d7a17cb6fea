"""Activations with attributes or parameters."""

from __future__ import annotations

from converters.jax.rules import rules
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
from porter.source.code import Expression, binary, call, index
from porter.writing.forms import Form, Inline, Layer
from porter.writing.settings import said
from porter.writing.weights import weight


@rules.writes(Relu)
def write_relu(op: Relu, node: Node) -> Form:
    if op.threshold == 0 and op.max_value is None:
        if op.negative_slope == 0:
            return Inline(lambda x: call("nnx.relu", x), simple=True)
        return Inline(lambda x: call("nnx.leaky_relu", x, negative_slope=op.negative_slope), simple=True)
    if op.threshold == 0 and op.negative_slope == 0:
        if op.max_value == 6:
            return Inline(lambda x: call("nnx.relu6", x), simple=True)
        return Inline(lambda x: call("jnp.clip", x, min=0, max=op.max_value), simple=True)
    usual = {"negative_slope": 0.0, "max_value": None, "threshold": 0.0}
    told = said(usual, vars(op))
    return Inline(lambda x: call("bounded_relu", x, **told), ("bounded_relu",), simple=True)


@rules.writes(Elu)
def write_elu(op: Elu, node: Node) -> Form:
    alpha = said({"alpha": 1}, vars(op))
    return Inline(lambda x: call("nnx.elu", x, **alpha), simple=True)


@rules.writes(Celu)
def write_celu(op: Celu, node: Node) -> Form:
    alpha = said({"alpha": 1}, vars(op))
    return Inline(lambda x: call("nnx.celu", x, **alpha), simple=True)


@rules.writes(Gelu)
def write_gelu(op: Gelu, node: Node) -> Form:
    exact = {} if op.approximate else {"approximate": False}
    return Inline(lambda x: call("nnx.gelu", x, **exact), simple=True)


@rules.writes(HardShrink)
def write_hard_shrink(op: HardShrink, node: Node) -> Form:
    return Inline(lambda x: call("hard_shrink", x, threshold=op.threshold), ("hard_shrink",), simple=True)


@rules.writes(SoftShrink)
def write_soft_shrink(op: SoftShrink, node: Node) -> Form:
    return Inline(lambda x: call("soft_shrink", x, threshold=op.threshold), ("soft_shrink",), simple=True)


@rules.writes(Threshold)
def write_threshold(op: Threshold, node: Node) -> Form:
    return Inline(
        lambda x: call("threshold", x, threshold=op.threshold, value=op.value), ("threshold",), simple=True
    )


@rules.writes(SquarePlus)
def write_squareplus(op: SquarePlus, node: Node) -> Form:
    b = said({"b": 4}, vars(op))
    return Inline(lambda x: call("jax.nn.squareplus", x, **b), simple=True)


@rules.writes(Softmax)
def write_softmax(op: Softmax, node: Node) -> Form:
    return Inline(lambda x: call("nnx.softmax", x, **_along(op, node)), simple=True)


@rules.writes(LogSoftmax)
def write_log_softmax(op: LogSoftmax, node: Node) -> Form:
    return Inline(lambda x: call("nnx.log_softmax", x, **_along(op, node)), simple=True)


@rules.writes(Sparsemax)
def write_sparsemax(op: Sparsemax, node: Node) -> Form:
    name = "sparsemax_of_sums" if op.of_sums else "sparsemax"
    return Inline(lambda x: call(name, x, axis=op.axis), (name,))


@rules.writes(Glu)
def write_glu(op: Glu, node: Node) -> Form:
    return Inline(lambda x: call("nnx.glu", x, **_along(op, node)), simple=True)


def _along(op: Softmax | LogSoftmax | Glu, node: Node) -> dict[str, int]:
    """The axis, unless it is the last one, which JAX takes by itself."""
    return {} if op.axis in (-1, node.inputs[0].rank - 1) else {"axis": op.axis}


@rules.writes(PRelu)
def write_prelu(op: PRelu, node: Node) -> Form:
    """Flax's own has a single slope."""
    if set(op.shape) == {1}:
        ones = " ".join("1" for _ in op.shape)
        return Layer(call("nnx.PReLU"), {"negative_slope": weight(node, "slope", f"{ones} -> ")})

    def use(slope: Expression, x: Expression) -> Expression:
        return call("jnp.where", binary(">", x, 0), x, binary("*", index(slope, ...), x))

    make = call("nnx.Param", call("jnp.zeros", op.shape))
    return Layer(make, {"": weight(node, "slope")}, use=use)
