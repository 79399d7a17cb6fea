"""TensorFlow's functions of images and their channels: cut, put into patches, compared with neighbours."""

from __future__ import annotations

from typing import Any

from converters.keras.layers.ops_image import read_extract_patches
from converters.keras.layers.ops_linalg import diagonal
from converters.keras.operation import OpCall, function
from porter.graph.model import Value
from porter.graph.ops.activation import Relu
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Concat, Pad, Slice

Range = tuple[int | None, int | None, int]
WHOLE: Range = (None, None, 1)


def _cut(op: OpCall, value: Value, ranges: dict[int, tuple[int, int]]) -> Value:
    parts = [(*ranges[axis], 1) if axis in ranges else WHOLE for axis in range(value.rank)]
    return op.add(Slice(tuple(parts)), value)


@function("image.crop_to_bounding_box")
def read_crop_to_bounding_box(
    op: OpCall, image: Any, offset_height: int, offset_width: int, target_height: int, target_width: int
) -> Value:
    value = op.operand(image)
    top, left, height, width = (
        int(op.numbers(told)) for told in (offset_height, offset_width, target_height, target_width)
    )
    rows, columns = value.rank - 3, value.rank - 2
    return _cut(op, value, {rows: (top, top + height), columns: (left, left + width)})


@function("image.central_crop")
def read_central_crop(op: OpCall, image: Any, central_fraction: float) -> Value:
    """The same share of each side goes, in whole cells at both ends."""
    value = op.operand(image)
    ranges = {}
    for axis in (value.rank - 3, value.rank - 2):
        size = op.size(axis, value)
        start = int((size - size * central_fraction) / 2)
        ranges[axis] = (start, size - start)
    return _cut(op, value, ranges)


@function("image.adjust_contrast")
def read_adjust_contrast(op: OpCall, images: Any, contrast_factor: float) -> Value:
    value = op.operand(images)
    mean = op.add(Reduce("mean", (value.rank - 3, value.rank - 2), True), value)
    apart = op.binary("multiply", op.binary("subtract", value, mean), float(op.numbers(contrast_factor)))
    return op.binary("add", apart, mean)


@function("image.extract_patches", "compat.v1.extract_image_patches", "extract_image_patches")
def read_image_patches(
    op: OpCall,
    images: Any,
    sizes: Any = None,
    strides: Any = None,
    rates: Any = None,
    padding: str = "VALID",
    ksizes: Any = None,
) -> Value:
    window, steps, apart = (list(told)[1:3] for told in (sizes or ksizes, strides, rates or [1, 1, 1, 1]))
    return read_extract_patches(op, images, window, steps, apart, padding.lower(), "channels_last")


@function("nn.local_response_normalization", "nn.lrn")
def read_local_response_normalization(
    op: OpCall,
    input: Any,
    depth_radius: int = 5,
    bias: float = 1.0,
    alpha: float = 1.0,
    beta: float = 0.5,
) -> Value:
    """x over (bias + alpha * the squares of neighbouring channels, summed) to the power beta."""
    value = op.operand(input)
    last, reach = value.rank - 1, int(depth_radius)
    count = op.size(last, value)
    pads = tuple((reach, reach) if axis == last else (0, 0) for axis in range(value.rank))
    squares = op.add(Pad(pads), op.unary("square", value))
    total = _cut(op, squares, {last: (0, count)})
    for start in range(1, 2 * reach + 1):
        total = op.binary("add", total, _cut(op, squares, {last: (start, start + count)}))
    base = op.binary("add", op.binary("multiply", total, float(alpha)), float(bias))
    return op.binary("divide", value, op.binary("power", base, float(beta)))


@function("nn.crelu")
def read_crelu(op: OpCall, features: Any, axis: int = -1) -> Value:
    value = op.operand(features)
    return op.add(
        Concat(op.axis(axis, value.rank)),
        op.add(Relu(), value),
        op.add(Relu(), op.unary("neg", value)),
    )


@function("linalg.diag_part", "matrix_diag_part")
def read_diag_part(op: OpCall, input: Any, k: int = 0) -> Value:
    value = op.operand(input)
    return diagonal(op, value, int(op.numbers(k)), value.rank - 2, value.rank - 1)
