"""Normalizations: by stored statistics, or by the statistics of each example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import may_equal, show
from porter.graph.layouts import Layout, Relaid, Request, follow_param
from porter.graph.model import Spec
from porter.graph.ops.op import Array, Arrays, Op, normal_axis
from porter.numerics import normalisation


@dataclass(frozen=True)
class _Keeping(Op):
    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (inputs[0],)


@dataclass(frozen=True)
class BatchNorm(_Keeping):
    """(x - mean) / sqrt(variance + epsilon) * scale + shift, along one axis, by stored statistics.

    `momentum` is the share of the old statistics that a training step keeps; a `frozen` one uses the stored
    statistics in training too, and leaves them as they are.
    """

    PARAMS: ClassVar[Mapping[str, str]] = {
        "mean": "c",
        "variance": "c",
        "scale?": "c",
        "shift?": "c",
    }
    features: int
    epsilon: float
    momentum: float = 0.99
    axis: int = -1
    frozen: bool = False

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        axis = normal_axis(self.axis, inputs[0].rank)
        if not may_equal(inputs[0].shape[axis], self.features):
            raise GraphError(f"expects {self.features} features on axis {axis}, got {show(inputs[0].shape)}")
        return (inputs[0],)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (
            normalisation.batch_norm(
                inputs[0],
                params["mean"],
                params["variance"],
                params.get("scale"),
                params.get("shift"),
                self.epsilon,
                self.axis,
            ),
        )

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0]
        axis = normal_axis(self.axis, len(layout.perm))
        move, sizes, _ = follow_param(layout, (axis,), (self.features,))
        changed = replace(self, axis=layout.place(axis))
        params = {} if move.is_identity else {name.rstrip("?"): (move, sizes) for name in self.PARAMS}
        return Relaid(changed, (layout,), (layout,), params)


@dataclass(frozen=True)
class _OverAxes(_Keeping):
    axes: tuple[int, ...]
    epsilon: float

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0]
        axes = tuple(normal_axis(axis, len(layout.perm)) for axis in self.axes)
        if axes == (2,) and len(layout.perm) == 3 and request.wanted is None:
            layout = replace(layout, perm=(0, 1, 2))  # what frameworks have a layer for
        sizes = [request.inputs[0].shape[axis] for axis in axes]
        shape = tuple(size if isinstance(size, int) else 0 for size in sizes)
        move, parts, _ = follow_param(layout, axes, shape)
        places = tuple(sorted(layout.place(axis) for axis in axes))
        if places == tuple(range(len(layout.perm) - len(places), len(layout.perm))):
            places = tuple(place - len(layout.perm) for place in places)
        names = () if move.is_identity else self.PARAMS
        params = {name.rstrip("?"): (move, parts) for name in names}
        return Relaid(replace(self, axes=places), (layout,), (layout,), params)


@dataclass(frozen=True)
class LayerNorm(_OverAxes):
    """(x - mean) / sqrt(variance + epsilon) * scale + shift over `axes` of each example."""

    PARAMS: ClassVar[Mapping[str, str]] = {"scale?": "*n", "shift?": "*n"}

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        scale, shift = params.get("scale"), params.get("shift")
        return (normalisation.layer_norm(inputs[0], self.axes, scale, shift, self.epsilon),)


@dataclass(frozen=True)
class RmsNorm(_OverAxes):
    """x / sqrt(mean(x^2) + epsilon) * scale over `axes`."""

    PARAMS: ClassVar[Mapping[str, str]] = {"scale?": "*n"}

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (normalisation.rms_norm(inputs[0], self.axes, params.get("scale"), self.epsilon),)


@dataclass(frozen=True)
class GroupNorm(_Keeping):
    """Channels in `groups`, each normalised together with all axes but the batch, then scale and shift."""

    PARAMS: ClassVar[Mapping[str, str]] = {"scale?": "c", "shift?": "c"}
    groups: int
    features: int
    epsilon: float
    axis: int = -1

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        scale, shift = params.get("scale"), params.get("shift")
        return (normalisation.group_norm(inputs[0], self.groups, self.axis, scale, shift, self.epsilon),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0]
        rank = len(layout.perm)
        axis = normal_axis(self.axis, rank)
        if layout.inner or (layout.place(axis) != 1 and request.target == "first"):
            channels_first = (0, axis, *(k for k in range(1, rank) if k != axis))
            layout = Layout(channels_first if request.target == "first" else tuple(range(rank)))
        return Relaid(replace(self, axis=layout.place(axis)), (layout,), (layout,))


@dataclass(frozen=True)
class UnitNorm(_Keeping):
    """x over its Euclidean length along `axes`, a length of at least `floor`."""

    axes: tuple[int, ...]
    floor: float = 1e-12

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (normalisation.unit_norm(inputs[0], self.axes, self.floor),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0]
        places = tuple(sorted(layout.place(axis) for axis in self.axes))
        return Relaid(replace(self, axes=places), (layout,), (layout,))
