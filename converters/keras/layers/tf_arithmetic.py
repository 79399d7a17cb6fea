"""TensorFlow's arithmetic as nodes of a model: both operands of one type, plain numbers take the tensor's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from converters.keras.dtypes import is_float
from converters.keras.layers.ops_arithmetic import divided_no_nan, floor_divided
from converters.keras.operation import OpCall, function
from converters.keras.sizes import known_sizes, record
from porter.graph.dims import Dim, add, floor_divide, times
from porter.graph.model import Value
from porter.graph.ops.elementwise import Where

BINARY: Mapping[str, str] = {
    "bitwise.bitwise_and": "bitwise_and",
    "bitwise.bitwise_or": "bitwise_or",
    "bitwise.bitwise_xor": "bitwise_xor",
    "bitwise.left_shift": "left_shift",
    "bitwise.right_shift": "right_shift",
    "math.equal": "equal",
    "math.floormod": "remainder",
    "math.greater": "greater",
    "math.greater_equal": "greater_equal",
    "math.less": "less",
    "math.less_equal": "less_equal",
    "math.logical_and": "logical_and",
    "math.logical_or": "logical_or",
    "math.logical_xor": "logical_xor",
    "math.maximum": "maximum",
    "math.minimum": "minimum",
    "math.not_equal": "not_equal",
    "math.pow": "power",
}
ALIASES: Mapping[str, str] = {
    "__operators__.eq": "math.equal",
    "__operators__.ne": "math.not_equal",
    "math.mod": "math.floormod",
}


def paired(op: OpCall, x: Any, y: Any) -> tuple[Value, Value]:
    """Two operands in the type of the one that is a tensor."""
    tensors = [item for item in (x, y) if isinstance(item, Value)]
    dtype = tensors[0].dtype if tensors else op.promoted(x, y)[0].dtype
    return op.operand(x, dtype), op.operand(y, dtype)


def _paired(name: str) -> Any:
    def read(op: OpCall, x: Any, y: Any, incompatible_shape_error: bool = True) -> Value:
        return op.binary(name, *paired(op, x, y))

    return read


for _name, _function in BINARY.items():
    function(_name)(_paired(_function))
for _name, _other in ALIASES.items():
    function(_name)(_paired(BINARY[_other]))


def _sized(name: str, of_sizes: Any) -> Any:
    """Arithmetic that sizes take part in: what comes out is a size as well."""

    def read(op: OpCall, x: Any, y: Any) -> Value:
        result = op.binary(name, *paired(op, x, y))
        left, right = known_sizes(op, x), known_sizes(op, y)
        if left is not None and right is not None and len(left) == len(right) == 1:
            size = of_sizes(left[0], right[0])
            return result if size is None else record(op, result, [size])
        return result

    return read


def _sum(left: Dim, right: Dim) -> Dim | None:
    left, right = (right, left) if isinstance(left, int) else (left, right)
    return add(left, right) if isinstance(right, int) else None


def _difference(left: Dim, right: Dim) -> Dim | None:
    return add(left, -right) if isinstance(right, int) else None


def _quotient(left: Dim, right: Dim) -> Dim | None:
    return floor_divide(left, right) if isinstance(right, int) and right > 0 else None


function("math.add", "__operators__.add", "__operators__.radd")(_sized("add", _sum))
function("math.subtract", "__operators__.sub")(_sized("subtract", _difference))
function("math.multiply", "__operators__.mul")(_sized("multiply", times))


@function("math.floordiv", "__operators__.floordiv", "floor_div")
def read_floordiv(op: OpCall, x: Any, y: Any) -> Value:
    left, right = paired(op, x, y)
    read: Any = _sized("floor_divide", _quotient)
    result: Value = floor_divided(op, left, right) if is_float(left.dtype) else read(op, x, y)
    return result


WIDE = {"int32": "float64", "int64": "float64", "uint32": "float64", "uint64": "float64"}


@function("math.truediv", "math.divide", "__operators__.truediv")
def read_truediv(op: OpCall, x: Any, y: Any) -> Value:
    """Whole numbers are divided as real ones, long ones as double."""
    left, right = paired(op, x, y)
    if not is_float(left.dtype):
        dtype = WIDE.get(left.dtype, "float32")
        left, right = op.cast(left, dtype), op.cast(right, dtype)
    return op.binary("divide", left, right)


@function("math.atan2")
def read_atan2(op: OpCall, y: Any, x: Any) -> Value:
    return op.binary("atan2", *paired(op, y, x))


@function("math.divide_no_nan")
def read_divide_no_nan(op: OpCall, x: Any, y: Any) -> Value:
    return divided_no_nan(op, *paired(op, x, y))


@function("math.squared_difference")
def read_squared_difference(op: OpCall, x: Any, y: Any) -> Value:
    return op.unary("square", op.binary("subtract", *paired(op, x, y)))


@function("math.multiply_no_nan")
def read_multiply_no_nan(op: OpCall, x: Any, y: Any) -> Value:
    left, right = paired(op, x, y)
    nothing = op.binary("equal", right, 0)
    return op.add(Where(), nothing, op.constant(0, left.dtype), op.binary("multiply", left, right))


@function("math.add_n", "math.accumulate_n")
def read_add_n(op: OpCall, inputs: Any) -> Value:
    first, *others = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    total = op.operand(first)
    for other in others:
        total = op.binary("add", total, op.operand(other, total.dtype))
    return total


def dtype_name(op: OpCall, told: Any) -> str:
    """A type as files spell it: a name, or TensorFlow's number for it."""
    if isinstance(told, str):
        return told.removeprefix("<dtype: '").removesuffix("'>")
    raise op.refuse(f"the type {told!r:.60} is not known")


@function("where")
def read_where(op: OpCall, condition: Any, x: Any = None, y: Any = None) -> Value:
    if x is None or y is None:
        raise op.refuse("how many places it finds depends on the numbers, so that its size is not known")
    return op.add(Where(), op.operand(condition, "bool"), *paired(op, x, y))


def whole(item: Any) -> int:
    """A whole number, from whatever spells it."""
    return int(np.asarray(item).item())
