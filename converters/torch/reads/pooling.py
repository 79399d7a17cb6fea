"""Windows reduced to one number each."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from converters.torch.call import OpCall
from converters.torch.reads.convolution import batched, spread
from converters.torch.rules import rules
from porter.graph.dims import Dim
from porter.graph.model import Value
from porter.graph.ops.convolution import Pads
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.pooling import AdaptivePool, AvgPool, MaxPool
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Pad

MAX = {f"max_pool{rank}d": rank for rank in (1, 2, 3)}
AVERAGE = {f"avg_pool{rank}d": rank for rank in (1, 2, 3)}
ADAPTIVE = {f"adaptive_{name}_pool{rank}d": (name, rank) for name in ("avg", "max") for rank in (1, 2, 3)}


def extra(call: OpCall, size: Dim, window: tuple[int, int, int], pad: int) -> int:
    """The cells that `ceil_mode` adds behind, for a window of (size, stride, dilation)."""
    if not isinstance(size, int):
        raise call.refuse("ceil_mode on a size that only running the model tells")
    cells, stride, dilation = window
    reach = dilation * (cells - 1) + 1
    count = -(-(size + 2 * pad - reach) // stride) + 1
    if (count - 1) * stride >= size + pad:
        count -= 1  # no window begins in the padding behind
    return max(0, (count - 1) * stride + reach - size - 2 * pad)


def padding(
    call: OpCall, x: Value, window: Sequence[int], strides: Sequence[int], dilation: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Padding on both sides, and what `ceil_mode` adds behind."""
    rank = len(window)
    pads = spread(call["padding"], rank)
    if not call["ceil_mode"]:
        return pads, tuple(0 for _ in pads)
    rows = zip(x.shape[2:], window, strides, dilation, pads, strict=True)
    return pads, tuple(extra(call, size, (k, s, d), pad) for size, k, s, d, pad in rows)


def both(pads: Sequence[int], more: Sequence[int]) -> Pads:
    """Padding before and behind each axis."""
    return tuple((pad, pad + add) for pad, add in zip(pads, more, strict=True))


@rules.reads(*MAX)
def read_max_pool(call: OpCall) -> Value:
    rank = MAX[call.spec.operator]
    return batched(call, rank, lambda x: max_pool(call, x, rank))


def max_pool(call: OpCall, x: Value, rank: int) -> Value:
    """The largest of each window."""
    window = spread(call["kernel_size"], rank)
    strides = spread(call["stride"], rank) if call.get("stride") else window
    dilation = spread(call["dilation"], rank)
    pads, more = padding(call, x, window, strides, dilation)
    return call.one(MaxPool(window, strides, both(pads, more), "first", dilation), x)


@rules.reads(*AVERAGE)
def read_avg_pool(call: OpCall) -> Value:
    rank = AVERAGE[call.spec.operator]
    return batched(call, rank, lambda x: avg_pool(call, x, rank))


def avg_pool(call: OpCall, x: Value, rank: int) -> Value:
    """The mean of each window; the cells that `ceil_mode` adds behind never count."""
    window = spread(call["kernel_size"], rank)
    strides = spread(call["stride"], rank) if call.get("stride") else window
    pads, more = padding(call, x, window, strides, (1,) * rank)
    divisor = call.get("divisor_override")
    if divisor is not None:
        op = AvgPool(window, strides, both(pads, more), "first", count_padding=True)
        share = call.operand(prod(window) / int(divisor), x.dtype)
        return call.one(Binary("multiply"), call.one(op, x), share)
    counted = bool(call["count_include_pad"]) and any(pads)
    if counted and any(more):
        x = call.one(Pad(((0, 0), (0, 0), *((pad, pad) for pad in pads))), x)
        return call.one(AvgPool(window, strides, both((0,) * rank, more), "first"), x)
    return call.one(AvgPool(window, strides, both(pads, more), "first", count_padding=counted), x)


@rules.reads(*ADAPTIVE, "_adaptive_avg_pool2d", "_adaptive_avg_pool3d")
def read_adaptive_pool(call: OpCall) -> Any:
    function, rank = ADAPTIVE[call.spec.operator.lstrip("_")]
    found = batched(call, rank, lambda x: _adaptive(call, x, function, rank))
    return (found,) if isinstance(call.spec.result, tuple) else found


def _adaptive(call: OpCall, x: Value, function: str, rank: int) -> Value:
    """Windows of one size where the sizes divide; one window is a plain mean."""
    size = spread(call["output_size"], rank)
    given = x.shape[2:]
    if set(size) == {1}:
        return call.one(Reduce({"avg": "mean", "max": "max"}[function], tuple(range(2, x.rank)), True), x)
    if all(isinstance(have, int) and have % want == 0 for have, want in zip(given, size, strict=True)):
        window = tuple(int(str(have)) // want for have, want in zip(given, size, strict=True))
        if set(window) == {1}:
            return x
        none = tuple((0, 0) for _ in window)
        kind = {"avg": AvgPool, "max": MaxPool}[function]
        return call.one(kind(window, window, none, "first"), x)
    return call.one(AdaptivePool(function, size, "first"), x)


@rules.reads(*(f"max_pool{rank}d_with_indices" for rank in (1, 2, 3)))
def read_max_pool_with_indices(call: OpCall) -> Any:
    """The indices, numbers of cells in the plane, are the largest cell's among those of its window."""
    from converters.torch.reads.unpooling import largest_places

    rank = int(call.spec.operator[len("max_pool")])
    found = batched(call, rank, lambda x: max_pool(call, x, rank))
    return found, batched(call, rank, lambda x: largest_places(call, x, rank))
