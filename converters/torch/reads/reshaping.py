"""The same numbers in another shape or place."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.torch.call import OpCall
from converters.torch.rules import rules
from converters.torch.spec import Meta
from porter.graph.dims import Dim, Sym, part, product, times
from porter.graph.model import Value
from porter.graph.ops.indexing import Gather, Roll, Split, Stack, Unbind
from porter.graph.ops.reshaping import Concat, Flip, Pad, Repeat, Reshape, Slice, Tile, Transpose
from porter.graph.regroup import Kept

Range = tuple[int | None, int | None, int]
WHOLE: Range = (None, None, 1)


@rules.reads("view", "reshape", "_unsafe_view", "_reshape_alias")
def read_reshape(call: OpCall) -> Value:
    if "dtype" in call.args:
        raise call.refuse("the same bytes as another type")
    return call.reshape(call.x, call.meta.shape)


@rules.reads("view_as", "reshape_as")
def read_reshape_as(call: OpCall) -> Value:
    return call.reshape(call.x, call.tensor("other").shape)


@rules.reads("flatten")
def read_flatten(call: OpCall) -> Value:
    x = call.x
    if not x.rank:
        return call.with_ones(x, 0)
    start, end = call.axis(call["start_dim"]), call.axis(call["end_dim"])
    return _merged(call, x, start, end) if end > start else x


def _merged(call: OpCall, x: Value, start: int, end: int) -> Value:
    size = product(x.shape[start : end + 1])
    merged = size if isinstance(size, int) else None
    target = (*map(Kept, range(start)), merged, *map(Kept, range(end + 1, x.rank)))
    return call.one(Reshape(target), x)


@rules.reads("unflatten")
def read_unflatten(call: OpCall) -> Value:
    x, axis = call.x, call.axis(call["dim"])
    sizes: list[Dim] = list(call["sizes"])
    have = x.shape[axis]
    known = product(size for size in sizes if size != -1)
    if -1 in sizes and isinstance(have, int) and isinstance(known, int):
        sizes[sizes.index(-1)] = have // known
    return call.reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))


@rules.reads("squeeze")
def read_squeeze(call: OpCall) -> Value:
    x, told = call.x, call.get("dim")
    ones = [axis for axis, size in enumerate(x.shape) if size == 1]
    if told is None:
        return call.without_ones(x, ones)
    axes = {call.axis(axis) for axis in (told if isinstance(told, tuple) else (told,))}
    return call.without_ones(x, [axis for axis in ones if axis in axes])


@rules.reads("item", "_local_scalar_dense")
def read_item(call: OpCall) -> Value:
    """The number of a tensor that holds one."""
    return call.without_ones(call.x, range(call.x.rank))


@rules.reads("unsqueeze")
def read_unsqueeze(call: OpCall) -> Value:
    return call.with_ones(call.x, call.axis(call["dim"], call.x.rank + 1))


# --- order of axes


TURNS = "permute numpy_T t mT mH matrix_H transpose swapaxes swapdims transpose_ t_".split()


@rules.reads(*TURNS)
def read_permute(call: OpCall) -> Value:
    x, name = call.x, call.name
    if name == "permute":
        return _ordered(call, x, [call.axis(axis) for axis in call["dims"]])
    if name in ("numpy_T", "t"):
        return _ordered(call, x, list(reversed(range(x.rank))))
    pair = (
        (x.rank - 2, x.rank - 1)
        if name in ("mT", "mH")
        else [call.axis(call[n]) for n in list(call.args)[1:3]]
    )
    order = list(range(x.rank))
    if order:
        order[pair[0]], order[pair[1]] = order[pair[1]], order[pair[0]]
    return _ordered(call, x, order)


def _ordered(call: OpCall, x: Value, order: Sequence[int]) -> Value:
    return x if list(order) == list(range(x.rank)) else call.one(Transpose(tuple(order)), x)


@rules.reads("movedim", "moveaxis")
def read_movedim(call: OpCall) -> Value:
    x = call.x
    source, target = (_listed(call[name]) for name in ("source", "destination"))
    places = {call.axis(b): call.axis(a) for a, b in zip(source, target, strict=True)}
    rest = iter(axis for axis in range(x.rank) if axis not in places.values())
    return _ordered(call, x, [places[k] if k in places else next(rest) for k in range(x.rank)])


def _listed(told: Any) -> tuple[int, ...]:
    return tuple(told) if isinstance(told, tuple) else (told,)


# --- several at once


@rules.reads("cat", "concat", "concatenate")
def read_cat(call: OpCall) -> Value:
    parts = [part for part in call["tensors"] if part.shape != (0,)]
    return joined(call, [call.cast(part, call.dtype) for part in parts], int(call["dim"]))


def joined(call: OpCall, parts: Sequence[Value], axis: int) -> Value:
    """Values one after another."""
    if len(parts) == 1:
        return parts[0]
    return call.one(Concat(call.axis(axis, parts[0].rank)), *parts)


@rules.reads("stack")
def read_stack(call: OpCall) -> Value:
    parts = [call.cast(part, call.dtype) for part in call["tensors"]]
    return call.one(Stack(call.axis(call["dim"], parts[0].rank + 1)), *parts)


@rules.reads(
    "split", "split_with_sizes", "chunk", "tensor_split", "unsafe_split", "unsafe_chunk", "split_copy"
)
def read_split(call: OpCall) -> Any:
    x, axis = call.x, call.axis(call["dim"])
    size = x.shape[axis]
    if not isinstance(size, int):
        return _equal_parts(call, x, axis)
    sizes = _sizes(call, size)
    if len(sizes) == 1:
        return (x,)
    return call.add(Split(tuple(sizes), axis), x)


def _equal_parts(call: OpCall, x: Value, axis: int) -> Any:
    """Parts of an axis whose size only running the model tells, but not that it is a multiple."""
    results = call.spec.result if isinstance(call.spec.result, tuple) else ()
    count = len(results)
    size = part(x.shape[axis], count)
    if size is None or {meta.shape[axis] for meta in results if isinstance(meta, Meta)} != {size}:
        raise call.refuse("the size of the axis that is cut is not known")
    spread = call.reshape(x, (*x.shape[:axis], count, size, *x.shape[axis + 1 :]))
    return call.add(Unbind(count, axis), spread)


def _sizes(call: OpCall, size: int) -> list[int]:
    names = list(call.args)
    told = call[names[1]]
    if call.spec.operator == "tensor_split":
        if isinstance(told, tuple):
            ends = [0, *(min(max(end + size if end < 0 else end, 0), size) for end in told), size]
        else:
            small, more = divmod(size, int(told))
            ends = [0]
            for k in range(int(told)):
                ends.append(ends[-1] + small + (k < more))
        return [after - before for before, after in itertools.pairwise(ends)]
    if isinstance(told, tuple):
        return list(told)
    step = -(-size // int(told)) if "chunk" in call.spec.operator else int(told)
    step = max(step, 1)
    return [min(step, size - start) for start in range(0, size, step)]


@rules.reads("unbind", "unbind_copy")
def read_unbind(call: OpCall) -> Any:
    axis = call.axis(call["dim"])
    count = call.x.shape[axis]
    if not isinstance(count, int):
        raise call.refuse("the size of the axis that is taken apart is not known")
    return call.add(Unbind(count, axis), call.x)


# --- copies


@rules.reads("expand", "expand_copy", "broadcast_to")
def read_expand(call: OpCall) -> Value:
    return call.expand(call.x, call["size"])


@rules.reads("expand_as")
def read_expand_as(call: OpCall) -> Value:
    return call.expand(call.x, call.tensor("other").shape)


@rules.reads("broadcast_tensors")
def read_broadcast_tensors(call: OpCall) -> Any:
    from porter.graph.dims import broadcast

    parts = call["tensors"]
    shape = broadcast(*(part.shape for part in parts))
    return tuple(call.expand(part, shape) for part in parts)


@rules.reads("repeat", "tile")
def read_repeat(call: OpCall) -> Value:
    x, counts = call.x, tuple(call["repeats" if "repeats" in call.args else "dims"])
    counts = (*(1,) * (x.rank - len(counts)), *counts)
    if len(counts) > x.rank:
        x = call.with_ones(x, *range(len(counts) - x.rank))
    if any(isinstance(count, Sym) for count in counts):
        x = _repeated(call, x, counts)
        counts = tuple(1 if isinstance(count, Sym) else count for count in counts)
    return x if set(counts) <= {1} else call.one(Tile(counts), x)


def _repeated(call: OpCall, x: Value, counts: Sequence[Dim]) -> Value:
    """Repeated along the axes whose counts only running the model tells: an axis of cells is one more axis
    in front of it first, which then goes into it."""
    whole = [
        times(size, count) if isinstance(count, Sym) else size
        for size, count in zip(x.shape, counts, strict=True)
    ]
    spread: list[Dim] = []
    news = []
    for size, count in zip(x.shape, counts, strict=True):
        if isinstance(count, Sym) and size != 1:
            news.append(len(spread))
            spread += [count, -1]
        else:
            spread.append(count if isinstance(count, Sym) else -1)
    return call.reshape(call.expand(call.with_ones(x, *news), spread), whole)


@rules.reads("repeat_interleave")
def read_repeat_interleave(call: OpCall) -> Value:
    """Each cell several times; where each has a number of its own, they are picked by place."""
    x, times = call.x, call.get("repeats")
    if not isinstance(times, (int, Value)):
        raise call.refuse("repeats that are computed")
    if call.get("dim") is None:
        if x.rank > 1 and not all(isinstance(size, int) for size in x.shape):
            raise call.refuse("repeating all cells of a batch", "name the axis (dim)")
        x, axis = call.one(Reshape((None,)), x) if x.rank != 1 else x, 0
    else:
        axis = call.axis(call["dim"])
    if isinstance(times, int):
        return call.one(Repeat(times, axis), x)
    counts, size = call.numbers(times), x.shape[axis]
    if counts.size > 1:
        size = counts.size
    if not isinstance(size, int):
        raise call.refuse("as many repeats along an axis whose size only running the model tells")
    places = np.repeat(np.arange(size), counts.reshape(-1))
    return call.one(Gather(axis), x, call.constant(places.astype("int64")))


@rules.reads("flip")
def read_flip(call: OpCall) -> Value:
    return call.one(Flip(tuple(call.axis(axis) for axis in call["dims"])), call.x)


@rules.reads("fliplr", "flipud")
def read_fliplr(call: OpCall) -> Value:
    return call.one(Flip((1 if call.spec.operator == "fliplr" else 0,)), call.x)


@rules.reads("roll")
def read_roll(call: OpCall) -> Value:
    x, shifts, axes = call.x, _listed(call["shifts"]), _listed(call.get("dims", ()))
    if any(isinstance(shift, Sym) for shift in shifts):
        raise call.refuse("a shift that only running the model tells", "name the axes that are shifted")
    if axes:
        return call.one(Roll(shifts, tuple(call.axis(axis) for axis in axes)), x)
    if not all(isinstance(size, int) for size in x.shape):
        raise call.refuse("rolling over all cells of a batch", "name the axes (dims)")
    flat = call.one(Reshape((None,)), x)
    return call.reshape(call.one(Roll(shifts, (0,)), flat), x.shape)


# --- padding

MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@rules.reads("pad", "constant_pad_nd")
def read_pad(call: OpCall) -> Value:
    mode = call.get("mode", "constant")
    value = call.get("value", 0.0)
    return padded(call, call.x, call["pad"], str(mode), float(value))


@rules.reads(*(f"{mode}_pad{rank}d" for mode in ("reflection", "replication") for rank in (1, 2, 3)))
def read_pad_mode(call: OpCall) -> Value:
    mode = "reflect" if call.spec.operator.startswith("reflection") else "replicate"
    return padded(call, call.x, call["padding"], mode, 0.0)


def padded(call: OpCall, x: Value, told: Sequence[int], mode: str, value: float) -> Value:
    """Torch lists the last axis first; negative numbers cut."""
    pairs = [(0, 0)] * x.rank
    for place in range(len(told) // 2):
        pairs[x.rank - 1 - place] = (told[2 * place], told[2 * place + 1])
    if any(isinstance(amount, Sym) for pair in pairs for amount in pair):
        raise call.refuse("an amount of padding that only running the model tells")
    added = tuple((max(low, 0), max(high, 0)) for low, high in pairs)
    cuts = [(max(-low, 0), max(-high, 0)) for low, high in pairs]
    first = mode in ("constant", "circular")  # other modes look at what is cut afterwards
    if any(map(any, cuts)) and first:
        x = _cropped(call, x, cuts)
    if any(map(any, added)):
        x = call.one(Pad(added, MODES[mode], value), x)  # type: ignore[arg-type]
    if any(map(any, cuts)) and not first:
        x = _cropped(call, x, cuts)
    return x


def _cropped(call: OpCall, x: Value, cuts: Sequence[tuple[int, int]]) -> Value:
    return call.one(Slice(tuple((low or None, -high if high else None, 1) for low, high in cuts)), x)


# --- cells of images as channels, and back


@rules.reads("pixel_shuffle")
def read_pixel_shuffle(call: OpCall) -> Value:
    """`(c r s) h w -> c (h r) (w s)`."""
    x, factor = call.x, int(call["upscale_factor"])
    *lead, channels, height, width = x.shape
    rank, inner = len(lead), _divided(call, channels, factor * factor)
    split = call.reshape(x, (*lead, inner, factor, factor, height, width))
    order = (*range(rank), rank, rank + 3, rank + 1, rank + 4, rank + 2)
    turned = call.one(Transpose(order), split)
    return call.reshape(turned, (*lead, inner, product((height, factor)), product((width, factor))))


@rules.reads("pixel_unshuffle")
def read_pixel_unshuffle(call: OpCall) -> Value:
    """`c (h r) (w s) -> (c r s) h w`."""
    x, factor = call.x, int(call["downscale_factor"])
    *lead, channels, height, width = x.shape
    rank = len(lead)
    down = [_divided(call, size, factor) for size in (height, width)]
    split = call.reshape(x, (*lead, channels, down[0], factor, down[1], factor))
    order = (*range(rank), rank, rank + 2, rank + 4, rank + 1, rank + 3)
    turned = call.one(Transpose(order), split)
    return call.reshape(turned, (*lead, product((channels, factor * factor)), *down))


def _divided(call: OpCall, size: Dim, divisor: int) -> int:
    if not isinstance(size, int):
        raise call.refuse("a size that only running the model tells")
    return size // divisor


@rules.reads("channel_shuffle", "native_channel_shuffle")
def read_channel_shuffle(call: OpCall) -> Value:
    x, groups = call.x, int(call["groups"])
    inner = _divided(call, x.shape[1], groups)
    split = call.reshape(x, (x.shape[0], groups, inner, *x.shape[2:]))
    order = (0, 2, 1, *range(3, split.rank))
    return call.reshape(call.one(Transpose(order), split), x.shape)
