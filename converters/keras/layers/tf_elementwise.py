"""TensorFlow's functions of one tensor, activations and casts as nodes of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.keras.dtypes import is_float
from converters.keras.layers.tf_arithmetic import dtype_name
from converters.keras.operation import OpCall, function
from converters.keras.sizes import known_sizes, record
from porter.graph.model import Value
from porter.graph.ops.activation import Elu, Gelu, LogSoftmax, Relu, Softmax
from porter.graph.ops.elementwise import Clip, Unary
from porter.graph.ops.op import Op

UNARY: Mapping[str, str] = {
    "identity": "identity",
    "math.abs": "abs",
    "math.acos": "acos",
    "math.acosh": "acosh",
    "math.asin": "asin",
    "math.asinh": "asinh",
    "math.atan": "atan",
    "math.atanh": "atanh",
    "math.ceil": "ceil",
    "math.cos": "cos",
    "math.cosh": "cosh",
    "math.erf": "erf",
    "math.erfc": "erfc",
    "math.erfinv": "erfinv",
    "math.exp": "exp",
    "math.expm1": "expm1",
    "math.floor": "floor",
    "math.is_finite": "isfinite",
    "math.is_inf": "isinf",
    "math.is_nan": "isnan",
    "math.log": "log",
    "math.log1p": "log1p",
    "math.log_sigmoid": "log_sigmoid",
    "math.logical_not": "logical_not",
    "math.negative": "neg",
    "math.reciprocal": "reciprocal",
    "math.rint": "round",
    "math.round": "round",
    "math.rsqrt": "rsqrt",
    "math.sigmoid": "sigmoid",
    "math.sign": "sign",
    "math.sin": "sin",
    "math.sinh": "sinh",
    "math.softplus": "softplus",
    "math.sqrt": "sqrt",
    "math.square": "square",
    "math.tan": "tan",
    "math.tanh": "tanh",
    "nn.selu": "selu",
    "nn.softsign": "softsign",
    "stop_gradient": "stop_gradient",
}


ACTIVATIONS: Mapping[str, Op] = {"nn.relu": Relu(), "nn.relu6": Relu(max_value=6.0), "nn.elu": Elu()}


def _plain(kind: Op) -> Any:
    def read(op: OpCall, x: Any) -> Value:
        value = op.operand(x)
        return value if kind == Unary("identity") else op.add(kind, value)

    return read


for _name, _function in UNARY.items():
    function(_name)(_plain(Unary(_function)))


for _name, _kind in ACTIVATIONS.items():
    function(_name)(_plain(_kind))


@function("nn.silu", "nn.swish")
def read_silu(op: OpCall, features: Any, beta: float = 1.0) -> Value:
    value = op.operand(features)
    if beta == 1:
        return op.unary("silu", value)
    return op.binary("multiply", value, op.unary("sigmoid", op.binary("multiply", value, float(beta))))


@function("nn.gelu")
def read_gelu(op: OpCall, features: Any, approximate: bool = False) -> Value:
    return op.add(Gelu(bool(approximate)), op.operand(features))


@function("nn.leaky_relu")
def read_leaky_relu(op: OpCall, features: Any, alpha: float = 0.2) -> Value:
    return op.add(Relu(float(alpha)), op.operand(features))


@function("nn.softmax")
def read_softmax(op: OpCall, logits: Any, axis: int | None = -1, dim: int | None = None) -> Value:
    place = axis if dim is None else dim
    return op.add(Softmax(-1 if place is None else int(place)), op.operand(logits))


@function("nn.log_softmax")
def read_log_softmax(op: OpCall, logits: Any, axis: int | None = -1) -> Value:
    return op.add(LogSoftmax(-1 if axis is None else int(axis)), op.operand(logits))


@function("clip_by_value")
def read_clip_by_value(op: OpCall, t: Any, clip_value_min: Any, clip_value_max: Any) -> Value:
    value = op.operand(t)
    low, high = (op.numbers(bound) for bound in (clip_value_min, clip_value_max))
    if low.ndim == high.ndim == 0:
        return op.add(Clip(low.item(), high.item()), value)
    smaller = op.binary("minimum", value, op.constant(high, value.dtype))
    return op.binary("maximum", smaller, op.constant(low, value.dtype))


@function("cast")
def read_cast(op: OpCall, x: Any, dtype: Any) -> Value:
    value = op.operand(x)
    result = op.cast(value, dtype_name(op, dtype))
    sizes = known_sizes(op, x)
    return result if sizes is None or is_float(result.dtype) else record(op, result, sizes)


@function("convert_to_tensor")
def read_convert_to_tensor(op: OpCall, value: Any, dtype: Any = None, dtype_hint: Any = None) -> Value:
    return op.operand(value, None if dtype is None else dtype_name(op, dtype))
