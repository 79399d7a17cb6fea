"""Tensors with some of their cells replaced."""

from __future__ import annotations

import math

import numpy as np

from converters.torch.call import OpCall
from converters.torch.promotion import is_float
from converters.torch.reads.creation import counting
from converters.torch.reads.indexing import cut, vector_of
from converters.torch.reads.masking import filled_in_order
from converters.torch.rules import rules
from porter.graph.dims import Dim, Sym
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Clip, Where
from porter.graph.ops.indexing import Gather, Scatter, Stack
from porter.graph.ops.reshaping import Concat, Transpose

FUNCTIONS = {"sum": "add", "add": "add", "prod": "mul", "multiply": "mul", "amax": "max", "amin": "min"}


@rules.reads("slice_scatter")
def read_slice_scatter(call: OpCall) -> Value:
    x, source, axis = call.x, call.tensor("src"), call.axis(call["dim"])
    size = x.shape[axis]
    start, end, step = call.get("start"), call.get("end"), int(call["step"])
    if isinstance(start, Sym) or isinstance(end, Sym) or not isinstance(size, int):
        if (
            (start in (None, 0))
            and step == 1
            and (end is None or end == size or (not isinstance(end, Sym) and end >= 1 << 40))
        ):
            return call.expand(source, x.shape)
        raise call.refuse("a range that only running the model tells")
    places = range(*slice(start, end, step).indices(size))
    return replaced(call, x, source, axis, places)


def replaced(call: OpCall, x: Value, source: Value, axis: int, places: range) -> Value:
    """x with its slices at `places` of an axis taken from the source."""
    size = int(str(x.shape[axis]))
    shape: list[Dim] = [len(places) if k == axis else dim for k, dim in enumerate(x.shape)]
    source = call.expand(call.cast(source, x.dtype), shape)
    if len(places) == size and places.step == 1:
        return source
    if not places:
        return x
    if places.step == 1:
        parts = [source]
        if places.start:
            parts.insert(0, cut(call, x, axis, (None, places.start, 1)))
        if places.stop < size:
            parts.append(cut(call, x, axis, (places.stop, None, 1)))
        return call.one(Concat(axis), *parts)
    number = {place: size + k for k, place in enumerate(places)}
    order = np.array([number.get(place, place) for place in range(size)], "int64")
    return call.one(Gather(axis), call.one(Concat(axis), x, source), call.constant(order))


@rules.reads("select_scatter")
def read_select_scatter(call: OpCall) -> Value:
    x, axis, place = call.x, call.axis(call["dim"]), call["index"]
    size = x.shape[axis]
    if isinstance(place, Sym) or not isinstance(size, int):
        raise call.refuse("a place that only running the model tells")
    place = int(place) % size
    source = call.with_ones(call.tensor("src"), axis) if call.tensor("src").rank else call.tensor("src")
    return replaced(call, x, source, axis, range(place, place + 1))


# --- by computed places


@rules.reads("scatter", "scatter_add", "scatter_reduce")
def read_scatter(call: OpCall) -> Value:
    x, index, axis = call.x, call.tensor("index"), call.axis(call["dim"])
    told = call.get("src")
    source = call.get("value") if told is None else told
    if isinstance(source, Value):
        for k, want in enumerate(index.shape):
            if (
                isinstance(want, int)
                and isinstance(source.shape[k], int)
                and want < int(str(source.shape[k]))
            ):
                source = cut(call, source, k, (None, want, 1))
        updates = call.cast(source, x.dtype)
    else:
        updates = call.expand(call.operand(source, x.dtype), index.shape)
    function = str(call.get("reduce"))
    vectors = scatter_vectors(call, index, axis)
    if call.name == "scatter_reduce":
        return reduced(call, function, x, vectors, updates)
    kind = "add" if call.name == "scatter_add" else FUNCTIONS.get(function, "set")
    return call.one(Scatter(kind), x, vectors, updates)


NEUTRAL = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "amax": -math.inf, "amin": math.inf}


def reduced(call: OpCall, function: str, x: Value, vectors: Value, updates: Value) -> Value:
    """What is scattered to a cell folded into one number, with the cell itself or without it."""
    own = bool(call["include_self"])
    if not own:
        if not is_float(x.dtype) and math.isinf(NEUTRAL[function]):
            raise call.refuse("whole numbers left out of their own extreme (include_self=False)")
        blank = call.expand(call.operand(NEUTRAL[function], x.dtype), updates.shape)
        start = call.one(Scatter("set"), x, vectors, blank)
    else:
        start = x
    found = call.one(Scatter("add" if function == "mean" else FUNCTIONS[function]), start, vectors, updates)
    if function != "mean":
        return found
    if not is_float(x.dtype):
        raise call.refuse("means of whole numbers")
    ones = call.fill(1.0, updates.shape, x.dtype)
    counts = call.one(Scatter("add"), call.fill(1.0 if own else 0.0, x.shape, x.dtype), vectors, ones)
    return call.one(Binary("divide"), found, call.one(Clip(1.0, None), counts))


