"""Normalizations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.keras.rules import rules
from converters.keras.writes.making import layer, op, stored
from porter.graph.model import Node
from porter.graph.ops.normalisation import BatchNorm, GroupNorm, LayerNorm, RmsNorm, UnitNorm
from porter.writing.forms import Form, Inline, Layer, Weight
from porter.writing.weights import buffer, weight

UNIT_FLOOR = 1e-12
"""What Keras's UnitNormalization bounds a length by."""


@rules.writes(BatchNorm)
def write_batch_norm(op_: BatchNorm, node: Node) -> Form:
    settings = {"axis": _last(op_.axis, node), "momentum": op_.momentum, "epsilon": op_.epsilon}
    make = layer("BatchNormalization", node, **settings, **affine(node))
    return Layer(make, stored([*scales(node), buffer(node, "mean"), buffer(node, "variance")]))


def affine(node: Node) -> dict[str, bool]:
    """Whether there is a shift and a scale, in Keras's words."""
    return {"center": "shift" in node.params, "scale": "scale" in node.params}


def scales(node: Node) -> list[Weight | None]:
    """Scale and shift, where there are any."""
    return [weight(node, name) if name in node.params else None for name in ("scale", "shift")]


def _last(axis: int, node: Node) -> int:
    return -1 if axis == node.inputs[0].rank - 1 else axis


def axes_of(axes: Sequence[int], node: Node) -> int | list[int]:
    """Axes as Keras takes them: the last one by its usual name."""
    rank = node.inputs[0].rank
    found = [axis % rank for axis in axes]
    return (-1 if found[0] == rank - 1 else found[0]) if len(found) == 1 else found


@rules.writes(LayerNorm)
def write_layer_norm(op_: LayerNorm, node: Node) -> Form:
    make = layer(
        "LayerNormalization", node, axis=axes_of(op_.axes, node), epsilon=op_.epsilon, **affine(node)
    )
    return Layer(make, stored(scales(node)))


@rules.writes(RmsNorm)
def write_rms_norm(op_: RmsNorm, node: Node) -> Form:
    axis = axes_of(op_.axes, node)
    if "scale" not in node.params:
        told = {"axis": axis, "epsilon": op_.epsilon}
        return Inline(lambda x: op("rms_normalization", x, **told), simple=True)
    make = layer("RMSNormalization", node, axis=axis, epsilon=op_.epsilon)
    return Layer(make, stored([weight(node, "scale")]))


@rules.writes(GroupNorm)
def write_group_norm(op_: GroupNorm, node: Node) -> Form:
    settings: dict[str, Any] = {"axis": _last(op_.axis, node), "epsilon": op_.epsilon}
    make = layer("GroupNormalization", node, op_.groups, **settings, **affine(node))
    return Layer(make, stored(scales(node)))


@rules.writes(UnitNorm)
def write_unit_norm(op_: UnitNorm, node: Node) -> Form:
    axis = axes_of(op_.axes, node)
    if op_.floor == UNIT_FLOOR:
        return Layer(layer("UnitNormalization", node, axis=axis))
    return Inline(lambda x: op("normalize", x, axis=axis, order=2, epsilon=op_.floor), simple=True)
