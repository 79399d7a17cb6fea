"""Functions of two tensors and more, element by element, in the type that Keras chooses for the mixture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from converters.keras.dtypes import is_float
from converters.keras.operation import OpCall, operation
from porter.graph.model import Value
from porter.graph.ops.elementwise import Fill, Where
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Reshape

PLAIN: Mapping[str, str] = {
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Multiply": "multiply",
    "Power": "power",
    "Subtract": "subtract",
}
"""Plain Python numbers are weak here: they take the type of the tensor."""

STRONG: Mapping[str, str] = {
    "Equal": "equal",
    "Gcd": "gcd",
    "Greater": "greater",
    "GreaterEqual": "greater_equal",
    "Lcm": "lcm",
    "Less": "less",
    "LessEqual": "less_equal",
    "NotEqual": "not_equal",
}
"""Plain Python numbers become tensors of a type of their own first."""

BITS: Mapping[str, str] = {
    "BitwiseAnd": "bitwise_and",
    "BitwiseLeftShift": "left_shift",
    "BitwiseOr": "bitwise_or",
    "BitwiseRightShift": "right_shift",
    "BitwiseXor": "bitwise_xor",
    "LeftShift": "left_shift",
    "RightShift": "right_shift",
}
LOGIC: Mapping[str, str] = {
    "LogicalAnd": "logical_and",
    "LogicalOr": "logical_or",
    "LogicalXor": "logical_xor",
}
REAL: Mapping[str, str] = {
    "Arctan2": "atan2",
    "Divide": "divide",
    "Hypot": "hypot",
    "Logaddexp": "logaddexp",
    "Logaddexp2": "logaddexp2",
    "TrueDivide": "divide",
}
"""The result is a float whatever goes in."""


def _plain(function: str, strong: bool = False, also: Sequence[str] = ()) -> Any:
    def read(op: OpCall, x1: Any, x2: Any) -> Value:
        return op.binary(function, *op.promoted(x1, x2, strong=strong, also=also))

    return read


def _bits(function: str) -> Any:
    def read(op: OpCall, x: Any, y: Any) -> Value:
        return op.binary(function, *op.promoted(x, y, strong=True))

    return read


def _logic(function: str) -> Any:
    def read(op: OpCall, x1: Any, x2: Any) -> Value:
        return op.binary(function, op.operand(x1, "bool"), op.operand(x2, "bool"))

    return read


for _name, _function in PLAIN.items():
    operation(_name)(_plain(_function))
for _name, _function in STRONG.items():
    operation(_name)(_plain(_function, strong=True))
for _name, _function in REAL.items():
    operation(_name)(_plain(_function, also=("float",)))
for _name, _function in BITS.items():
    operation(_name)(_bits(_function))
for _name, _function in LOGIC.items():
    operation(_name)(_logic(_function))


@operation("Add")
def read_add(op: OpCall, x1: Any, x2: Any) -> Value:
    left, right = op.promoted(x1, x2)
    axis = bias_axis(left, right)
    if axis is None:
        return op.binary("add", left, right)
    op.context.notices.append(
        f"{'/'.join(op.path)}: Keras on TensorFlow adds the second tensor along axis {axis} of the first, "
        "where other backends broadcast it; the port adds as TensorFlow does"
    )
    sizes = [op.size(axis, left) if place == axis else 1 for place in range(left.rank)]
    return op.binary("add", left, op.add(Reshape(tuple(sizes)), right))


def bias_axis(left: Value, right: Value) -> int | None:
    """Where Keras on TensorFlow takes the second operand for a bias, and adds it along a wrong axis."""
    real = [place - right.rank for place, size in enumerate(right.shape) if size != 1]
    size = right.shape[real[0]] if len(real) == 1 else None
    if left.rank < 2 or not isinstance(size, int) or size not in (left.shape[1], left.shape[-1]):
        return None
    axis = left.rank - 1 if left.shape[-1] == size else 1
    return None if real[0] + left.rank == axis else axis


@operation("Mod")
def read_mod(op: OpCall, x1: Any, x2: Any) -> Value:
    """The remainder has the sign of the divisor, as in Python."""
    return op.binary("remainder", *_counted(op, *op.promoted(x1, x2, strong=True)))


@operation("Fmod")
def read_fmod(op: OpCall, x1: Any, x2: Any) -> Value:
    """The remainder has the sign of the dividend, as in C."""
    return op.binary("fmod", *_counted(op, *op.promoted(x1, x2, strong=True)))


def _counted(op: OpCall, *values: Value) -> list[Value]:
    return [op.cast(value, "int32") if value.dtype == "bool" else value for value in values]


@operation("FloorDivide")
def read_floor_divide(op: OpCall, x1: Any, x2: Any) -> Value:
    return floor_divided(op, *op.promoted(x1, x2))


def floor_divided(op: OpCall, left: Value, right: Value) -> Value:
    """TensorFlow rounds the quotient of real numbers down, where Python counts how often the divisor fits."""
    if is_float(left.dtype):
        return op.unary("floor", op.binary("divide", left, right))
    return op.binary("floor_divide", left, right)


@operation("DivideNoNan")
def read_divide_no_nan(op: OpCall, x1: Any, x2: Any) -> Value:
    return divided_no_nan(op, *op.promoted(x1, x2, also=("float",)))


def divided_no_nan(op: OpCall, left: Value, right: Value) -> Value:
    """The quotient, and 0 where the divisor is 0 (also in the gradient)."""
    nothing = op.binary("equal", right, 0.0)
    safe = op.add(Where(), nothing, op.constant(1.0, right.dtype), right)
    return op.add(Where(), nothing, op.constant(0.0, left.dtype), op.binary("divide", left, safe))


def _ignoring_nan(function: str) -> Any:
    def read(op: OpCall, x1: Any, x2: Any) -> Value:
        left, right = op.promoted(x1, x2)
        return op.binary(f"f{function[:3]}" if is_float(left.dtype) else function, left, right)

    return read


operation("Fmax")(_ignoring_nan("maximum"))
operation("Fmin")(_ignoring_nan("minimum"))


@operation("Heaviside")
def read_heaviside(op: OpCall, x1: Any, x2: Any) -> Value:
    left, right = (op.floating(value) for value in op.promoted(x1, x2, strong=True))
    zero, one = op.constant(0.0, left.dtype), op.constant(1.0, left.dtype)
    at_least = op.add(Where(), op.binary("greater", left, 0.0), one, right)
    return op.add(Where(), op.binary("less", left, 0.0), zero, at_least)


@operation("Ldexp")
def read_ldexp(op: OpCall, x1: Any, x2: Any) -> Value:
    left, exponent = op.promoted(x1, x2, also=("float",), strong=True)
    scaled = op.binary("multiply", left, op.unary("exp2", exponent))
    fixed = op.binary("logical_or", op.unary("isinf", left), op.binary("equal", left, 0.0))
    return op.add(Where(), fixed, left, scaled)


@operation("Isclose")
def read_isclose(
    op: OpCall, x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Value:
    left, right = op.promoted(x1, x2, strong=True)
    if not is_float(left.dtype):
        return op.binary("equal", left, right)
    close = op.binary(
        "less_equal", op.unary("abs", op.binary("subtract", left, right)), _room(op, right, rtol, atol)
    )
    return _or_both_nan(op, close, left, right) if equal_nan else close


@operation("AllClose")
def read_allclose(
    op: OpCall, x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Value:
    left, right = op.promoted(x1, x2, strong=True)
    same = op.binary("equal", left, right)
    if is_float(left.dtype):
        gap = op.unary("abs", op.binary("subtract", left, right))
        close = op.binary("less_equal", gap, _room(op, right, rtol, atol))
        finite = op.binary("logical_and", op.unary("isfinite", left), op.unary("isfinite", right))
        same = op.binary("logical_or", op.binary("logical_and", finite, close), same)
        same = _or_both_nan(op, same, left, right) if equal_nan else same
    return op.add(Reduce("all", tuple(range(same.rank))), same)


def _room(op: OpCall, right: Value, rtol: float, atol: float) -> Value:
    return op.binary("add", op.binary("multiply", op.unary("abs", right), rtol), atol)


def _or_both_nan(op: OpCall, close: Value, left: Value, right: Value) -> Value:
    both = op.binary("logical_and", op.unary("isnan", left), op.unary("isnan", right))
    return op.binary("logical_or", close, both)


@operation("Where")
def read_where(op: OpCall, condition: Any, x1: Any = None, x2: Any = None) -> Value:
    if x1 is None or x2 is None:
        raise op.refuse("how many places it finds depends on the numbers, so that its size is not known")
    return op.add(Where(), op.operand(condition, "bool"), *op.promoted(x1, x2))


@operation("Select")
def read_select(op: OpCall, condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Value:
    """The first choice whose condition holds."""
    *choices, result = op.promoted(*choicelist, default)
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        result = op.add(Where(), op.operand(condition, "bool"), choice, result)
    return result


@operation("FullLike")
def read_full_like(op: OpCall, x: Any, fill_value: Any, dtype: str | None = None) -> Value:
    value = op.operand(x)
    wanted = dtype or value.dtype
    if not isinstance(fill_value, Value) and math.prod(op.numbers(fill_value).shape) == 1:
        return op.add(Fill(float(op.numbers(fill_value).item()), wanted), value)
    zeros = op.add(Fill(0.0, wanted), value)
    return op.binary("add", zeros, op.operand(fill_value, wanted))
