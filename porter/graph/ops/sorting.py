"""Order: sorted values, their places, the largest few, and where a value would stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from porter.dataclass import dataclass
from porter.graph.layouts import Relaid, Request, fixed
from porter.graph.model import Spec
from porter.graph.ops.op import Array, Arrays, Op, normal_axis
from porter.graph.ops.reduction import Reduce


@dataclass(frozen=True)
class _AlongAxis(Op):
    axis: int = -1

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        normal_axis(self.axis, inputs[0].rank)
        return (inputs[0],)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        return Relaid(replace(self, axis=layout.place(self.axis)), (layout,), (layout,))


@dataclass(frozen=True)
class Sort(_AlongAxis):
    """Values in rising order along an axis."""

    descending: bool = False

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        result = np.sort(inputs[0], axis=self.axis)
        return (np.flip(result, self.axis) if self.descending else result,)


@dataclass(frozen=True)
class ArgSort(_AlongAxis):
    """The places of the values in rising (or falling) order along an axis; equals keep their order."""

    descending: bool = False

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        (spec,) = super().infer(*inputs)
        return (Spec(spec.shape, "int32"),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x = inputs[0]
        if self.descending:
            x = np.flip(x, self.axis)
        found = np.argsort(x, axis=self.axis, kind="stable")
        if self.descending:
            found = np.flip(x.shape[self.axis] - 1 - found, self.axis)
        return (found.astype("int32"),)


@dataclass(frozen=True)
class TopK(Op):
    """The `count` largest values of the last axis in falling order, and their places; of equals the first."""

    count: int

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        shape = (*inputs[0].shape[:-1], self.count)
        return (Spec(shape, inputs[0].dtype), Spec(shape, "int32"))

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        (places,) = ArgSort(-1, descending=True).meaning(inputs, params)
        places = places[..., : self.count]
        return (np.take_along_axis(inputs[0], places.astype("int64"), -1), places)


@dataclass(frozen=True)
class Quantile(Op):
    """The value that a share of an axis lies below; between two cells by `method`, NaN where there is one."""

    share: float
    axis: int
    method: str = "linear"  # "lower", "higher", "midpoint", "nearest"
    keepdims: bool = False

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return Reduce("max", (self.axis,), self.keepdims).infer(*inputs)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        method: Any = self.method
        found = np.quantile(inputs[0], self.share, axis=self.axis, method=method, keepdims=self.keepdims)
        return (np.asarray(found),)

    def relayout(self, request: Request) -> Relaid:
        axis = normal_axis(self.axis, request.inputs[0].rank)
        answer = Reduce("max", (axis,), self.keepdims).relayout(request)
        layout = request.layouts[0]
        if layout.inner:
            return fixed(self, request)
        return Relaid(replace(self, axis=layout.place(axis)), answer.inputs, answer.outputs)


@dataclass(frozen=True)
class SearchSorted(Op):
    """Where each value of the second input would stand in the sorted first one, left or right of equals."""

    side: str = "left"
    dtype: str = "int32"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (Spec(inputs[1].shape, self.dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        found = np.searchsorted(inputs[0], inputs[1], "right" if self.side == "right" else "left")
        return (np.asarray(found).astype(self.dtype),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[1].without_inner()
        return Relaid(self, (request.layouts[0].without_inner(), layout), (layout,))
