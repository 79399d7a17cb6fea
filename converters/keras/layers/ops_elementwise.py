"""Functions of one tensor, element by element."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from converters.keras.dtypes import is_float
from converters.keras.operation import OpCall, operation
from porter.graph.model import Value
from porter.graph.ops.elementwise import LARGEST, Clip, Fill, Where

REAL: Mapping[str, str] = {
    "Arccos": "acos",
    "Arccosh": "acosh",
    "Arcsin": "asin",
    "Arcsinh": "asinh",
    "Arctan": "atan",
    "Arctanh": "atanh",
    "Ceil": "ceil",
    "Cos": "cos",
    "Cosh": "cosh",
    "Erf": "erf",
    "Erfinv": "erfinv",
    "Exp": "exp",
    "Exp2": "exp2",
    "Expm1": "expm1",
    "Fabs": "abs",
    "Floor": "floor",
    "I0": "i0",
    "Log": "log",
    "Log10": "log10",
    "Log1p": "log1p",
    "Log2": "log2",
    "Reciprocal": "reciprocal",
    "Rsqrt": "rsqrt",
    "Sin": "sin",
    "Sinc": "sinc",
    "Sinh": "sinh",
    "Sqrt": "sqrt",
    "Tan": "tan",
    "Tanh": "tanh",
}
"""Functions that take whole numbers as the default float."""

SAME_TYPE: Mapping[str, str] = {
    "Abs": "abs",
    "Absolute": "abs",
    "BitwiseInvert": "bitwise_not",
    "BitwiseNot": "bitwise_not",
    "Negative": "neg",
    "Sign": "sign",
    "StopGradient": "stop_gradient",
}
"""Functions that keep the type of their input."""

SELF = ("Copy", "Conj", "Conjugate", "Real", "Array")
"""Functions that give real numbers back as they are."""


def _same(function: str) -> Any:
    def read(op: OpCall, x: Any) -> Value:
        return op.unary(function, op.operand(x))

    return read


def _real(function: str) -> Any:
    def read(op: OpCall, x: Any) -> Value:
        return op.unary(function, op.floating(x))

    return read


for _name, _function in SAME_TYPE.items():
    if _name != "StopGradient":
        operation(_name)(_same(_function))
for _name, _function in REAL.items():
    operation(_name)(_real(_function))


@operation("StopGradient")
def read_stop_gradient(op: OpCall, variable: Any) -> Value:
    return op.unary("stop_gradient", op.operand(variable))


@operation(*SELF)
def read_copy(op: OpCall, x: Any, dtype: str | None = None) -> Value:
    return op.operand(x, dtype)


@operation("Cast", "ConvertToTensor")
def read_cast(op: OpCall, x: Any, dtype: str | None = None, sparse: Any = None, ragged: Any = None) -> Value:
    if sparse or ragged:
        raise op.refuse("sparse and ragged tensors are not carried")
    return op.operand(x, dtype)


@operation("SaturateCast")
def read_saturate_cast(op: OpCall, x: Any, dtype: str) -> Value:
    """Bounded by what the new type holds, then cast."""
    value = op.operand(x)
    if dtype == "bool":
        value, low, high = op.cast(value, "int32"), 0.0, 1.0
    elif is_float(dtype):
        low, high = -LARGEST[dtype], LARGEST[dtype]
    else:
        low, high = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
    return op.cast(op.add(Clip(low, high), op.floating(value)), dtype)


@operation("Square")
def read_square(op: OpCall, x: Any) -> Value:
    value = op.operand(x)
    return op.unary("square", op.cast(value, "int32") if value.dtype == "bool" else value)


@operation("Trunc")
def read_trunc(op: OpCall, x: Any) -> Value:
    value = op.operand(x)
    return op.unary("trunc", value) if is_float(value.dtype) else value


@operation("Round")
def read_round(op: OpCall, x: Any, decimals: int = 0) -> Value:
    value = op.operand(x)
    if not is_float(value.dtype):
        if decimals >= 0:
            return value
        return op.cast(rounded(op, op.floating(value), decimals), value.dtype)
    return rounded(op, value, decimals)


def rounded(op: OpCall, value: Value, decimals: int) -> Value:
    """To a number of decimals, halves to even; by a factor, as TensorFlow does it."""
    if decimals == 0:
        return op.unary("round", value)
    factor = math.pow(10, decimals)
    return op.binary("divide", op.unary("round", op.binary("multiply", value, factor)), factor)


@operation("Cbrt")
def read_cbrt(op: OpCall, x: Any) -> Value:
    value = op.floating(x)
    root = op.binary("power", op.unary("abs", value), 1.0 / 3.0)
    return op.binary("multiply", op.unary("sign", value), root)


@operation("Erfc")
def read_erfc(op: OpCall, x: Any) -> Value:
    return op.unary("erfc", op.floating(x))


@operation("Deg2rad")
def read_deg2rad(op: OpCall, x: Any) -> Value:
    return op.binary("multiply", op.floating(x), math.pi / 180)


@operation("Rad2deg")
def read_rad2deg(op: OpCall, x: Any) -> Value:
    return op.binary("multiply", op.floating(x), 180 / math.pi)


@operation("Angle")
def read_angle(op: OpCall, x: Any) -> Value:
    """Of a real number: 0, or pi where it is negative."""
    value = op.floating(x)
    negative = op.binary("less", value, 0.0)
    return op.add(Where(), negative, op.constant(math.pi, value.dtype), op.constant(0.0, value.dtype))


@operation("Imag")
def read_imag(op: OpCall, x: Any) -> Value:
    value = op.operand(x)
    return op.add(Fill(0.0, value.dtype), value)


@operation("LogicalNot")
def read_logical_not(op: OpCall, x: Any) -> Value:
    return op.unary("logical_not", op.operand(x, "bool"))
