"""Axes folded into one number, or into a running one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from porter.dataclass import dataclass
from porter.graph.dims import Dim
from porter.graph.layouts import Inner, Layout, Relaid, Request, fixed
from porter.graph.model import Spec
from porter.graph.ops.op import Array, Arrays, Op, normal_axis


def _logsumexp(x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    result: Array = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return result if keepdims else np.squeeze(result, axis)


REDUCTIONS: Mapping[str, Callable[..., Array]] = {
    "all": np.all,
    "any": np.any,
    "logsumexp": _logsumexp,
    "max": np.max,
    "mean": np.mean,
    "min": np.min,
    "prod": np.prod,
    "std": np.std,
    "sum": np.sum,
    "var": np.var,
}


@dataclass(frozen=True)
class Reduce(Op):
    """A function over all cells along `axes` (variance and deviation without Bessel's correction)."""

    function: str
    axes: tuple[int, ...]
    keepdims: bool = False

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        axes = {normal_axis(axis, inputs[0].rank) for axis in self.axes}
        shape: list[Dim] = []
        for place, dim in enumerate(inputs[0].shape):
            if place not in axes:
                shape.append(dim)
            elif self.keepdims:
                shape.append(1)
        dtype = "bool" if self.function in ("all", "any") else inputs[0].dtype
        return (Spec(tuple(shape), dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        result = REDUCTIONS[self.function](inputs[0], axis=self.axes, keepdims=self.keepdims)
        return (np.asarray(result),)

    def relayout(self, request: Request) -> Relaid:
        layout, rank = request.layouts[0], request.inputs[0].rank
        axes = {normal_axis(axis, rank) for axis in self.axes}
        places = tuple(sorted(layout.place(axis) for axis in axes))
        inner = {axis: part for axis, part in layout.inner.items() if axis not in axes}
        given = Layout(layout.perm, inner) if self.keepdims else _dropped(layout, axes, inner)
        return Relaid(replace(self, axes=places), (layout,), (given,))


def _dropped(layout: Layout, axes: set[int], inner: Mapping[int, Inner]) -> Layout:
    kept = [axis for axis in range(len(layout.perm)) if axis not in axes]
    number = {axis: place for place, axis in enumerate(kept)}
    perm = tuple(number[axis] for axis in layout.perm if axis in number)
    return Layout(perm, {number[axis]: part for axis, part in inner.items()})


@dataclass(frozen=True)
class ArgReduce(Op):
    """The place of the largest or smallest cell along an axis; the first of several."""

    function: str  # "max" or "min"
    axis: int
    keepdims: bool = False
    dtype: str = "int32"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        (spec,) = Reduce("max", (self.axis,), self.keepdims).infer(*inputs)
        return (Spec(spec.shape, self.dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        find = {"max": np.argmax, "min": np.argmin}[self.function]
        return (find(inputs[0], axis=self.axis, keepdims=self.keepdims).astype(self.dtype),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0]
        if layout.inner:
            return fixed(self, request)
        axis = normal_axis(self.axis, request.inputs[0].rank)
        given = layout if self.keepdims else _dropped(layout, {axis}, {})
        return Relaid(replace(self, axis=layout.place(axis)), (layout,), (given,))


@dataclass(frozen=True)
class Cumulate(Op):
    """Running sums or products along an axis."""

    function: str  # "sum" or "prod"
    axis: int

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        normal_axis(self.axis, inputs[0].rank)
        return (inputs[0],)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        run: Mapping[str, Callable[..., Array]] = {"sum": np.cumsum, "prod": np.cumprod}
        return (run[self.function](inputs[0], axis=self.axis, dtype=inputs[0].dtype),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        axis = normal_axis(self.axis, request.inputs[0].rank)
        return Relaid(replace(self, axis=layout.place(axis)), (layout,), (layout,))
