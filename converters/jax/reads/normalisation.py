"""Flax's normalizations, kept whole."""

from __future__ import annotations

from converters.jax.read_call import PrimitiveCall
from converters.jax.rules import rules
from porter.graph.model import Param, Value
from porter.graph.ops.normalisation import BatchNorm, GroupNorm, LayerNorm, RmsNorm


def _affine(call: PrimitiveCall, **extra: str) -> dict[str, Param]:
    names = {"scale": "scale", "shift": "bias", **extra}
    return {name: call.param(call.weights[key]) for name, key in names.items() if key in call.weights}


@rules.reads("flax.BatchNorm")
def read_batch_norm(call: PrimitiveCall) -> Value:
    axis = int(call["axis"]) % call.x.rank
    axis = -1 if axis == call.x.rank - 1 else axis
    features = int(str(call.x.shape[axis]))
    op = BatchNorm(features, float(call["epsilon"]), float(call["momentum"]), axis)
    return call.one(op, call.x, params=_affine(call, mean="mean", variance="var"))


@rules.reads("flax.LayerNorm")
def read_layer_norm(call: PrimitiveCall) -> Value:
    return call.one(LayerNorm(call["axes"], float(call["epsilon"])), call.x, params=_affine(call))


@rules.reads("flax.RMSNorm")
def read_rms_norm(call: PrimitiveCall) -> Value:
    return call.one(RmsNorm(call["axes"], float(call["epsilon"])), call.x, params=_affine(call))


@rules.reads("flax.GroupNorm", "flax.InstanceNorm")
def read_group_norm(call: PrimitiveCall) -> Value:
    features = int(str(call.x.shape[-1]))
    op = GroupNorm(int(call["groups"] or features), features, float(call["epsilon"]))
    return call.one(op, call.x, params=_affine(call))
