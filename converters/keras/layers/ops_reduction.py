"""Axes folded into one number, or into a running one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.keras.operation import OpCall, operation
from porter.graph.model import Value
from porter.graph.ops.reduction import ArgReduce, Cumulate, Reduce
from porter.graph.ops.reshaping import Reshape

WIDENED: Mapping[str, str] = {
    "bool": "int32",
    "int8": "int32",
    "int16": "int32",
    "uint8": "uint32",
    "uint16": "uint32",
}
"""In what type whole numbers are added up."""

REAL = {"Mean": "mean", "Std": "std", "Var": "var", "Logsumexp": "logsumexp"}
LOGIC = {"All": "all", "Any": "any"}


def reduced(op: OpCall, function: str, value: Value, axis: Any, keepdims: bool = False) -> Value:
    """A reduction over `axis` (None: all of them; none at all: nothing happens)."""
    axes = op.axes(axis, value.rank)
    return op.add(Reduce(function, tuple(sorted(axes)), bool(keepdims)), value) if axes else value


def _real(function: str) -> Any:
    def read(op: OpCall, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
        return reduced(op, function, op.floating(x), axis, keepdims)

    return read


def _logic(function: str) -> Any:
    def read(op: OpCall, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
        return reduced(op, function, op.operand(x, "bool"), axis, keepdims)

    return read


for _name, _function in REAL.items():
    operation(_name)(_real(_function))
for _name, _function in LOGIC.items():
    operation(_name)(_logic(_function))


def widened(op: OpCall, value: Value) -> Value:
    """Small whole numbers in the type in which Keras adds them up."""
    return op.cast(value, WIDENED.get(value.dtype, value.dtype))


@operation("Sum")
def read_sum(op: OpCall, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
    return reduced(op, "sum", widened(op, op.operand(x)), axis, keepdims)


@operation("Prod")
def read_prod(
    op: OpCall, x: Any, axis: Any = None, keepdims: bool = False, dtype: str | None = None
) -> Value:
    value = reduced(op, "prod", widened(op, op.operand(x)), axis, keepdims)
    if dtype not in (None, value.dtype):
        raise op.refuse(f"Keras names the type {dtype} but computes in {value.dtype} on TensorFlow")
    return value


def extreme(function: str) -> Any:
    """The reader of a largest or smallest number, which may be given one more to look at."""

    def read(op: OpCall, x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Value:
        value = op.operand(x)
        if value.dtype == "bool":
            if initial is not None:
                raise op.refuse("an initial value for truth values is not carried")
            return reduced(op, {"max": "any", "min": "all"}[function], value, axis, keepdims)
        result = reduced(op, function, value, axis, keepdims)
        if initial is None:
            return result
        return op.binary(
            {"max": "maximum", "min": "minimum"}[function], result, op.operand(initial, value.dtype)
        )

    return read


operation("Max", "Amax")(extreme("max"))
operation("Min", "Amin")(extreme("min"))


@operation("Ptp")
def read_ptp(op: OpCall, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
    value = op.operand(x)
    high, low = (reduced(op, function, value, axis, keepdims) for function in ("max", "min"))
    return op.binary("subtract", high, low)


@operation("CountNonzero")
def read_count_nonzero(op: OpCall, x: Any, axis: Any = None) -> Value:
    counted = op.cast(op.operand(x, "bool"), "int32")
    return reduced(op, "sum", counted, axis)


@operation("Average")
def read_average(op: OpCall, x: Any, weights: Any = None, axis: Any = None) -> Value:
    if weights is None:
        return reduced(op, "mean", op.floating(x), axis)
    value, share = op.promoted(x, weights, also=("float",), strong=True)
    if axis is not None and share.rank != value.rank:
        place = op.axis(axis, value.rank)
        whole = reduced(op, "sum", share, None)
        spread = [1] * value.rank
        spread[place] = -1
        share = op.add(Reshape(tuple(None if size < 0 else size for size in spread)), share)
        return op.binary("divide", reduced(op, "sum", op.binary("multiply", value, share), place), whole)
    total = reduced(op, "sum", op.binary("multiply", value, share), axis)
    return op.binary("divide", total, reduced(op, "sum", share, axis))


@operation("Moments")
def read_moments(
    op: OpCall, x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False
) -> tuple[Value, Value]:
    value = op.floating(x)
    wide = op.cast(value, "float32") if value.dtype == "float16" else value
    found = tuple(reduced(op, function, wide, axes, keepdims) for function in ("mean", "var"))
    return op.cast(found[0], value.dtype), op.cast(found[1], value.dtype)


def _place(function: str) -> Any:
    def read(op: OpCall, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
        return placed(op, function, op.operand(x), axis, keepdims)

    return read


operation("Argmax")(_place("max"))
operation("Argmin")(_place("min"))


def placed(
    op: OpCall, function: str, value: Value, axis: Any, keepdims: bool = False, dtype: str = "int32"
) -> Value:
    """Where the largest or smallest cell is; of the whole tensor laid flat where there is no axis."""
    rank = value.rank
    value = op.cast(value, "int32") if value.dtype == "bool" else value
    if axis is not None:
        return op.add(ArgReduce(function, op.axis(axis, rank), bool(keepdims), dtype), value)
    found = op.add(ArgReduce(function, 0, False, dtype), op.add(Reshape((None,)), value))
    return op.add(Reshape((1,) * rank), found) if keepdims else found


def _running(function: str) -> Any:
    def read(op: OpCall, x: Any, axis: Any = None, dtype: str | None = None) -> Value:
        return cumulated(op, function, op.operand(x, dtype), axis)

    return read


operation("Cumsum")(_running("sum"))
operation("Cumprod")(_running("prod"))


def cumulated(op: OpCall, function: str, value: Value, axis: Any) -> Value:
    """Running sums or products; of the whole tensor laid flat where there is no axis."""
    value = op.cast(value, "int32") if value.dtype == "bool" else value
    if axis is None:
        return op.add(Cumulate(function, 0), op.add(Reshape((None,)), value))
    return op.add(Cumulate(function, op.axis(axis, value.rank)), value)