def scatter_vectors(call: OpCall, index: Value, axis: int) -> Value:
    """The whole place of every cell of the index."""
    parts = []
    for k, size in enumerate(index.shape):
        if k == axis:
            parts.append(call.cast(index, "int64"))
            continue
        line = counting(call, size, "int64")
        spread = call.with_ones(line, *(j for j in range(index.rank) if j != k)) if index.rank > 1 else line
        parts.append(call.expand(spread, index.shape))
    return call.one(Stack(index.rank), *parts)


@rules.reads("index_add", "index_copy", "index_fill")
def read_index_update(call: OpCall) -> Value:
    x, axis, index = call.x, call.axis(call["dim"]), call.tensor("index")
    order = (axis, *(k for k in range(x.rank) if k != axis))
    back = tuple(order.index(k) for k in range(x.rank))
    moved = x if axis == 0 else call.one(Transpose(order), x)
    source = call.get("source")
    if source is None:
        source = call.get("value")
    if isinstance(source, Value) and source.rank:
        updates = source if axis == 0 else call.one(Transpose(order), source)
    else:
        updates = call.expand(call.operand(source, x.dtype), (index.shape[0], *moved.shape[1:]))
    if call.get("alpha", 1) != 1:
        updates = call.one(Binary("multiply"), updates, call.operand(call["alpha"], x.dtype))
    kind = "add" if call.spec.operator.startswith("index_add") else "set"
    found = call.one(Scatter(kind), moved, call.with_ones(index, 1), call.cast(updates, x.dtype))
    return found if axis == 0 else call.one(Transpose(back), found)


@rules.reads("index_put", "_index_put_impl")
def read_index_put(call: OpCall) -> Value:
    x, indices, values = call.x, list(call["indices"]), call.tensor("values")
    first = indices[0] if indices else None
    if (
        len(indices) == 1
        and isinstance(first, Value)
        and first.dtype == "bool"
        and not call.is_constant(first)
    ):
        return _masked(call, x, first, values)
    told = [(axis, index) for axis, index in enumerate(indices) if index is not None]
    if any(index.dtype == "bool" for _, index in told):
        raise call.refuse("cells that a mask among other indices picks")
    axes = [axis for axis, _ in told]
    rest = [axis for axis in range(x.rank) if axis not in axes]
    order = (*axes, *rest)
    moved = x if order == tuple(range(x.rank)) else call.one(Transpose(order), x)
    vectors = vector_of(call, x, told)
    spread = vectors.shape[:-1]
    before = axes[0] if axes == list(range(axes[0], axes[0] + len(axes))) else 0
    sizes = [x.shape[axis] for axis in rest]
    updates = call.expand(call.cast(values, x.dtype), (*sizes[:before], *spread, *sizes[before:]))
    if before:  # indices side by side: the values' axes stand where theirs do
        count = len(spread)
        places = (*range(before, before + count), *range(before), *range(before + count, updates.rank))
        updates = call.one(Transpose(places), updates)
    found = call.one(Scatter("add" if call["accumulate"] else "set"), moved, vectors, updates)
    back = tuple(order.index(k) for k in range(x.rank))
    return found if back == tuple(range(x.rank)) else call.one(Transpose(back), found)


def _masked(call: OpCall, x: Value, mask: Value, values: Value) -> Value:
    """`x[mask] = number`, or as many values as the mask has cells, which torch has seen to."""
    if values.rank and set(values.shape) != {1}:
        fits = values.rank == 1 + x.rank - mask.rank and values.shape[1:] == x.shape[mask.rank :]
        if call["accumulate"] or not fits:
            raise call.refuse("values for what a mask picks that are broadcast or added", "use torch.where")
        return filled_in_order(call, x, mask, values)
    number = call.reshape(values, ()) if values.rank else values
    if call["accumulate"]:
        number = call.one(Binary("add"), x, call.cast(number, x.dtype))
    spread = call.with_ones(mask, *range(mask.rank, x.rank)) if mask.rank < x.rank else mask
    return call.one(Where(), spread, call.cast(number, x.dtype), x)
