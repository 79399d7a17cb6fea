"""Convolution and pooling as functions: the kernel is an argument, which must be a constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from converters.keras.layers.convolution import numbers, orientation, padding, spatial
from converters.keras.layers.ops_shape import transposed
from converters.keras.operation import OpCall, operation
from porter.graph.model import Param, Value
from porter.graph.ops.convolution import Conv, ConvTranspose, Pads
from porter.graph.ops.pooling import AdaptivePool, AvgPool, MaxPool
from porter.graph.ops.reshaping import Reshape
from porter.graph.regroup import Kept
from porter.numerics.convolution import transpose_crop
from porter.weights.tensor import Constant


def set_to(op: OpCall, **config: Any) -> OpCall:
    """The same call with these settings, for what is read from a layer's settings."""
    return replace(op, spec=replace(op.spec, config=config))


def held(op: OpCall, kernel: Any, move: str) -> Param:
    """A constant as a parameter that is not trained."""
    return op.param(Constant(op.numbers(kernel)), move, False)


@operation("Conv")
def read_conv(
    op: OpCall,
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Value:
    like = set_to(op, padding=padding, data_format=data_format)
    return convolved(like, op.operand(inputs), kernel, strides, dilation_rate)


def convolved(op: OpCall, value: Value, kernel: Any, strides: Any, dilation: Any) -> Value:
    """A convolution; groups are told by the shape of the kernel."""
    *window, depth, filters = op.numbers(kernel).shape
    rank = value.rank - 2
    sizes, channels = spatial(op, value)
    steps, spread = numbers(strides, rank), numbers(dilation, rank)
    pads = padding(op, sizes, window, steps, spread)
    kind = Conv(channels, filters, tuple(window), steps, spread, pads, channels // depth, orientation(op))
    return op.add(kind, value, weight=held(op, kernel, "*s i o -> o i *s"))


@operation("DepthwiseConv")
def read_depthwise_conv(
    op: OpCall,
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Value:
    like = set_to(op, padding=padding, data_format=data_format)
    return depthwise_convolved(like, op.operand(inputs), kernel, strides, dilation_rate)


def depthwise_convolved(op: OpCall, value: Value, kernel: Any, strides: Any, dilation: Any) -> Value:
    """Each channel by kernels of its own."""
    *window, channels, multiplier = op.numbers(kernel).shape
    rank = value.rank - 2
    sizes, _ = spatial(op, value)
    steps, spread = numbers(strides, rank), numbers(dilation, rank)
    pads = padding(op, sizes, window, steps, spread)
    outputs = channels * multiplier
    kind = Conv(channels, outputs, tuple(window), steps, spread, pads, channels, orientation(op))
    return op.add(kind, value, weight=held(op, kernel, "*s i m -> (i m) 1 *s"))


@operation("SeparableConv")
def read_separable_conv(
    op: OpCall,
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Value:
    like = set_to(op, padding=padding, data_format=data_format)
    value = depthwise_convolved(like, op.operand(inputs), depthwise_kernel, strides, dilation_rate)
    return convolved(like, value, pointwise_kernel, 1, 1)


@operation("ConvTranspose")
def read_conv_transpose(
    op: OpCall,
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Value:
    like, value = set_to(op, data_format=data_format), op.operand(inputs)
    *window, filters, _ = op.numbers(kernel).shape
    rank = value.rank - 2
    _, channels = spatial(like, value)
    steps, spread = numbers(strides, rank), numbers(dilation_rate, rank)
    extra: Sequence[int | None] = (None,) * rank if output_padding is None else numbers(output_padding, rank)
    rows = zip(window, steps, spread, extra, strict=True)
    crop: Pads = tuple(transpose_crop(k, s, d, padding.lower(), e) for k, s, d, e in rows)
    kind = ConvTranspose(channels, filters, tuple(window), steps, spread, crop, 1, orientation(like))
    return op.add(kind, value, weight=held(op, kernel, "*s o i -> i o *s"))


def _pooled(kind: type[MaxPool] | type[AvgPool]) -> Any:
    def read(
        op: OpCall,
        inputs: Any,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
    ) -> Value:
        return pooled(
            set_to(op, padding=padding, data_format=data_format), kind, op.operand(inputs), pool_size, strides
        )

    return read


operation("MaxPool")(_pooled(MaxPool))
operation("AveragePool")(_pooled(AvgPool))


def pooled(op: OpCall, kind: type[MaxPool] | type[AvgPool], value: Value, window: Any, strides: Any) -> Value:
    """Windows reduced to one number each."""
    rank = value.rank - 2
    cells = numbers(window, rank)
    steps = cells if strides is None else numbers(strides, rank)
    sizes, _ = spatial(op, value)
    return op.add(kind(cells, steps, padding(op, sizes, cells, steps, (1,) * rank), orientation(op)), value)


def _adaptive(function: str) -> Any:
    def read(op: OpCall, inputs: Any, output_size: Any, data_format: str | None = None) -> Value:
        like, value = set_to(op, data_format=data_format), op.operand(inputs)
        size = numbers(output_size, value.rank - 2)
        return op.add(AdaptivePool(function, size, orientation(like)), value)

    return read


operation("AdaptiveAveragePool")(_adaptive("avg"))
operation("AdaptiveMaxPool")(_adaptive("max"))


@operation("DepthToSpace")
def read_depth_to_space(
    op: OpCall, x: Any, block_size: int, data_format: str | None = "channels_last"
) -> Value:
    """Channels in blocks: `n h w (a b c) -> n (h a) (w b) c`."""
    value, first = op.operand(x), data_format == "channels_first"
    block = int(block_size)
    value = transposed(op, value, (0, 2, 3, 1)) if first else value
    height, width, channels = (op.size(axis, value) for axis in (1, 2, 3))
    depth = channels // block**2
    value = op.add(Reshape((Kept(0), height, width, block, block, depth)), value)
    value = transposed(op, value, (0, 1, 3, 2, 4, 5))
    value = op.add(Reshape((Kept(0), height * block, width * block, depth)), value)
    return transposed(op, value, (0, 3, 1, 2)) if first else value


@operation("SpaceToDepth")
def read_space_to_depth(
    op: OpCall, x: Any, block_size: int, data_format: str | None = "channels_last"
) -> Value:
    """The inverse: `n (h a) (w b) c -> n h w (a b c)`."""
    value, first = op.operand(x), data_format == "channels_first"
    block = int(block_size)
    value = transposed(op, value, (0, 2, 3, 1)) if first else value
    height, width, channels = (op.size(axis, value) for axis in (1, 2, 3))
    value = op.add(Reshape((Kept(0), height // block, block, width // block, block, channels)), value)
    value = transposed(op, value, (0, 1, 3, 2, 4, 5))
    value = op.add(Reshape((Kept(0), height // block, width // block, channels * block**2)), value)
    return transposed(op, value, (0, 3, 1, 2)) if first else value
