"""Normalizations."""

from __future__ import annotations

from typing import Any

from converters.torch.call import OpCall
from converters.torch.rules import rules
from porter.graph.model import Value
from porter.graph.ops.batch_statistics import BatchStatisticsNorm
from porter.graph.ops.convolution import Pads
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.normalisation import BatchNorm, GroupNorm, LayerNorm, RmsNorm
from porter.graph.ops.reshaping import Pad, Slice

NAMES = {"scale": "weight", "shift": "bias"}
EPSILONS = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}


def features(call: OpCall, axis: int = 1) -> int:
    """The size of the channel axis."""
    size = call.x.shape[axis]
    if not isinstance(size, int):
        raise call.refuse("the number of channels is not known")
    return size


@rules.reads("batch_norm", "_native_batch_norm_legit_no_training", "native_batch_norm", "cudnn_batch_norm")
def read_batch_norm(call: OpCall) -> Any:
    names = list(call.args)
    mean, variance = call[names[3]], call[names[4]]
    training = bool(call.get("training", False))
    momentum = 1.0 - float(call.get("momentum", 0.1))
    eps = float(call["eps"])
    affine = call.params(scale=names[1], shift=names[2])
    if training or mean is None:
        op = BatchStatisticsNorm(features(call), eps, momentum, 1)
        found = call.one(op, call.x, params=affine)
    else:
        held = {"mean": call.as_param(mean), "variance": call.as_param(variance)}
        found = call.one(BatchNorm(features(call), eps, momentum, 1), call.x, params={**held, **affine})
    return found if call.spec.operator == "batch_norm" else (found,)


@rules.reads("_native_batch_norm_legit")
def read_batch_norm_legit(call: OpCall) -> Any:
    if call.spec.target.endswith("no_stats"):
        op = BatchStatisticsNorm(features(call), float(call["eps"]), 0.9, 1)
        return (call.one(op, call.x, params=call.params(scale="weight", shift="bias")),)
    return read_batch_norm(call)


@rules.reads("layer_norm", "native_layer_norm")
def read_layer_norm(call: OpCall) -> Any:
    count = len(call["normalized_shape"])
    op = LayerNorm(tuple(range(-count, 0)), float(call["eps"]))
    found = _scaled(call, op, NAMES)
    return found if call.spec.operator == "layer_norm" else (found,)


def _scaled(call: OpCall, op: LayerNorm | RmsNorm | GroupNorm, names: dict[str, str]) -> Value:
    """With its own weights as a layer; with weights that the inputs have a part in, as two steps."""
    given = {name: call.get(argument) for name, argument in names.items()}
    held = {name: value for name, value in given.items() if value is not None}
    if all(call.is_constant(value) for value in held.values()):
        return call.one(op, call.x, params={name: call.as_param(value) for name, value in held.items()})
    found = call.one(op, call.x)
    if isinstance(op, GroupNorm):  # a number for each channel
        ones = (1,) * (found.rank - 2)
        held = {name: call.reshape(value, (*value.shape, *ones)) for name, value in held.items()}
    if "scale" in held:
        found = call.one(Binary("multiply"), found, held["scale"])
    return call.one(Binary("add"), found, held["shift"]) if "shift" in held else found


@rules.reads("rms_norm")
def read_rms_norm(call: OpCall) -> Value:
    count = len(call["normalized_shape"])
    eps = call.get("eps")
    op = RmsNorm(tuple(range(-count, 0)), EPSILONS[call.x.dtype] if eps is None else float(eps))
    return _scaled(call, op, {"scale": "weight"})


@rules.reads("group_norm", "native_group_norm")
def read_group_norm(call: OpCall) -> Any:
    groups = int(call["num_groups" if "num_groups" in call.args else "group"])
    op = GroupNorm(groups, features(call), float(call["eps"]), 1)
    found = _scaled(call, op, NAMES)
    return found if call.spec.operator == "group_norm" else (found,)


@rules.reads("instance_norm")
def read_instance_norm(call: OpCall) -> Value:
    """A group for each channel; or batch normalization, where it keeps running statistics."""
    count, eps = features(call), float(call["eps"])
    if call["use_input_stats"]:
        return _scaled(call, GroupNorm(count, count, eps, 1), NAMES)
    affine = call.params(**NAMES)
    held = call.params(mean="running_mean", variance="running_var")
    momentum = 1.0 - float(call["momentum"])
    return call.one(BatchNorm(count, eps, momentum, 1), call.x, params={**held, **affine})


@rules.reads("local_response_norm")
def read_local_response_norm(call: OpCall) -> Value:
    """x over (k + alpha * mean of squares of neighbouring channels) to the power beta."""
    from porter.graph.ops.elementwise import Unary

    x, size = call.x, int(call["size"])
    square = call.one(Unary("square"), x)
    before = size // 2
    pads: Pads = tuple((before, (size - 1) // 2) if axis == 1 else (0, 0) for axis in range(x.rank))
    padded = call.one(Pad(pads), square)
    count = features(call)
    whole = (None, None, 1)
    parts = [
        call.one(Slice(tuple((k, k + count, 1) if axis == 1 else whole for axis in range(x.rank))), padded)
        for k in range(size)
    ]
    total = parts[0]
    for part in parts[1:]:
        total = call.one(Binary("add"), total, part)
    scaled = call.one(Binary("multiply"), total, call.operand(float(call["alpha"]) / size, x.dtype))
    base = call.one(Binary("add"), scaled, call.operand(float(call["k"]), x.dtype))
    return call.one(
        Binary("divide"), x, call.one(Binary("power"), base, call.operand(float(call["beta"]), x.dtype))
    )


@rules.reads("_weight_norm", "_weight_norm_interface")
def read_weight_norm(call: OpCall) -> Any:
    """g * v / |v|, the length over all axes but one."""
    from converters.torch.reads.reduction import norm

    v, g = call.tensor("v"), call.tensor("g")
    axis = int(call["dim"])
    axes = tuple(k for k in range(v.rank) if k != axis % v.rank) if axis != -1 else tuple(range(v.rank))
    length = norm(call, v, 2.0, axes, True)
    found = call.one(Binary("multiply"), v, call.one(Binary("divide"), g, length))
    return found if call.spec.operator == "_weight_norm" else (found,)
