"""Convolutions, as cross-correlations, in either orientation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from porter.axes import Move
from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import Dim, add, ceil_divide, floor_divide, may_equal, show, times
from porter.graph.layouts import Orientation, Relaid, Request, spatial
from porter.graph.model import Spec
from porter.graph.ops.op import Array, Arrays, Op
from porter.numerics import convolution

_TO_LAST = Move.parse("n c *s -> n *s c")

Pads = tuple[tuple[int, int], ...]
SAME: Literal["same"] = "same"
Padding = Pads | Literal["same"]
"""Zeros before and after each spatial axis; "same" where they depend on a size known only when running:
the output is ceil(size / stride), and of the zeros needed the smaller half comes before."""


def window_output(
    size: Dim, window: int, stride: int, dilation: int, padding: tuple[int, int] | Literal["same"]
) -> Dim:
    """How many windows fit along one axis."""
    if padding == "same":
        return ceil_divide(size, stride)
    reach = dilation * (window - 1) + 1
    return add(floor_divide(add(size, sum(padding) - reach), stride), 1)


def window_outputs(
    sizes: Sequence[Dim],
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    padding: Padding,
) -> list[Dim]:
    """How many windows fit along each axis."""
    pads: Sequence[tuple[int, int] | Literal["same"]] = [SAME] * len(sizes) if padding == SAME else padding
    rows = zip(sizes, window, strides, dilation, pads, strict=True)
    return [window_output(*row) for row in rows]


def explicit(
    padding: Padding,
    sizes: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> Pads:
    """The padding in numbers, once the sizes are known."""
    if padding == "same":
        rows = zip(sizes, window, strides, dilation, strict=True)
        return tuple(convolution.same_padding(*row) for row in rows)
    return padding


def to_last(x: Array, orientation: Orientation) -> Array:
    """The array with its channels on the last axis."""
    return _TO_LAST.apply(x) if orientation == "first" else x


def from_last(x: Array, orientation: Orientation) -> Array:
    """The inverse of `to_last`."""
    return _TO_LAST.inverse().apply(x) if orientation == "first" else x


def split(spec: Spec, orientation: Orientation) -> tuple[Dim, tuple[Dim, ...], Dim]:
    """Batch, spatial sizes and channels of a spatial value."""
    shape = spec.shape
    if orientation == "first":
        return shape[0], shape[2:], shape[1]
    return shape[0], shape[1:-1], shape[-1]


def join(batch: Dim, sizes: Sequence[Dim], channels: Dim, orientation: Orientation) -> tuple[Dim, ...]:
    """The inverse of `split`."""
    return (batch, channels, *sizes) if orientation == "first" else (batch, *sizes, channels)


@dataclass(frozen=True)
class Conv(Op):
    """Cross-correlation with a kernel per output channel; `groups` split the input channels evenly."""

    PARAMS: ClassVar[Mapping[str, str]] = {"weight": "o i *s", "bias?": "o"}
    inputs: int
    outputs: int
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: Padding
    groups: int = 1
    orientation: Orientation = "last"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        batch, sizes, channels = split(inputs[0], self.orientation)
        if len(sizes) != len(self.kernel) or not may_equal(channels, self.inputs):
            raise GraphError(
                f"expects {len(self.kernel)} spatial axes and {self.inputs} channels, "
                f"got {show(inputs[0].shape)}"
            )
        out = window_outputs(sizes, self.kernel, self.strides, self.dilation, self.padding)
        if any(isinstance(size, int) and size < 1 for size in out):
            raise GraphError(f"a {self.kernel} kernel leaves nothing of {show(inputs[0].shape)}")
        return (Spec(join(batch, out, self.outputs, self.orientation), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x = to_last(inputs[0], self.orientation)
        pads = explicit(self.padding, x.shape[1:-1], self.kernel, self.strides, self.dilation)
        result = convolution.conv(
            x,
            params["weight"],
            strides=self.strides,
            dilation=self.dilation,
            padding=pads,
            groups=self.groups,
        )
        if "bias" in params:
            result = result + params["bias"]
        return (from_last(result, self.orientation),)

    def relayout(self, request: Request) -> Relaid:
        return spatial(self, request, self.orientation, replace(self, orientation=request.target))


@dataclass(frozen=True)
class ConvTranspose(Op):
    """The transpose of a strided correlation: each input cell adds a scaled kernel to the output.

    The full result has `(size - 1) * stride + dilation * (kernel - 1) + 1` cells; `crop` cells are then cut
    from its two ends (a negative number adds zeros).
    """

    PARAMS: ClassVar[Mapping[str, str]] = {"weight": "i o *s", "bias?": "o"}
    inputs: int
    outputs: int
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    crop: Pads
    groups: int = 1
    orientation: Orientation = "last"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        batch, sizes, channels = split(inputs[0], self.orientation)
        if len(sizes) != len(self.kernel) or not may_equal(channels, self.inputs):
            raise GraphError(
                f"expects {len(self.kernel)} spatial axes and {self.inputs} channels, "
                f"got {show(inputs[0].shape)}"
            )
        out = [
            add(times(add(size, -1), stride), dilation * (kernel - 1) + 1 - sum(crop))
            for size, kernel, stride, dilation, crop in zip(
                sizes, self.kernel, self.strides, self.dilation, self.crop, strict=True
            )
        ]
        return (Spec(join(batch, out, self.outputs, self.orientation), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        result = convolution.conv_transpose(
            to_last(inputs[0], self.orientation),
            params["weight"],
            strides=self.strides,
            dilation=self.dilation,
            crop=self.crop,
            groups=self.groups,
        )
        if "bias" in params:
            result = result + params["bias"]
        return (from_last(result, self.orientation),)

    def relayout(self, request: Request) -> Relaid:
        return spatial(self, request, self.orientation, replace(self, orientation=request.target))
