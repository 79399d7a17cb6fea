"""Reductions that pass over what is not a number."""

from __future__ import annotations

from typing import Any

from converters.keras.dtypes import is_float
from converters.keras.layers.ops_filling import read_nan_to_num
from converters.keras.layers.ops_reduction import cumulated, extreme, placed, reduced, widened
from converters.keras.operation import OpCall, operation
from porter.graph.model import Value
from porter.graph.ops.elementwise import Where


def without_nan(op: OpCall, value: Value, instead: float) -> Value:
    """Every NaN replaced."""
    return op.add(Where(), op.unary("isnan", value), op.constant(instead, value.dtype), value)


def _nan_running(function: str, instead: float) -> Any:
    def read(op: OpCall, x: Any, axis: Any = None, dtype: str | None = None) -> Value:
        value = read_nan_to_num(op, x, nan=instead)
        return cumulated(op, function, op.operand(value, dtype), axis)

    return read


operation("Nancumsum")(_nan_running("sum", 0.0))
operation("Nancumprod")(_nan_running("prod", 1.0))


def _nan_total(function: str, instead: float) -> Any:
    def read(op: OpCall, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
        value = op.operand(x)
        value = without_nan(op, value, instead) if is_float(value.dtype) else widened(op, value)
        return reduced(op, function, value, axis, keepdims)

    return read


operation("Nansum")(_nan_total("sum", 0.0))
operation("Nanprod")(_nan_total("prod", 1.0))


def _nan_extreme(function: str, instead: float) -> Any:
    plain = extreme(function)

    def read(op: OpCall, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
        value = op.operand(x)
        if not is_float(value.dtype):
            found: Value = plain(op, value, axis, keepdims)
            return found
        nothing = reduced(op, "all", op.unary("isnan", value), axis, keepdims)
        best = reduced(op, function, without_nan(op, value, instead), axis, keepdims)
        return op.add(Where(), nothing, op.constant(float("nan"), value.dtype), best)

    return read


operation("Nanmax")(_nan_extreme("max", float("-inf")))
operation("Nanmin")(_nan_extreme("min", float("inf")))


def _nan_place(function: str, instead: float) -> Any:
    def read(op: OpCall, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
        value = op.operand(x)
        if not is_float(value.dtype):
            return placed(op, function, value, axis, keepdims)
        nothing = reduced(op, "all", op.unary("isnan", value), axis, keepdims)
        found = placed(op, function, without_nan(op, value, instead), axis, keepdims)
        return op.add(Where(), nothing, op.constant(-1, "int32"), found)

    return read


operation("Nanargmax")(_nan_place("max", float("-inf")))
operation("Nanargmin")(_nan_place("min", float("inf")))


def nan_mean(op: OpCall, value: Value, axis: Any, keepdims: bool) -> Value:
    """The mean of what is a number."""
    total = reduced(op, "sum", without_nan(op, value, 0.0), axis, keepdims)
    real = op.cast(op.unary("logical_not", op.unary("isnan", value)), value.dtype)
    return op.binary("divide", total, reduced(op, "sum", real, axis, keepdims))


@operation("Nanmean")
def read_nanmean(op: OpCall, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
    return nan_mean(op, op.floating(x), axis, keepdims)


@operation("Nanvar")
def read_nanvar(op: OpCall, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
    value = op.floating(x)
    centred = op.binary("subtract", value, nan_mean(op, value, axis, True))
    return nan_mean(op, op.unary("square", centred), axis, keepdims)


@operation("Nanstd")
def read_nanstd(op: OpCall, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
    return op.unary("sqrt", read_nanvar(op, x, axis, keepdims))
