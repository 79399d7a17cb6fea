"""Convolutions. Torch's axes are the ops' own; channels come first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.torch.call import OpCall
from converters.torch.reads.kernels import convolved
from converters.torch.rules import rules
from porter.axes import Move
from porter.graph.model import Value
from porter.graph.ops.convolution import Conv, ConvTranspose, Pads

KINDS = {"conv1d": 1, "conv2d": 2, "conv3d": 3}
TRANSPOSED = {"conv_transpose1d": 1, "conv_transpose2d": 2, "conv_transpose3d": 3}


def spread(told: Any, rank: int) -> tuple[int, ...]:
    """One number for each axis, where one may stand for all."""
    listed = tuple(told) if isinstance(told, (tuple, list)) else (told,)
    return tuple(int(part) for part in (listed * rank if len(listed) == 1 else listed))


@rules.reads(*KINDS)
def read_conv(call: OpCall) -> Value:
    rank = KINDS[call.spec.operator]
    return batched(call, rank, lambda x: _conv(call, x, rank))


def batched(call: OpCall, rank: int, build: Any) -> Value:
    """A layer on one example without a batch axis, as on a batch of one."""
    x = call.x
    if x.rank == rank + 2:
        return build(x)  # type: ignore[no-any-return]
    result = build(call.with_ones(x, 0))
    return call.without_ones(result, (0,))


def _conv(call: OpCall, x: Value, rank: int) -> Value:
    weight = call.tensor("weight")
    outputs, inputs, *kernel = (_static(call, size) for size in weight.shape)
    strides, dilation = spread(call["stride"], rank), spread(call["dilation"], rank)
    groups = int(call["groups"])
    pads = _padding(call["padding"], kernel, dilation)
    if not all(call.is_constant(call.get(name)) for name in ("weight", "bias")):
        return convolved(call, x, weight, pads, strides, dilation)
    op = Conv(inputs * groups, outputs, tuple(kernel), strides, dilation, pads, groups, "first")
    return call.one(op, x, params=call.params(weight="weight", bias="bias"))


def _static(call: OpCall, size: Any) -> int:
    if not isinstance(size, int):
        raise call.refuse(f"a kernel of the size {size}")
    return size


def _padding(told: Any, kernel: Sequence[int], dilation: Sequence[int]) -> Pads:
    """Padding in numbers; for "same" the larger half comes behind, whatever the size."""
    if told == "valid":
        return tuple((0, 0) for _ in kernel)
    if told == "same":
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    return tuple((pad, pad) for pad in spread(told, len(kernel)))


@rules.reads("convolution", "_convolution")
def read_convolution(call: OpCall) -> Value:
    rank = call.tensor("weight").rank - 2
    if call["transposed"]:
        return batched(call, rank, lambda x: _conv_transpose(call, x, rank))
    return batched(call, rank, lambda x: _conv(call, x, rank))


@rules.reads(*TRANSPOSED)
def read_conv_transpose(call: OpCall) -> Value:
    rank = TRANSPOSED[call.spec.operator]
    return batched(call, rank, lambda x: _conv_transpose(call, x, rank))


def _conv_transpose(call: OpCall, x: Value, rank: int) -> Value:
    weight = call.tensor("weight")
    inputs, outputs, *kernel = (_static(call, size) for size in weight.shape)
    strides, dilation = spread(call["stride"], rank), spread(call["dilation"], rank)
    extra, groups = spread(call["output_padding"], rank), int(call["groups"])
    pads = spread(call["padding"], rank)
    crop = tuple((pad, pad - more) for pad, more in zip(pads, extra, strict=True))
    op = ConvTranspose(inputs, outputs * groups, tuple(kernel), strides, dilation, crop, groups, "first")
    return call.one(op, x, params=call.params(weight="weight", bias="bias"))


@rules.reads("conv_tbc")
def read_conv_tbc(call: OpCall) -> Value:
    """Time, batch, channels; the kernel likewise `t i o`."""
    from porter.graph.ops.reshaping import Transpose

    order = Move.parse("t n c -> n c t").permutation(3)
    back = Move.parse("n c t -> t n c").permutation(3)
    steps, inputs, outputs = (_static(call, size) for size in call.tensor("weight").shape)
    pad = int(call["pad"])
    op = Conv(inputs, outputs, (steps,), (1,), (1,), ((pad, pad),), 1, "first")
    params = call.params(bias="bias")
    weight = call.param("weight", "t i o -> o i t")
    assert weight is not None
    result = call.one(op, call.one(Transpose(order), call.x), params={"weight": weight, **params})
    return call.one(Transpose(back), result)
