"""Convolutions whose kernel differs from place to place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import may_equal, show
from porter.graph.layouts import Orientation, Relaid, Request, spatial
from porter.graph.model import Spec
from porter.graph.ops.convolution import from_last, join, split, to_last, window_output
from porter.graph.ops.op import Array, Arrays, Op
from porter.numerics import convolution


@dataclass(frozen=True)
class LocalConv(Op):
    """A kernel of its own at each of `positions`, no padding: window cells row-major, then channels (`f`)."""

    PARAMS: ClassVar[Mapping[str, str]] = {"weight": "*p f o", "bias?": "*p o"}
    inputs: int
    outputs: int
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    positions: tuple[int, ...]
    orientation: Orientation = "last"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        batch, sizes, channels = split(inputs[0], self.orientation)
        rows = zip(sizes, self.kernel, self.strides, strict=True)
        found = [window_output(size, window, stride, 1, (0, 0)) for size, window, stride in rows]
        fits = all(may_equal(a, b) for a, b in zip(found, self.positions, strict=True))
        if not fits or not may_equal(channels, self.inputs):
            raise GraphError(f"{self.positions} local kernels do not fit {show(inputs[0].shape)}")
        return (Spec(join(batch, self.positions, self.outputs, self.orientation), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x = to_last(inputs[0], self.orientation)
        result = convolution.local_conv(x, params["weight"], window=self.kernel, strides=self.strides)
        if "bias" in params:
            result = result + params["bias"]
        return (from_last(result, self.orientation),)

    def relayout(self, request: Request) -> Relaid:
        return spatial(self, request, self.orientation, replace(self, orientation=request.target))
