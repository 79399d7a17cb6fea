"""TensorFlow's reductions, norms and orders as nodes of a model."""

from __future__ import annotations

import math
from typing import Any

from converters.keras.dtypes import is_float
from converters.keras.layers.ops_linalg import norm
from converters.keras.layers.ops_reduction import placed, reduced
from converters.keras.layers.tf_arithmetic import dtype_name
from converters.keras.operation import OpCall, function
from porter.graph.model import Value
from porter.graph.ops.reduction import Cumulate
from porter.graph.ops.reshaping import Flip, Pad, Slice
from porter.graph.ops.sorting import ArgSort, Sort, TopK

REDUCTIONS = {
    "all": "all",
    "any": "any",
    "logsumexp": "logsumexp",
    "max": "max",
    "mean": "mean",
    "min": "min",
    "prod": "prod",
    "std": "std",
    "sum": "sum",
    "variance": "var",
}


def _reduced(name: str) -> Any:
    def read(
        op: OpCall,
        input_tensor: Any,
        axis: Any = None,
        keepdims: bool | None = False,
        reduction_indices: Any = None,
        keep_dims: bool | None = None,
    ) -> Value:
        value = op.operand(input_tensor)
        if name == "mean" and not is_float(value.dtype):
            raise op.refuse("the mean of whole numbers is rounded by TensorFlow, which is not carried")
        place = reduction_indices if axis is None else axis
        return reduced(op, name, value, place, bool(keepdims or keep_dims))

    return read


for _tf, _name in REDUCTIONS.items():
    function(f"math.reduce_{_tf}")(_reduced(_name))


@function("math.reduce_euclidean_norm")
def read_reduce_euclidean_norm(
    op: OpCall, input_tensor: Any, axis: Any = None, keepdims: bool = False
) -> Value:
    value = op.operand(input_tensor)
    return norm(op, value, None, op.axes(axis, value.rank), bool(keepdims))


@function("norm", "linalg.norm")
def read_norm(
    op: OpCall, tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool | None = None
) -> Value:
    value = op.operand(tensor)
    order = None if ord in ("euclidean", "fro") else ord
    return norm(op, value, order, op.axes(axis, value.rank), bool(keepdims))


@function("math.l2_normalize")
def read_l2_normalize(op: OpCall, x: Any, axis: Any = None, epsilon: float = 1e-12, dim: Any = None) -> Value:
    value = op.operand(x)
    squares = reduced(op, "sum", op.unary("square", value), dim if axis is None else axis, True)
    return op.binary("multiply", value, op.unary("rsqrt", op.binary("maximum", squares, float(epsilon))))


@function("nn.moments")
def read_moments(
    op: OpCall,
    x: Any,
    axes: Any,
    shift: Any = None,
    keepdims: bool | None = False,
    keep_dims: bool | None = None,
) -> tuple[Value, Value]:
    value, keep = op.operand(x), bool(keepdims or keep_dims)
    return reduced(op, "mean", value, axes, keep), reduced(op, "var", value, axes, keep)


def _arg(name: str) -> Any:
    def read(
        op: OpCall, input: Any, axis: Any = None, output_type: Any = "int64", dimension: Any = None
    ) -> Value:
        value = op.operand(input)
        place = next((told for told in (axis, dimension) if told is not None), 0)
        return placed(op, name, value, place, dtype=dtype_name(op, output_type))

    return read


function("math.argmax")(_arg("max"))
function("math.argmin")(_arg("min"))


def _running(name: str) -> Any:
    def read(op: OpCall, x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False) -> Value:
        value = op.operand(x)
        place = op.axis(axis, value.rank)
        value = op.add(Flip((place,)), value) if reverse else value
        if exclusive:
            value = _shifted(op, value, place, 0.0 if name == "sum" else 1.0)
        value = op.add(Cumulate(name, place), value)
        return op.add(Flip((place,)), value) if reverse else value

    return read


def _shifted(op: OpCall, value: Value, axis: int, first: float) -> Value:
    pads = tuple((1, 0) if k == axis else (0, 0) for k in range(value.rank))
    ranges = tuple((None, -1 if k == axis else None, 1) for k in range(value.rank))
    return op.add(Slice(ranges), op.add(Pad(pads, "constant", first), value))


function("math.cumsum")(_running("sum"))
function("math.cumprod")(_running("prod"))


@function("math.count_nonzero")
def read_count_nonzero(
    op: OpCall, input: Any, axis: Any = None, keepdims: bool | None = None, dtype: Any = "int64"
) -> Value:
    counted = op.cast(op.operand(input, "bool"), dtype_name(op, dtype))
    return reduced(op, "sum", counted, axis, bool(keepdims))


@function("math.top_k")
def read_top_k(
    op: OpCall, input: Any, k: int = 1, sorted: bool = True, index_type: Any = "int32"
) -> tuple[Value, ...]:
    if not sorted:
        raise op.refuse("the order of the largest values is left open by the model; ask for them sorted")
    values, places = op.builder.add(TopK(int(k)), op.operand(input))
    return values, op.cast(places, dtype_name(op, index_type))


@function("sort")
def read_sort(op: OpCall, values: Any, axis: int = -1, direction: str = "ASCENDING") -> Value:
    return op.add(Sort(int(axis), direction.upper() == "DESCENDING"), op.operand(values))


@function("argsort")
def read_argsort(
    op: OpCall, values: Any, axis: int = -1, direction: str = "ASCENDING", stable: bool = False
) -> Value:
    return op.add(ArgSort(int(axis), direction.upper() == "DESCENDING"), op.operand(values))


@function("image.per_image_standardization")
def read_per_image_standardization(op: OpCall, image: Any) -> Value:
    """Less its mean, over its deviation, which counts for no less than one over the root of the cells."""
    value = op.floating(image)
    axes = (value.rank - 3, value.rank - 2, value.rank - 1)
    cells = math.prod(op.size(axis, value) for axis in axes)
    deviation = op.binary("maximum", reduced(op, "std", value, axes, True), 1.0 / math.sqrt(cells))
    return op.binary(
        "divide", op.binary("subtract", value, reduced(op, "mean", value, axes, True)), deviation
    )
