"""TensorFlow's products, convolutions and images as nodes of a model; what is refused, with the reason."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.keras.layers.ops_convolution import (
    convolved,
    depthwise_convolved,
    pooled,
    read_depth_to_space,
    read_space_to_depth,
    set_to,
)
from converters.keras.layers.ops_image import read_rgb_to_grayscale
from converters.keras.layers.ops_products import contracted, multiplied, spelled_out
from converters.keras.layers.ops_shape import transposed
from converters.keras.operation import OpCall, function
from porter.axes import Move
from porter.graph.model import Value
from porter.graph.ops.linalg import MatrixFunction, Triangle
from porter.graph.ops.linear import Einsum
from porter.graph.ops.pooling import AvgPool, MaxPool


@function("linalg.matmul")
def read_matmul(
    op: OpCall,
    a: Any,
    b: Any,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    output_type: Any = None,
    grad_a: bool = False,
    grad_b: bool = False,
) -> Value:
    dtype = next(item.dtype for item in (a, b) if isinstance(item, Value))
    left, right = op.operand(a, dtype), op.operand(b, dtype)
    left = _turned(op, left) if transpose_a or adjoint_a else left
    return multiplied(op, left, _turned(op, right) if transpose_b or adjoint_b else right)


def _turned(op: OpCall, value: Value) -> Value:
    rank = value.rank
    return transposed(op, value, (*range(rank - 2), rank - 1, rank - 2))


@function("tensordot")
def read_tensordot(op: OpCall, a: Any, b: Any, axes: Any) -> Value:
    dtype = next(item.dtype for item in (a, b) if isinstance(item, Value))
    left, right = op.operand(a, dtype), op.operand(b, dtype)
    if isinstance(axes, (list, tuple)):
        pairs = [op.axes(told, value.rank) for told, value in zip(axes, (left, right), strict=True)]
        return contracted(op, left, right, *pairs)
    count = int(axes)
    return contracted(op, left, right, range(left.rank - count, left.rank), range(count))


@function("einsum")
def read_einsum(
    op: OpCall, equation: Any, *inputs: Any, optimize: Any = None, keep_dims: Any = None
) -> Value:
    equation = equation[0] if isinstance(equation, list) and len(equation) == 1 else equation
    if not inputs or not isinstance(equation, str):
        raise op.refuse(
            "tf.keras 2 saves the equation of tf.einsum without its tensors, so that no one can load it"
        )
    values = [op.operand(value) for value in inputs]
    return op.add(Einsum(spelled_out(op, equation, values)), *values)


@function("linalg.band_part")
def read_band_part(op: OpCall, input: Any, num_lower: int, num_upper: int) -> Value:
    value = op.operand(input)
    value = op.add(Triangle(True, int(num_upper)), value) if num_upper >= 0 else value
    return op.add(Triangle(False, -int(num_lower)), value) if num_lower >= 0 else value


for _name in ("det", "inv"):

    def _read(op: OpCall, input: Any, adjoint: bool = False, *, of: str = _name) -> Value:
        value = op.operand(input)
        return op.add(MatrixFunction(of), _turned(op, value) if adjoint else value)

    function(f"linalg.{_name}")(_read)


def _like(op: OpCall, padding: Any, data_format: Any, rank: int) -> OpCall:
    first = isinstance(data_format, str) and data_format.startswith("NC") and data_format != "NCHW_VECT_C"
    if not isinstance(padding, str):
        raise op.refuse("padding in numbers is not carried for functions of TensorFlow")
    return set_to(op, padding=padding.lower(), data_format="channels_first" if first else None)


def _inner(told: Any, rank: int, data_format: Any) -> tuple[int, ...]:
    """A setting per spatial axis: one number, one for each, or one for each axis of the tensor."""
    listed = [int(n) for n in np.atleast_1d(np.asarray(told))]
    if len(listed) == rank + 2:
        first = isinstance(data_format, str) and data_format.startswith("NC")
        listed = listed[2:] if first else listed[1:-1]
    return tuple(listed * rank if len(listed) == 1 else listed)


@function("nn.conv1d", "nn.conv2d", "nn.conv3d", "nn.convolution")
def read_conv(
    op: OpCall,
    input: Any,
    filter: Any = None,
    strides: Any = None,
    padding: Any = "VALID",
    use_cudnn_on_gpu: bool = True,
    data_format: Any = None,
    dilations: Any = None,
    filters: Any = None,
    stride: Any = None,
) -> Value:
    value = op.operand(input)
    rank = value.rank - 2
    steps = _inner(next((told for told in (strides, stride) if told is not None), 1), rank, data_format)
    spread = _inner(1 if dilations is None else dilations, rank, data_format)
    kernel = filters if filter is None else filter
    return convolved(_like(op, padding, data_format, rank), value, kernel, steps, spread)


@function("nn.depthwise_conv2d", "nn.depthwise_conv2d_native")
def read_depthwise_conv(
    op: OpCall,
    input: Any,
    filter: Any,
    strides: Any,
    padding: Any = "VALID",
    data_format: Any = None,
    dilations: Any = None,
    rate: Any = None,
) -> Value:
    value = op.operand(input)
    spread = next((told for told in (dilations, rate) if told is not None), 1)
    steps = _inner(strides, 2, data_format)
    return depthwise_convolved(
        _like(op, padding, data_format, 2), value, filter, steps, _inner(spread, 2, data_format)
    )


def _pooled(kind: type[MaxPool] | type[AvgPool]) -> Any:
    def read(
        op: OpCall,
        input: Any,
        ksize: Any,
        strides: Any,
        padding: Any = "VALID",
        data_format: Any = None,
    ) -> Value:
        value = op.operand(input)
        rank = value.rank - 2
        window, steps = (_inner(told, rank, data_format) for told in (ksize, strides))
        return pooled(_like(op, padding, data_format, rank), kind, value, window, steps)

    return read


function("nn.max_pool", "nn.max_pool1d", "nn.max_pool2d", "nn.max_pool3d")(_pooled(MaxPool))
function("nn.avg_pool", "nn.avg_pool1d", "nn.avg_pool2d", "nn.avg_pool3d")(_pooled(AvgPool))


@function("nn.bias_add")
def read_bias_add(op: OpCall, value: Any, bias: Any, data_format: Any = None) -> Value:
    given = op.operand(value)
    shift = op.operand(bias, given.dtype)
    if isinstance(data_format, str) and data_format.startswith("NC") and given.rank > 2:
        shift = op.constant(
            Move.parse(f"c -> c{' 1' * (given.rank - 2)}").apply(op.numbers(bias)), given.dtype
        )
    return op.binary("add", given, shift)


@function("nn.batch_normalization")
def read_batch_normalization(
    op: OpCall, x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: float
) -> Value:
    value = op.operand(x)
    centre, spread = op.operand(mean, value.dtype), op.operand(variance, value.dtype)
    factor = op.unary("rsqrt", op.binary("add", spread, float(variance_epsilon)))
    factor = factor if scale is None else op.binary("multiply", factor, op.operand(scale, value.dtype))
    value = op.binary("multiply", op.binary("subtract", value, centre), factor)
    return value if offset is None else op.binary("add", value, op.operand(offset, value.dtype))


def _words(data_format: Any) -> str:
    first = isinstance(data_format, str) and data_format.startswith("NC")
    return "channels_first" if first else "channels_last"


@function("nn.depth_to_space")
def read_tf_depth_to_space(op: OpCall, input: Any, block_size: int, data_format: Any = "NHWC") -> Value:
    return read_depth_to_space(op, input, block_size, _words(data_format))


@function("nn.space_to_depth")
def read_tf_space_to_depth(op: OpCall, input: Any, block_size: int, data_format: Any = "NHWC") -> Value:
    return read_space_to_depth(op, input, block_size, _words(data_format))


@function("image.rgb_to_grayscale")
def read_tf_rgb_to_grayscale(op: OpCall, images: Any) -> Value:
    return read_rgb_to_grayscale(op, images)
