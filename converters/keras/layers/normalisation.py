"""Normalization layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.keras.layer import LayerCall
from converters.keras.masks import passes_mask
from converters.keras.rules import rules
from porter.graph.model import Param, Value
from porter.graph.ops.elementwise import Binary, Unary
from porter.graph.ops.normalisation import BatchNorm, GroupNorm, LayerNorm, RmsNorm, UnitNorm
from porter.graph.ops.op import normal_axis
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.sources import Constant


def axes_of(layer: LayerCall, told: Any) -> tuple[int, ...]:
    """The axes a config names, by one number or several, from the front and in order."""
    several = told if isinstance(told, Sequence) else (told,)
    return tuple(sorted(normal_axis(int(axis), layer.value.rank) for axis in several))


@rules.reads("BatchNormalization")
def read_batch_norm(layer: LayerCall) -> Value:
    axis = layer.config.get("axis", -1)
    axis = axis[0] if isinstance(axis, (list, tuple)) else axis
    features = layer.size(axis)
    params = _affine(layer, (features,), "gamma", "beta")
    params["mean"] = layer.weight("moving_mean", (features,), trainable=False)
    params["variance"] = layer.weight("moving_variance", (features,), trainable=False)
    epsilon = float(layer.config.get("epsilon", 1e-3))
    frozen = layer.context.generation > 1 and not layer.trainable  # before, training went on without a word
    op = BatchNorm(features, epsilon, float(layer.config.get("momentum", 0.99)), axis, frozen)
    return layer.add(op, layer.value, **params)


def _affine(layer: LayerCall, shape: Sequence[int], scale: str, shift: str) -> dict[str, Param]:
    params: dict[str, Param] = {}
    if layer.config.get("scale", True):
        params["scale"] = layer.weight(scale, shape)
    if layer.config.get("center", True):
        params["shift"] = layer.weight(shift, shape)
    return params


@rules.reads("LayerNormalization")
def read_layer_norm(layer: LayerCall) -> Value:
    axes = axes_of(layer, layer.config.get("axis", -1))
    shape = [layer.size(axis) for axis in axes]
    epsilon = float(layer.config.get("epsilon", 1e-3))
    if layer.config.get("rms_scaling"):
        return _scaled_by_deviation(layer, axes, epsilon)
    return layer.add(LayerNorm(axes, epsilon), layer.value, **_affine(layer, shape, "gamma", "beta"))


def _scaled_by_deviation(layer: LayerCall, axes: tuple[int, ...], epsilon: float) -> Value:
    """What Keras's `rms_scaling` does: over the standard deviation, though the mean stays in."""
    value = layer.value
    shape = tuple(layer.size(axis) if axis in axes else 1 for axis in range(value.rank))
    names = " ".join(f"a{axis}" for axis in axes)
    wide = " ".join(f"a{axis}" if axis in axes else "1" for axis in range(value.rank))
    gamma = layer.weight("gamma", [shape[axis] for axis in axes], f"{names} -> {wide}")
    with layer.part("scale"):
        scale = layer.add(Constant(shape, value.dtype), value=gamma)
    with layer.part("normalize"):
        variance = layer.add(Reduce("var", axes, keepdims=True), value)
        steady = layer.add(Binary("add"), variance, layer.constant(epsilon, value.dtype))
        result = layer.add(Binary("multiply"), value, layer.add(Unary("rsqrt"), steady))
        return layer.add(Binary("multiply"), result, scale)


@rules.reads("RMSNormalization")
def read_rms_norm(layer: LayerCall) -> Value:
    axes = axes_of(layer, layer.config.get("axis", -1))
    rank = layer.value.rank
    if axes != tuple(range(rank - len(axes), rank)):
        raise layer.refuse(f"over axes {list(axes)} Keras lays the scale along the last axes all the same")
    scale = layer.weight("scale", [layer.size(axis) for axis in axes])
    return layer.add(RmsNorm(axes, float(layer.config.get("epsilon", 1e-6))), layer.value, scale=scale)


@rules.reads("GroupNormalization")
def read_group_norm(layer: LayerCall) -> Value:
    axis = int(layer.config.get("axis", -1))
    features, groups = layer.size(axis), int(layer.config.get("groups", 32))
    groups = features if groups == -1 else groups
    if features % groups:
        raise layer.refuse(f"{groups} groups do not divide {features} channels")
    op = GroupNorm(groups, features, float(layer.config.get("epsilon", 1e-3)), axis)
    return layer.add(op, layer.value, **_affine(layer, (features,), "gamma", "beta"))


@rules.reads("UnitNormalization")
def read_unit_norm(layer: LayerCall) -> Value:
    axes = axes_of(layer, layer.config.get("axis", -1))
    floor = 1e-12 if layer.context.generation >= 3 else 1e-6
    return layer.add(UnitNorm(axes, floor), layer.value)


passes_mask("BatchNormalization", "GroupNormalization", "LayerNormalization", "UnitNormalization")
