"""Normalizations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.jax.layers.dtypes import precision, same_type
from converters.jax.rules import rules
from porter.graph.dims import Dim
from porter.graph.model import Node
from porter.graph.ops.batch_statistics import BatchStatisticsNorm
from porter.graph.ops.normalisation import BatchNorm, GroupNorm, LayerNorm, RmsNorm, UnitNorm
from porter.source.code import Call, Expression, Name, call
from porter.writing.forms import Form, Inline, Layer, Weight
from porter.writing.weights import buffer, weight, weights

AFFINE = {"scale": "scale", "bias": "shift"}
"""Flax's names for the op's."""


@rules.writes(BatchNorm)
def write_batch_norm(op: BatchNorm, node: Node) -> Form:
    rank = node.inputs[0].rank
    settings: dict[str, Any] = {} if op.axis in (-1, rank - 1) else {"axis": op.axis}
    if op.momentum != 0.99:
        settings["momentum"] = op.momentum
    settings |= {"epsilon": op.epsilon, **_absent(node), **precision(node, statistics=True)}
    held = {**weights(node, **AFFINE), "mean": buffer(node, "mean"), "var": buffer(node, "variance")}
    make = call("nnx.BatchNorm", op.features, **settings)
    if op.frozen:  # in training too
        return Layer(make, held, use=lambda norm, x: call(norm, x, use_running_average=True))
    return Layer(make, held)


def _absent(node: Node) -> dict[str, Any]:
    return {f"use_{name}": False for name, own in AFFINE.items() if own not in node.params}


@rules.writes(BatchStatisticsNorm)
def write_batch_statistics_norm(op: BatchStatisticsNorm, node: Node) -> Form:
    rank = node.inputs[0].rank
    axis = op.axis % rank
    shape = tuple(op.features if place == axis else 1 for place in range(1, rank))
    others = tuple(place for place in range(rank) if place != axis)
    ones = " ".join("c" if size != 1 or place == axis else "1" for place, size in enumerate(shape, 1))
    held = {key: weight(node, name, f"c -> {ones}") for key, name in AFFINE.items() if name in node.params}
    make = call("AxesLayerNorm", shape, others, epsilon=op.epsilon, **_absent(node))
    return _over_axes(make, held, node)


def _over_axes(make: Call, held: dict[str, Weight], node: Node) -> Form:
    assert isinstance(make.func, Name)
    use = None if node.inputs[0].dtype == "float32" else lambda norm, x: same_type(call(norm, x), node)
    return Layer(make, held, use, (make.func.path,))


@rules.writes(LayerNorm)
def write_layer_norm(op: LayerNorm, node: Node) -> Form:
    """Flax's fast variance is a difference of two means, which loses digits; the other one does not."""
    settings: dict[str, Any] = {"epsilon": op.epsilon, **_absent(node)}
    sizes = [node.inputs[0].shape[axis] for axis in op.axes]
    if _last(op.axes, node) and isinstance(sizes[0], int):
        make = call("nnx.LayerNorm", sizes[0], **settings, **precision(node), use_fast_variance=False)
        return Layer(make, weights(node, **AFFINE))
    full, axes, move = _per_example(node, op.axes)
    held = {key: weight(node, name, move) for key, name in AFFINE.items() if name in node.params}
    return _over_axes(call("AxesLayerNorm", full, axes, **settings), held, node)


def _last(axes: Sequence[int], node: Node) -> bool:
    """Whether it is the last axis alone: of several, Flax cannot tell the sizes when it is built."""
    return len(axes) == 1 and axes[0] in (-1, node.inputs[0].rank - 1)


def _per_example(node: Node, told: Sequence[int]) -> tuple[tuple[Dim, ...], tuple[int, ...], str]:
    """For a parameter over some axes: the shape that broadcasts against one example, the axes, the move."""
    rank = node.inputs[0].rank
    axes = tuple(axis % rank for axis in told)
    full = tuple(node.inputs[0].shape[axis] if axis in axes else 1 for axis in range(1, rank))
    names = [f"a{axis}" if axis in axes else "1" for axis in range(1, rank)]
    return full, axes, " ".join(name for name in names if name != "1") + " -> " + " ".join(names)


@rules.writes(RmsNorm)
def write_rms_norm(op: RmsNorm, node: Node) -> Form:
    settings: dict[str, Any] = {"epsilon": op.epsilon}
    if "scale" not in node.params:
        settings["use_scale"] = False
    size = node.inputs[0].shape[op.axes[0]]
    if _last(op.axes, node) and isinstance(size, int):
        make = call("nnx.RMSNorm", size, **settings, **precision(node))
        return Layer(make, weights(node, scale="scale"))
    full, axes, move = _per_example(node, op.axes)
    held = {"scale": weight(node, "scale", move)} if "scale" in node.params else {}
    return _over_axes(call("AxesRMSNorm", full, axes, **settings), held, node)


@rules.writes(GroupNorm)
def write_group_norm(op: GroupNorm, node: Node) -> Form:
    settings: dict[str, Any] = {"epsilon": op.epsilon, **_absent(node), **precision(node)}
    make = call("nnx.GroupNorm", op.features, num_groups=op.groups, **settings, use_fast_variance=False)
    held = weights(node, **AFFINE)
    if op.axis in (-1, node.inputs[0].rank - 1):
        return Layer(make, held)

    def use(norm: Expression, x: Expression) -> Expression:
        return call("jnp.moveaxis", call(norm, call("jnp.moveaxis", x, op.axis, -1)), -1, op.axis)

    return Layer(make, held, use=use)


@rules.writes(UnitNorm)
def write_unit_norm(op: UnitNorm, node: Node) -> Form:
    rank = node.inputs[0].rank
    axes = tuple(axis % rank for axis in op.axes)
    axis = -1 if axes == (rank - 1,) else axes[0] if len(axes) == 1 else axes
    return Inline(lambda x: call("unit_norm", x, axis=axis, floor=op.floor), ("unit_norm",), simple=True)
