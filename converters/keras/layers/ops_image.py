"""Images: another size, another cut, another number of channels, patches."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.keras.layers.convolution import numbers, orientation
from converters.keras.layers.ops_convolution import convolved, set_to
from converters.keras.layers.ops_shape import with_ones, without_ones
from converters.keras.layers.resampling import read_resizing
from converters.keras.operation import OpCall, operation
from porter.axes import Move
from porter.graph.model import Value
from porter.graph.ops.linear import Einsum
from porter.graph.ops.reshaping import Pad, Slice


@operation("Resize")
def read_resize(
    op: OpCall,
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Value:
    height, width = numbers(size, 2)
    value = op.operand(images)
    single = value.rank == 3
    value = with_ones(op, value, [0]) if single else value
    like = set_to(
        op,
        height=height,
        width=width,
        interpolation=interpolation,
        antialias=antialias,
        crop_to_aspect_ratio=crop_to_aspect_ratio,
        pad_to_aspect_ratio=pad_to_aspect_ratio,
        data_format=data_format,
    )
    like.inputs = (value,)
    resized = op.cast(read_resizing(like), value.dtype)
    return without_ones(op, resized, [0]) if single else resized


@operation("RGBToGrayscale")
def read_rgb_to_grayscale(op: OpCall, images: Any, data_format: str | None = None) -> Value:
    value = op.operand(images)
    axis = value.rank - 3 if data_format == "channels_first" else value.rank - 1
    if value.shape[axis] == 1:
        return value
    letters = "nhwc"[4 - value.rank :] if axis == value.rank - 1 else "nchw"[4 - value.rank :]
    shares = op.constant([0.2989, 0.5870, 0.1140], op.floating(value).dtype)
    grey = op.add(Einsum(f"{letters},c->{letters.replace('c', '')}"), op.floating(value), shares)
    return op.cast(with_ones(op, grey, [axis]), value.dtype)


def _spatial(op: OpCall, value: Value, data_format: str | None) -> tuple[int, int]:
    ahead = data_format == "channels_first"
    return (value.rank - 2, value.rank - 1) if ahead else (value.rank - 3, value.rank - 2)


def _margin(op: OpCall, before: Any, after: Any, difference: int | None) -> tuple[int, int]:
    """The two ends, of which one may follow from the size that is wanted."""
    if difference is None:
        if before is None or after is None:
            raise op.refuse("neither both margins nor the size that is wanted are told")
        return int(before), int(after)
    return (
        (difference - int(after), int(after)) if before is None else (int(before), difference - int(before))
    )


@operation("CropImages")
def read_crop_images(
    op: OpCall,
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Value:
    value = op.operand(images)
    ranges: list[tuple[int | None, int | None, int]] = [(None, None, 1)] * value.rank
    told = ((top_cropping, bottom_cropping, target_height), (left_cropping, right_cropping, target_width))
    for axis, (before, after, target) in zip(_spatial(op, value, data_format), told, strict=True):
        difference = None if target is None else op.size(axis, value) - int(target)
        low, high = _margin(op, before, after, difference)
        ranges[axis] = (low or None, -high if high else None, 1)
    return op.add(Slice(tuple(ranges)), value)


@operation("PadImages")
def read_pad_images(
    op: OpCall,
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Value:
    value = op.operand(images)
    pads = [(0, 0)] * value.rank
    told = ((top_padding, bottom_padding, target_height), (left_padding, right_padding, target_width))
    for axis, (before, after, target) in zip(_spatial(op, value, data_format), told, strict=True):
        difference = None if target is None else int(target) - op.size(axis, value)
        pads[axis] = _margin(op, before, after, difference)
    return op.add(Pad(tuple(pads)), value)


@operation("ExtractPatches")
def read_extract_patches(
    op: OpCall,
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Value:
    """Each patch laid flat into the channels: a convolution whose kernel copies."""
    value = op.operand(images)
    rank = len(size) if isinstance(size, (list, tuple)) else 2
    single = value.rank == rank + 1
    value = with_ones(op, value, [0]) if single else value
    like = set_to(op, padding=padding, data_format=data_format)
    window = numbers(size, rank)
    channels = op.size(1 if orientation(like) == "first" else -1, value)
    cells = int(np.prod(window)) * channels
    sizes = {"i": channels, **{f"s{axis}": size for axis, size in enumerate(window)}}
    spatial = " ".join(f"s{axis}" for axis in range(len(window)))
    unfold = Move.parse(f"({spatial} i) o -> {spatial} i o")
    kernel = unfold.apply(np.eye(cells, dtype="float32"), sizes)
    patches = convolved(like, value, kernel, window if strides is None else strides, dilation_rate)
    return without_ones(op, patches, [0]) if single else patches
