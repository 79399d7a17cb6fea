"""Flax's normalizations, kept whole."""

from __future__ import annotations

from converters.jax.reading.call import PrimitiveCall
from converters.jax.rules import rules
from porter.graph.model import Value
from porter.graph.ops.normalisation import BatchNorm, GroupNorm, LayerNorm, RmsNorm
from porter.graph.ops.op import Op


def _normalised(call: PrimitiveCall, op: Op, **extra: str) -> Value:
    """Flax computes in the widest type of the input and the arrays, and never in half precision."""
    names = {"scale": "scale", "shift": "bias", **extra}
    arrays = {name: call.weights[key] for name, key in names.items() if key in call.weights}
    kinds = {value.dtype for value in (call.x, *arrays.values())}
    kind = "float64" if "float64" in kinds else "float32"
    params = {name: call.as_param(call.cast(array, kind)) for name, array in arrays.items()}
    return call.cast(call.one(op, call.cast(call.x, kind), params=params), call.out.dtype)


@rules.reads("flax.BatchNorm")
def read_batch_norm(call: PrimitiveCall) -> Value:
    axis = int(call["axis"]) % call.x.rank
    axis = -1 if axis == call.x.rank - 1 else axis
    features = int(str(call.x.shape[axis]))
    op = BatchNorm(features, float(call["epsilon"]), float(call["momentum"]), axis)
    return _normalised(call, op, mean="mean", variance="var")


@rules.reads("flax.LayerNorm")
def read_layer_norm(call: PrimitiveCall) -> Value:
    return _normalised(call, LayerNorm(call["axes"], float(call["epsilon"])))


@rules.reads("flax.RMSNorm")
def read_rms_norm(call: PrimitiveCall) -> Value:
    return _normalised(call, RmsNorm(call["axes"], float(call["epsilon"])))


@rules.reads("flax.GroupNorm", "flax.InstanceNorm")
def read_group_norm(call: PrimitiveCall) -> Value:
    features = int(str(call.x.shape[-1]))
    op = GroupNorm(int(call["groups"] or features), features, float(call["epsilon"]))
    return _normalised(call, op)
