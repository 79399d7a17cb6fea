"""Activations."""

from __future__ import annotations

from converters.torch.call import OpCall
from converters.torch.rules import rules
from porter.axes import Move
from porter.graph.model import Value
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
    Threshold,
)
from porter.graph.ops.elementwise import Binary, Clip, Unary, Where

PLAIN = {
    "hardsigmoid": "hard_sigmoid",
    "hardswish": "hard_silu",
    "log_sigmoid": "log_sigmoid",
    "mish": "mish",
    "selu": "selu",
    "silu": "silu",
    "softsign": "softsign",
}


@rules.reads(*PLAIN)
def read_plain(call: OpCall) -> Value:
    return call.one(Unary(PLAIN[call.name]), call.x)


@rules.reads("relu")
def read_relu(call: OpCall) -> Value:
    return call.one(Relu(), call.x)


@rules.reads("relu6")
def read_relu6(call: OpCall) -> Value:
    return call.one(Clip(0.0, 6.0), call.x)


@rules.reads("leaky_relu")
def read_leaky_relu(call: OpCall) -> Value:
    return call.one(Relu(float(call["negative_slope"])), call.x)


@rules.reads("rrelu")
def read_rrelu(call: OpCall) -> Value:
    if call.get("training", False):
        raise call.refuse("its slope is drawn at random in training mode", "call module.eval() first")
    return call.one(Relu((float(call["lower"]) + float(call["upper"])) / 2), call.x)


@rules.reads("elu")
def read_elu(call: OpCall) -> Value:
    if call["scale"] != 1 or call["input_scale"] != 1:
        raise call.refuse("an ELU with scales of its own")
    return call.one(Elu(float(call["alpha"])), call.x)


@rules.reads("celu")
def read_celu(call: OpCall) -> Value:
    return call.one(Celu(float(call["alpha"])), call.x)


@rules.reads("gelu")
def read_gelu(call: OpCall) -> Value:
    return call.one(Gelu(call["approximate"] == "tanh"), call.x)


@rules.reads("softplus")
def read_softplus(call: OpCall) -> Value:
    """softplus(beta x) / beta below the threshold, x itself above it."""
    x, beta, threshold = call.x, float(call["beta"]), float(call["threshold"])
    scaled = x if beta == 1 else call.one(Binary("multiply"), x, call.operand(beta, x.dtype))
    soft = call.one(Unary("softplus"), scaled)
    if beta != 1:
        soft = call.one(Binary("divide"), soft, call.operand(beta, x.dtype))
    if threshold >= 20:
        return soft  # beyond 20 the two agree to the last bit of single precision
    above = call.one(Binary("greater"), scaled, call.operand(threshold, x.dtype))
    return call.one(Where(), above, x, soft)


@rules.reads("hardshrink")
def read_hardshrink(call: OpCall) -> Value:
    return call.one(HardShrink(float(call["lambd"])), call.x)


@rules.reads("softshrink")
def read_softshrink(call: OpCall) -> Value:
    return call.one(SoftShrink(float(call["lambd"])), call.x)


@rules.reads("threshold")
def read_threshold(call: OpCall) -> Value:
    return call.one(Threshold(float(call["threshold"]), float(call["value"])), call.x)


@rules.reads("softmax", "_softmax", "special_softmax")
def read_softmax(call: OpCall) -> Value:
    x = call.cast(call.x, call.dtype)
    return call.one(Softmax(call.axis(call["dim"])), x) if x.rank else call.fill(1.0, (), x.dtype)


@rules.reads("log_softmax", "_log_softmax", "special_log_softmax")
def read_log_softmax(call: OpCall) -> Value:
    return call.one(LogSoftmax(call.axis(call["dim"])), call.cast(call.x, call.dtype))


@rules.reads("softmin")
def read_softmin(call: OpCall) -> Value:
    return call.one(Softmax(call.axis(call["dim"])), call.one(Unary("neg"), call.x))


@rules.reads("glu")
def read_glu(call: OpCall) -> Value:
    return call.one(Glu(call.axis(call["dim"])), call.x)


@rules.reads("prelu", "_prelu_kernel")
def read_prelu(call: OpCall) -> Value:
    """A slope for each channel, which stands on axis 1; or one for all."""
    x, slope = call.x, call.tensor("weight")
    if x.rank < 2 or slope.rank > 1 or not call.is_constant(slope):
        if slope.rank == 1 and x.rank > 1:
            flat = call.reshape(slope, (*slope.shape, *(1 for _ in range(x.rank - 2))))
        else:
            flat = call.reshape(slope, ()) if slope.rank == 1 else slope
        lower = call.one(Binary("multiply"), flat, x)
        return call.one(Where(), call.one(Binary("greater"), x, call.operand(0.0, x.dtype)), x, lower)
    ones = " ".join("1" for _ in range(x.rank - 2))
    shape = (*slope.shape, *(1 for _ in range(x.rank - 2)))
    param = call.as_param(slope, Move.parse(f"c -> c {ones}") if ones else "")
    return call.one(PRelu(tuple(int(str(size)) for size in shape)), x, params={"slope": param})
