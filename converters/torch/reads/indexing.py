"""Picking cells: by place, by range, by computed index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.torch.call import OpCall
from converters.torch.rules import rules
from porter.graph.dims import Sym, broadcast, multiple
from porter.graph.model import Value
from porter.graph.ops.elementwise import Where
from porter.graph.ops.indexing import Gather, GatherNd, Index, OneHot, Stack, TakeAlong
from porter.graph.ops.linalg import Diagonal
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Slice, Transpose

Range = tuple[int | None, int | None, int]
WHOLE: Range = (None, None, 1)
END = (1 << 63) - 1


@rules.reads("select", "select_copy")
def read_select(call: OpCall) -> Value:
    x, axis, place = call.x, call.axis(call["dim"]), call["index"]
    if isinstance(place, Sym):
        raise call.refuse(f"a place that only running the model tells ({place})")
    return call.one(Index(tuple(int(place) if k == axis else WHOLE for k in range(x.rank))), x)


@rules.reads("slice", "slice_copy")
def read_slice(call: OpCall) -> Value:
    x, axis = call.x, call.axis(call["dim"])
    first = _first_part(call, x, axis)
    if first is not None:
        return first
    start, end = _end(call, call.get("start")), _end(call, call.get("end"))
    return cut(call, x, axis, (start or None, end, int(call["step"])))


def _first_part(call: OpCall, x: Value, axis: int) -> Value | None:
    """The first of the equal parts that an open axis is known to have (`x[:batch]` of three batches)."""
    start, end, step = call.get("start"), call.get("end"), call["step"]
    if start or step != 1 or not isinstance(end, Sym) or end in x.shape:
        return None
    count = multiple(x.shape[axis], end)
    if count is None:
        return None
    parts = call.reshape(x, (*x.shape[:axis], count, end, *x.shape[axis + 1 :]))
    return call.one(Index(tuple(0 if k == axis else WHOLE for k in range(parts.rank))), parts)


def _end(call: OpCall, told: Any) -> int | None:
    if isinstance(told, Sym):
        if told in call.x.shape:
            return None
        raise call.refuse(f"a slice that ends at {told}, which only running the model tells")
    return None if told is None or told >= END else int(told)


def cut(call: OpCall, x: Value, axis: int, part: Range) -> Value:
    """A range along an axis; the whole range is the value itself."""
    size = x.shape[axis]
    if isinstance(size, int) and slice(*part).indices(size) == (0, size, 1):
        return x
    if part == WHOLE:
        return x
    return call.one(Slice(tuple(part if k == axis else WHOLE for k in range(x.rank))), x)


@rules.reads("narrow", "narrow_copy")
def read_narrow(call: OpCall) -> Value:
    start, length = call["start"], call["length"]
    if isinstance(start, (Sym, Value)) or isinstance(length, Sym):
        raise call.refuse("a range that only running the model tells")
    return cut(call, call.x, call.axis(call["dim"]), (int(start), int(start) + int(length), 1))


@rules.reads("index_select", "index_select.default")
def read_index_select(call: OpCall) -> Value:
    return call.one(Gather(call.axis(call["dim"])), call.x, call.tensor("index"))


@rules.reads("gather")
def read_gather(call: OpCall) -> Value:
    """The index may be smaller than the tensor along the other axes."""
    x, index, axis = call.x, call.tensor("index"), call.axis(call["dim"])
    for k, (have, want) in enumerate(zip(x.shape, index.shape, strict=True)):
        if k != axis and isinstance(have, int) and isinstance(want, int) and want < have:
            x = cut(call, x, k, (None, want, 1))
    return call.one(TakeAlong(axis), x, index)


@rules.reads("take_along_dim")
def read_take_along(call: OpCall) -> Value:
    if call.get("dim") is None:
        raise call.refuse("picking from all cells at once", "name an axis (dim)")
    return call.one(TakeAlong(call.axis(call["dim"])), call.x, call.tensor("indices"))


@rules.reads("take")
def read_take(call: OpCall) -> Value:
    from porter.graph.ops.reshaping import Reshape

    return call.one(Gather(0), call.one(Reshape((None,)), call.x), call.tensor("index"))


@rules.reads("one_hot")
def read_one_hot(call: OpCall) -> Value:
    classes = int(call["num_classes"])
    if classes < 0:
        raise call.refuse("as many classes as the numbers at hand have", "say num_classes")
    return call.one(OneHot(classes, -1, call.dtype), call.x)


@rules.reads("diagonal", "diagonal_copy", "linalg_diagonal")
def read_diagonal(call: OpCall) -> Value:
    return diagonal(call, call.x, call.axis(call["dim1"]), call.axis(call["dim2"]), int(call["offset"]))


def diagonal(call: OpCall, x: Value, first: int, second: int, k: int = 0) -> Value:
    """The k-th diagonals along two axes, which make one, the last."""
    order = (*(axis for axis in range(x.rank) if axis not in (first, second)), first, second)
    if order != tuple(range(x.rank)):
        x = call.one(Transpose(order), x)
    return call.one(Diagonal(k), x)


@rules.reads("unfold", "unfold_copy")
def read_unfold(call: OpCall) -> Value:
    """Windows along an axis, whose cells stand on a new last axis."""
    x, axis = call.x, call.axis(call["dimension"])
    size, step, have = int(call["size"]), int(call["step"]), x.shape[axis] if x.rank else None
    if not isinstance(have, int):
        raise call.refuse("windows along an axis whose size only running the model tells")
    starts = np.arange(0, have - size + 1, step)
    places = starts[:, None] + np.arange(size)
    found = call.one(Gather(axis), x, call.constant(places.astype("int64")))
    order = (*range(axis + 1), *range(axis + 2, found.rank), axis + 1)
    return found if order == tuple(range(found.rank)) else call.one(Transpose(order), found)


# --- x[i, :, j]


@rules.reads("index", "_unsafe_index")
def read_index(call: OpCall) -> Value:
    x, told = call.x, list(call["indices"])
    told += [None] * (x.rank - len(told))
    spread: list[Value | None] = []
    for index in told:
        if isinstance(index, Value) and index.dtype in ("bool", "uint8"):
            spread += _places(call, index)
        else:
            spread.append(index)
    indices = [(axis, index) for axis, index in enumerate(spread[: x.rank]) if index is not None]
    if len(indices) == 1:
        axis, index = indices[0]
        return call.one(Gather(axis), x, counted(call, index, x, axis))
    return picked(call, x, indices)


def _places(call: OpCall, mask: Value) -> Sequence[Value]:
    """The places where a mask is true, one index for each of its axes."""
    if not call.is_constant(mask):
        raise call.refuse(
            "how many cells a mask picks depends on the numbers",
            "keep all cells (torch.where, multiply by the mask)",
        )
    return [call.constant(places.astype("int64")) for places in np.nonzero(call.numbers(mask))]


def counted(call: OpCall, index: Value, x: Value, axis: int) -> Value:
    """Places from the front, where the numbers are known or the axis is."""
    size = x.shape[axis]
    if call.is_constant(index):
        numbers = call.numbers(index)
        if numbers.size and numbers.min() < 0 and isinstance(size, int):
            return call.constant(np.where(numbers < 0, numbers + size, numbers).astype("int64"))
    return index


def picked(call: OpCall, x: Value, indices: Sequence[tuple[int, Value]]) -> Value:
    """Several indices at once: their axes are brought to the front, one vector names a cell."""
    axes = [axis for axis, _ in indices]
    shape = broadcast(*(index.shape for _, index in indices))
    vectors = vector_of(call, x, indices)
    rest = [axis for axis in range(x.rank) if axis not in axes]
    order = (*axes, *rest)
    turned = x if order == tuple(range(x.rank)) else call.one(Transpose(order), x)
    found = call.one(GatherNd(), turned, vectors)
    if axes == list(range(axes[0], axes[0] + len(axes))) and axes[0]:
        # indices side by side: what they give stands where they stood
        count, before = len(shape), axes[0]
        front = [count + k for k in range(before)]
        back = [count + k for k in range(before, len(rest))]
        return call.one(Transpose((*front, *range(count), *back)), found)
    return found


def vector_of(call: OpCall, x: Value, indices: Sequence[tuple[int, Value]]) -> Value:
    """One vector of places for each cell that is picked."""
    shape = broadcast(*(index.shape for _, index in indices))
    parts = [
        call.expand(call.cast(_from_front(call, index, x, axis), "int64"), shape) for axis, index in indices
    ]
    return call.one(Stack(len(shape)), *parts)


def _from_front(call: OpCall, index: Value, x: Value, axis: int) -> Value:
    found = counted(call, index, x, axis)
    if found is not index or call.is_constant(index):
        return found
    return index


@rules.reads(
    "masked_select", "nonzero", "unique", "_unique2", "unique_consecutive", "bincount", "nonzero_static"
)
def read_masked_select(call: OpCall) -> Value:
    raise call.refuse(
        "how large its result is depends on the numbers", "keep all cells and a mask beside them"
    )


# --- bags of rows


@rules.reads("embedding_bag", "_embedding_bag", "_embedding_bag_forward_only")
def read_embedding_bag(call: OpCall) -> Any:
    """Bags of one length each: rows picked, then summed, averaged or their largest taken."""
    from porter.graph.ops.elementwise import Binary
    from porter.graph.ops.linear import Embedding

    weight, ids, offsets = call.tensor("weight"), call.tensor("indices"), call.tensor("offsets")
    length = _bag_length(call, ids, offsets)
    bags = call.reshape(ids, (offsets.shape[0], length))
    entries, width = (int(str(size)) for size in weight.shape)
    rows = call.one(Embedding(entries, width, weight.dtype), bags, params={"weight": call.as_param(weight)})
    if call.get("per_sample_weights") is not None:
        each = call.reshape(call.tensor("per_sample_weights"), bags.shape)
        rows = call.one(Binary("multiply"), rows, call.with_ones(each, 2))
    padding = call.args.get("padding_idx")
    if padding is not None and int(padding) >= 0:
        return (_without_padding(call, rows, bags, int(padding)),)
    function = ("sum", "mean", "max")[int(call["mode"])]
    return (call.one(Reduce(function, (1,)), rows),)


def _bag_length(call: OpCall, ids: Value, offsets: Value) -> int:
    """The common length of all bags; offsets are a range with that step."""
    found = call.context.steps.get(offsets)
    if found is None and call.is_constant(offsets):
        gaps = set(np.diff([*call.numbers(offsets), ids.shape[0] if isinstance(ids.shape[0], int) else -1]))
        found = int(gaps.pop()) if len(gaps) == 1 else None
    if found is None or call.get("include_last_offset"):
        raise call.refuse("bags of different lengths", "give the indices as a matrix, a row for each bag")
    return found


def _without_padding(call: OpCall, rows: Value, bags: Value, padding: int) -> Value:
    """The mean (sum, largest) of the rows that are no padding; zeros where none is left."""
    from porter.graph.ops.elementwise import Binary, Clip

    kept = call.with_ones(call.one(Binary("not_equal"), bags, call.operand(padding, bags.dtype)), 2)
    zero = call.operand(0.0, rows.dtype)
    total = call.one(Reduce("sum", (1,)), call.one(Where(), kept, rows, zero))
    mode = int(call["mode"])
    if mode == 0:
        return total
    count = call.one(Reduce("sum", (1,)), call.cast(kept, rows.dtype))
    if mode == 1:
        return call.one(Binary("divide"), total, call.one(Clip(1.0, None), count))
    lowest = call.operand(float("-inf"), rows.dtype)
    largest = call.one(Reduce("max", (1,)), call.one(Where(), kept, rows, lowest))
    return call.one(Where(), call.one(Binary("greater"), count, zero), largest, zero)
