"""Activations that have attributes or parameters; the plain ones are functions of `Unary`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from porter.dataclass import dataclass
from porter.graph.dims import floor_divide
from porter.graph.layouts import Relaid, Request, follow, follow_param
from porter.graph.model import Spec
from porter.graph.ops.op import Array, Arrays, Op, normal_axis
from porter.numerics import activation


@dataclass(frozen=True)
class _Pointwise(Op):
    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (inputs[0],)

    def relayout(self, request: Request) -> Relaid:
        return follow(self, request)


@dataclass(frozen=True)
class Relu(_Pointwise):
    """x above `threshold` (at most `max_value`), else `negative_slope * (x - threshold)`."""

    negative_slope: float = 0.0
    max_value: float | None = None
    threshold: float = 0.0

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (activation.relu(inputs[0], self.negative_slope, self.max_value, self.threshold),)


@dataclass(frozen=True)
class Elu(_Pointwise):
    """x where positive, else `alpha * (exp(x) - 1)`."""

    alpha: float = 1.0

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (activation.elu(inputs[0], self.alpha),)


@dataclass(frozen=True)
class Celu(_Pointwise):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1))."""

    alpha: float = 1.0

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (activation.celu(inputs[0], self.alpha),)


@dataclass(frozen=True)
class Gelu(_Pointwise):
    """x times the normal distribution function: exact (erf) or by tanh."""

    approximate: bool = False

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (activation.gelu(inputs[0], self.approximate),)


@dataclass(frozen=True)
class HardShrink(_Pointwise):
    """x where |x| > threshold, else 0."""

    threshold: float = 0.5

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (activation.hard_shrink(inputs[0], self.threshold),)


@dataclass(frozen=True)
class SoftShrink(_Pointwise):
    """x moved towards 0 by threshold, 0 in between."""

    threshold: float = 0.5

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (activation.soft_shrink(inputs[0], self.threshold),)


@dataclass(frozen=True)
class Threshold(_Pointwise):
    """x where x > threshold, else `value`."""

    threshold: float
    value: float

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (activation.threshold(inputs[0], self.threshold, self.value),)


@dataclass(frozen=True)
class SquarePlus(_Pointwise):
    """(x + sqrt(x^2 + b)) / 2."""

    b: float = 4.0

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (activation.squareplus(inputs[0], self.b),)


@dataclass(frozen=True)
class _Along(Op):
    axis: int = -1

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        normal_axis(self.axis, inputs[0].rank)
        return (inputs[0],)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0]
        place = layout.place(self.axis)
        last = place == len(layout.perm) - 1
        return Relaid(replace(self, axis=-1 if last else place), (layout,), (layout,))


@dataclass(frozen=True)
class Softmax(_Along):
    """exp(x) over its sum along an axis."""

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (activation.softmax(inputs[0], self.axis),)


@dataclass(frozen=True)
class LogSoftmax(_Along):
    """x less the logarithm of the sum of exp(x) along an axis."""

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (activation.log_softmax(inputs[0], self.axis),)


@dataclass(frozen=True)
class Sparsemax(_Along):
    """The Euclidean projection onto the probability simplex along an axis.

    With `of_sums`, what Keras ships under this name: its threshold adds up partial sums (see the numerics).
    """

    of_sums: bool = False

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        function = activation.sparsemax_of_sums if self.of_sums else activation.sparsemax
        return (function(inputs[0], self.axis),)


@dataclass(frozen=True)
class Glu(_Along):
    """First half of an axis times the sigmoid of the second half."""

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        axis = normal_axis(self.axis, inputs[0].rank)
        shape = inputs[0].shape
        return (Spec((*shape[:axis], floor_divide(shape[axis], 2), *shape[axis + 1 :]), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (activation.glu(inputs[0], self.axis),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        return Relaid(replace(self, axis=layout.place(self.axis)), (layout,), (layout,))


@dataclass(frozen=True)
class PRelu(Op):
    """x where positive, else `slope * x`; the slope has a size for each axis but the batch (1 = shared)."""

    PARAMS: ClassVar[Mapping[str, str]] = {"slope": "*a"}
    shape: tuple[int, ...]

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (inputs[0],)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x = inputs[0]
        return (np.where(x > 0, x, params["slope"] * x),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0]
        move, sizes, places = follow_param(layout, range(1, len(layout.perm)), self.shape)
        shape = tuple(self.shape[place] for place in places)
        return Relaid(replace(self, shape=shape), (layout,), (layout,), {"slope": (move, sizes)})
