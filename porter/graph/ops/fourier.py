"""Discrete Fourier transforms. A complex number is a pair of real tensors: its real and imaginary part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import Dim
from porter.graph.layouts import Relaid, Request
from porter.graph.model import Spec
from porter.graph.ops.op import Array, Arrays, Op, normal_axis

Norm = Literal["backward", "forward", "ortho"]


@dataclass(frozen=True)
class Fourier(Op):
    """The transform along `axes`, of a pair or of one real tensor, to a pair.

    `half`: of the last of the axes only the first half of the frequencies, which is all there is to tell of
    real numbers. `norm` says which way is divided by the number of cells: "backward", "forward", or "ortho"
    for both ways by its root.
    """

    axes: tuple[int, ...]
    inverse: bool = False
    half: bool = False
    norm: Norm = "backward"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        axes = _axes(self.axes, inputs[0])
        if len({spec.shape for spec in inputs}) > 1 or (self.half and len(inputs) > 1):
            raise GraphError("a transform takes one tensor, or two of one shape")
        spec = inputs[0]
        if self.half:
            size = spec.shape[axes[-1]]
            if not isinstance(size, int):
                raise GraphError("half of the frequencies of an axis whose size is not known")
            spec = Spec(_resized(spec, axes[-1], size // 2 + 1), spec.dtype)
        return (spec, spec)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x = _whole(inputs)
        run = np.fft.rfftn if self.half else np.fft.ifftn if self.inverse else np.fft.fftn
        found = run(x, axes=self.axes, norm=self.norm)
        return (np.array(found.real, inputs[0].dtype), np.array(found.imag, inputs[0].dtype))

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        places = tuple(layout.place(axis) for axis in self.axes)
        given = tuple(layout for _ in request.outputs)
        return Relaid(replace(self, axes=places), tuple(layout for _ in request.inputs), given)


@dataclass(frozen=True)
class RealFourier(Op):
    """The inverse transform of a pair to real numbers, from the first half of the frequencies of the last of
    the axes, where `size` numbers come out."""

    axes: tuple[int, ...]
    size: int
    norm: Norm = "backward"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        axes = _axes(self.axes, inputs[0])
        if inputs[0].shape != inputs[1].shape or inputs[0].shape[axes[-1]] != self.size // 2 + 1:
            raise GraphError(f"{self.size} numbers come of {self.size // 2 + 1} frequencies")
        return (Spec(_resized(inputs[0], axes[-1], self.size), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        sizes = [inputs[0].shape[axis] for axis in self.axes[:-1]]
        found = np.fft.irfftn(_whole(inputs), (*sizes, self.size), self.axes, self.norm)
        return (np.array(found, inputs[0].dtype),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        places = tuple(layout.place(axis) for axis in self.axes)
        return Relaid(replace(self, axes=places), (layout, layout), (layout,))


def _axes(axes: Sequence[int], spec: Spec) -> tuple[int, ...]:
    found = tuple(normal_axis(axis, spec.rank) for axis in axes)
    if not found or len(set(found)) < len(found):
        raise GraphError(f"a transform along the axes {axes}")
    return found


def _resized(spec: Spec, axis: int, size: int) -> tuple[Dim, ...]:
    return tuple(size if place == axis else dim for place, dim in enumerate(spec.shape))


def _whole(inputs: Sequence[Array]) -> Array:
    return inputs[0] if len(inputs) == 1 else inputs[0] + 1j * inputs[1]
