"""Bounds, replacements for what is no number, questions about numbers, and tensors of one number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from converters.keras.dtypes import is_float
from converters.keras.operation import OpCall, operation
from porter.graph.model import Value
from porter.graph.ops.elementwise import LARGEST, Clip, Fill, NanToNum, Unary


@operation("Isreal")
def read_isreal(op: OpCall, x: Any) -> Value:
    return op.add(Fill(1.0, "bool"), op.operand(x))


def _tested(name: str, function: str, otherwise: float) -> None:
    """A question that whole numbers answer all alike."""

    @operation(name)
    def read(op: OpCall, x: Any) -> Value:
        value = op.operand(x)
        op_of = Unary(function) if is_float(value.dtype) else Fill(otherwise, "bool")
        return op.add(op_of, value)


for _name, _function, _otherwise in (
    ("Isfinite", "isfinite", 1.0),
    ("Isinf", "isinf", 0.0),
    ("Isnan", "isnan", 0.0),
):
    _tested(_name, _function, _otherwise)


def _infinite(name: str, number: float) -> None:
    @operation(name)
    def read(op: OpCall, x: Any) -> Value:
        value = op.operand(x)
        return (
            op.binary("equal", value, number) if is_float(value.dtype) else op.add(Fill(0.0, "bool"), value)
        )


_infinite("Isposinf", math.inf)


_infinite("Isneginf", -math.inf)


@operation("Signbit")
def read_signbit(op: OpCall, x: Any) -> Value:
    value = op.operand(x)
    if is_float(value.dtype):
        return op.unary("signbit", value)
    return op.add(Fill(0.0, "bool"), value) if value.dtype == "bool" else op.binary("less", value, 0)


@operation("NanToNum")
def read_nan_to_num(
    op: OpCall, x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Value:
    value = op.operand(x)
    if not is_float(value.dtype):
        return value
    largest = LARGEST[value.dtype]
    high, low = largest if posinf is None else posinf, -largest if neginf is None else neginf
    return op.add(NanToNum(float(nan), float(high), float(low)), value)


@operation("Clip")
def read_clip(op: OpCall, x: Any, x_min: Any, x_max: Any) -> Value:
    value = op.operand(x)
    value = op.cast(value, "int32") if value.dtype == "bool" else value
    low, high = (op.numbers(bound) for bound in (x_min, x_max))
    if low.ndim == high.ndim == 0:
        return op.add(Clip(*(value_of(bound) for bound in (low, high))), value)
    smaller = op.binary("minimum", value, op.constant(high, value.dtype))
    return op.binary("maximum", smaller, op.constant(low, value.dtype))


def value_of(number: np.ndarray) -> Any:
    """A plain Python number."""
    return number.item()


@operation("ZerosLike", "EmptyLike")
def read_zeros_like(op: OpCall, x: Any, dtype: str | None = None) -> Value:
    value = op.operand(x)
    return op.add(Fill(0.0, dtype or value.dtype), value)


@operation("OnesLike")
def read_ones_like(op: OpCall, x: Any, dtype: str | None = None) -> Value:
    value = op.operand(x)
    return op.add(Fill(1.0, dtype or value.dtype), value)
