"""Normalizations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from converters.torch.layers.weights import buffer, weight, weights
from converters.torch.rules import rules
from porter.graph.dims import Dim
from porter.graph.model import Node
from porter.graph.ops.batch_statistics import BatchStatisticsNorm
from porter.graph.ops.normalisation import BatchNorm, GroupNorm, LayerNorm, RmsNorm, UnitNorm
from porter.source.code import Expression, call
from porter.weights.tensor import Constant, Tensor
from porter.writing.forms import Form, Inline, Layer, Weight, method

FROZEN = "FrozenBatchNorm"
BATCH_NORMS = {2: "nn.BatchNorm1d", 3: "nn.BatchNorm1d", 4: "nn.BatchNorm2d", 5: "nn.BatchNorm3d"}


@rules.writes(BatchNorm)
def write_batch_norm(op: BatchNorm, node: Node) -> Form:
    held = {
        **_affine(node, op.features),
        "running_mean": buffer(node, "mean"),
        "running_var": buffer(node, "variance"),
    }
    held["num_batches_tracked"] = Weight(Constant(np.zeros((), "int64")), False, buffer=True)
    return _over_batch(op, node, held, {"eps": op.epsilon, "momentum": _round(1 - op.momentum)})


@rules.writes(BatchStatisticsNorm)
def write_batch_statistics_norm(op: BatchStatisticsNorm, node: Node) -> Form:
    """Without running statistics torch's layers use those of the batch in evaluation too."""
    return _over_batch(
        op, node, _affine(node, op.features), {"eps": op.epsilon, "track_running_stats": False}
    )


def _over_batch(op: BatchNorm, node: Node, held: dict[str, Weight], settings: dict[str, Any]) -> Form:
    rank = node.inputs[0].rank
    axis = op.axis % rank
    native = axis == 1 and rank in BATCH_NORMS
    of_rank = FROZEN if op.frozen else BATCH_NORMS.get(rank, "nn.BatchNorm1d")
    kind = of_rank if native or op.frozen else "nn.BatchNorm1d"
    helpers = (FROZEN,) if op.frozen else ()
    if not {"weight", "bias"} & set(held):
        settings["affine"] = False
    make = call(kind, op.features, **settings)
    if native:
        return Layer(make, held, helpers=helpers)
    if axis == rank - 1:
        wide = ("over_last_axis", *helpers)
        return Layer(make, held, use=lambda norm, x: call("over_last_axis", norm, x), helpers=wide)
    if rank in BATCH_NORMS:
        make = call(of_rank, op.features, **settings)
        swapped = Layer(make, held, use=lambda norm, x: _swapped(call(norm, _swapped(x, axis)), axis))
        return replace(swapped, helpers=helpers)
    wide = ("over_axis", *helpers)
    return Layer(make, held, use=lambda norm, x: call("over_axis", norm, x, axis), helpers=wide)


def _swapped(x: Expression, axis: int) -> Expression:
    """With `axis` and the place of torch's channels exchanged."""
    return method(x, "transpose", 1, axis)


def _affine(node: Node, features: int) -> dict[str, Weight]:
    """torch has scale and shift both or neither: a missing one is its neutral value, and stays frozen."""
    if not {"scale", "shift"} & set(node.params):
        return {}
    held = weights(node, weight="scale", bias="shift")
    if "weight" not in held:
        held["weight"] = Weight(_filled(1.0, features), False)
    if "bias" not in held:
        held["bias"] = Weight(_filled(0.0, features), False)
    return held


def _filled(number: float, features: int) -> Tensor:
    return Constant(np.full((features,), number, "float32"))


def _round(number: float) -> float:
    """1 - 0.99 as people write it: 0.01, unless that is another number in float32."""
    short = float(f"{number:.7g}")
    return short if np.float32(short) == np.float32(number) else number


@rules.writes(LayerNorm)
def write_layer_norm(op: LayerNorm, node: Node) -> Form:
    shape = tuple(size for axis in op.axes if isinstance(size := node.inputs[0].shape[axis], int))
    if len(shape) == len(op.axes) and op.axes == tuple(range(-len(op.axes), 0)):
        settings: dict[str, Any] = {"eps": op.epsilon}
        held = weights(node, weight="scale", bias="shift")
        if not held:
            settings["elementwise_affine"] = False
        elif "bias" not in held:
            settings["bias"] = False
        elif "weight" not in held:
            held["weight"] = Weight(Constant(np.ones(shape, "float32")), False)
        return Layer(call("nn.LayerNorm", shape[0] if len(shape) == 1 else shape, **settings), held)
    full, axes, move = _per_example(node, op.axes)
    held = {
        key: weight(node, name, move)
        for key, name in (("weight", "scale"), ("bias", "shift"))
        if name in node.params
    }
    absent = {key: False for key in ("weight", "bias") if key not in held}
    make = call("AxesLayerNorm", full, axes, op.epsilon, **absent)
    return Layer(make, held, helpers=("AxesLayerNorm",))


def _per_example(node: Node, told: Sequence[int]) -> tuple[tuple[Dim, ...], tuple[int, ...], str]:
    """How a parameter over some axes broadcasts against an example: its shape, these axes, the move."""
    rank = node.inputs[0].rank
    axes = tuple(axis % rank for axis in told)
    full = tuple(node.inputs[0].shape[axis] if axis in axes else 1 for axis in range(1, rank))
    names = [f"a{axis}" if axis in axes else "1" for axis in range(1, rank)]
    return full, axes, " ".join(name for name in names if name != "1") + " -> " + " ".join(names)


@rules.writes(RmsNorm)
def write_rms_norm(op: RmsNorm, node: Node) -> Form:
    shape = tuple(node.inputs[0].shape[axis] for axis in op.axes)
    if op.axes != tuple(range(-len(op.axes), 0)):
        full, axes, move = _per_example(node, op.axes)
        held = {"weight": weight(node, "scale", move)}
        return Layer(call("AxesRMSNorm", full, axes, op.epsilon), held, helpers=("AxesRMSNorm",))
    held = weights(node, weight="scale")
    affine = {} if held else {"elementwise_affine": False}
    return Layer(call("nn.RMSNorm", shape[0] if len(shape) == 1 else shape, eps=op.epsilon, **affine), held)


@rules.writes(GroupNorm)
def write_group_norm(op: GroupNorm, node: Node) -> Form:
    held = _affine(node, op.features)
    affine = {} if held else {"affine": False}
    return Layer(call("nn.GroupNorm", op.groups, op.features, eps=op.epsilon, **affine), held)


@rules.writes(UnitNorm)
def write_unit_norm(op: UnitNorm, node: Node) -> Form:
    axes = tuple(axis % node.inputs[0].rank for axis in op.axes)
    last = axes == (node.inputs[0].rank - 1,)
    dim = -1 if last else axes[0] if len(axes) == 1 else axes
    return Inline(lambda x: call("F.normalize", x, dim=dim, eps=op.floor), simple=True)
