"""Images and volumes in another size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import Dim, show, static, times
from porter.graph.layouts import Orientation, Relaid, Request, spatial
from porter.graph.model import Spec
from porter.graph.ops.convolution import from_last, join, split, to_last
from porter.graph.ops.op import Array, Arrays, Op
from porter.numerics import resampling

TENSORFLOWS_GRID = 1024
"""TensorFlow keeps its cubic kernel in a table of so many steps."""


@dataclass(frozen=True)
class Upsample(Op):
    """Each cell `factors` times along the spatial axes."""

    factors: tuple[int, ...]
    orientation: Orientation = "last"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        batch, sizes, channels = split(inputs[0], self.orientation)
        out = [times(size, factor) for size, factor in zip(sizes, self.factors, strict=True)]
        return (Spec(join(batch, out, channels, self.orientation), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x = to_last(inputs[0], self.orientation)
        return (from_last(resampling.upsample_nearest(x, self.factors), self.orientation),)

    def relayout(self, request: Request) -> Relaid:
        return spatial(self, request, self.orientation, replace(self, orientation=request.target))


@dataclass(frozen=True)
class Resize(Op):
    """Resampling by a kernel, as TensorFlow does it: `nearest`, `linear`, `cubic`
    (a = -0.5), `lanczos3`, `lanczos5`, `area`. The output's size is `size`, or the input's times `factors`.

    At the ends the kernel's part beyond the data is left out, and the rest weighs 1 in all.
    """

    kernel: str
    size: tuple[int, ...] | None = None
    factors: tuple[int, ...] | None = None
    antialias: bool = False
    half_pixel: bool = True  # cell i lies at (i + 0.5) * scale - 0.5 of the input, else at i * scale
    orientation: Orientation = "last"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        batch, sizes, channels = split(inputs[0], self.orientation)
        out = self._output(sizes)
        if len(out) != len(sizes):
            raise GraphError(f"resizing to {out} does not fit {show(inputs[0].shape)}")
        return (Spec(join(batch, out, channels, self.orientation), inputs[0].dtype),)

    def _output(self, sizes: Sequence[Dim]) -> tuple[Dim, ...]:
        if self.size is not None:
            return self.size
        assert self.factors is not None
        return tuple(times(size, factor) for size, factor in zip(sizes, self.factors, strict=True))

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x = to_last(inputs[0], self.orientation)
        size = static(self._output(x.shape[1:-1]))
        assert size is not None
        if self.kernel == "nearest":
            return (from_last(resampling.resize_nearest(x, size), self.orientation),)
        grid = TENSORFLOWS_GRID if self.kernel == "cubic" and not self.antialias else None
        result = resampling.resize(
            x, size, self.kernel, half_pixel=self.half_pixel, antialias=self.antialias, grid=grid
        )
        return (from_last(result, self.orientation),)

    def relayout(self, request: Request) -> Relaid:
        return spatial(self, request, self.orientation, replace(self, orientation=request.target))
