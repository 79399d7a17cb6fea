"""Windows reduced to one number each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import show
from porter.graph.layouts import Orientation, Relaid, Request, spatial
from porter.graph.model import Spec
from porter.graph.ops.convolution import (
    Padding,
    explicit,
    from_last,
    join,
    split,
    to_last,
    window_outputs,
)
from porter.graph.ops.op import Array, Arrays, Op
from porter.numerics import pooling


@dataclass(frozen=True)
class _Pool(Op):
    window: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding
    orientation: Orientation = "last"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        batch, sizes, channels = split(inputs[0], self.orientation)
        if len(sizes) != len(self.window):
            raise GraphError(f"expects {len(self.window)} spatial axes, got {show(inputs[0].shape)}")
        out = window_outputs(sizes, self.window, self.strides, self.dilations, self.padding)
        if any(isinstance(size, int) and size < 1 for size in out):
            raise GraphError(f"a {self.window} window leaves nothing of {show(inputs[0].shape)}")
        return (Spec(join(batch, out, channels, self.orientation), inputs[0].dtype),)

    @property
    def dilations(self) -> tuple[int, ...]:
        return tuple(1 for _ in self.window)

    def relayout(self, request: Request) -> Relaid:
        return spatial(self, request, self.orientation, replace(self, orientation=request.target))

    def pads(self, x: Array) -> tuple[tuple[int, int], ...]:
        return explicit(self.padding, x.shape[1:-1], self.window, self.strides, self.dilations)


@dataclass(frozen=True)
class MaxPool(_Pool):
    """The largest value of each window; padding never wins."""

    dilation: tuple[int, ...] = ()

    @property
    def dilations(self) -> tuple[int, ...]:
        return self.dilation or super().dilations

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x = to_last(inputs[0], self.orientation)
        result = pooling.max_pool(
            x,
            window=self.window,
            strides=self.strides,
            padding=self.pads(x),
            dilation=self.dilations,
        )
        return (from_last(result, self.orientation),)


@dataclass(frozen=True)
class AvgPool(_Pool):
    """The mean of each window, over its real cells only unless `count_padding`."""

    count_padding: bool = False

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x = to_last(inputs[0], self.orientation)
        result = pooling.avg_pool(
            x,
            window=self.window,
            strides=self.strides,
            padding=self.pads(x),
            count_padding=self.count_padding,
        )
        return (from_last(result, self.orientation),)


@dataclass(frozen=True)
class AdaptivePool(Op):
    """Windows for an output of `size` cells: cell k spans floor(k n / size) to ceil((k + 1) n / size)."""

    function: str  # "avg" or "max"
    size: tuple[int | None, ...]
    orientation: Orientation = "last"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        batch, sizes, channels = split(inputs[0], self.orientation)
        out = [have if want is None else want for have, want in zip(sizes, self.size, strict=True)]
        return (Spec(join(batch, out, channels, self.orientation), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x = to_last(inputs[0], self.orientation)
        sizes = tuple(h if w is None else w for h, w in zip(x.shape[1:-1], self.size, strict=True))
        pool = {"avg": pooling.adaptive_avg_pool, "max": pooling.adaptive_max_pool}[self.function]
        return (from_last(np.asarray(pool(x, sizes)), self.orientation),)

    def relayout(self, request: Request) -> Relaid:
        return spatial(self, request, self.orientation, replace(self, orientation=request.target))
