"""Picking and replacing cells: by place, by range, by computed index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.jax.read_call import WHOLE, PrimitiveCall, Range
from converters.jax.read_dims import shape_of
from converters.jax.rules import rules
from porter.graph.dims import Dim, may_equal
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Cast, Where
from porter.graph.ops.indexing import Expand, Gather, GatherNd, Index, Scatter, TakeAlong
from porter.graph.ops.linear import Embedding
from porter.graph.ops.reduction import ArgReduce
from porter.graph.ops.reshaping import Concat, Reshape, Slice, Transpose
from porter.graph.ops.sorting import ArgSort, TopK


@rules.reads("gather")
def read_gather(call: PrimitiveCall) -> Value:
    x, indices = call.inputs
    told = call["dimension_numbers"]
    axes = tuple(int(axis) for axis in told.start_index_map)
    collapsed = {int(axis) for axis in told.collapsed_slice_dims}
    batch = tuple(int(axis) for axis in told.operand_batching_dims)
    offsets = tuple(int(axis) for axis in told.offset_dims)
    sizes = shape_of(call["slice_sizes"])
    whole = all(sizes[k] == x.shape[k] for k in range(x.rank) if k not in axes and k not in batch)
    if not whole:
        raise call.refuse("picks parts of axes that it does not index")
    if batch:
        return _along(call, x, indices, axes, batch)
    if set(axes) != collapsed:
        return _ranges(call, x, indices, axes, sizes, offsets)
    if len(axes) == 1:
        picked = _one_axis(call, x, _index(call, indices, x, axes[0]), axes[0])
        count = indices.rank - 1
        natural = [k for k in range(picked.rank) if not axes[0] <= k < axes[0] + count]
    else:
        picked = _several(call, x, indices, axes)
        natural = list(range(indices.rank - 1, picked.rank))
    return _placed(call, picked, natural, offsets)


def _placed(call: PrimitiveCall, picked: Value, natural: Sequence[int], offsets: Sequence[int]) -> Value:
    """The operand's axes, which now lie at `natural`, where the program wants them."""
    others = iter(k for k in range(picked.rank) if k not in natural)
    rest = iter(natural)
    return call.transpose(picked, [next(rest) if k in offsets else next(others) for k in range(picked.rank)])


def _index(call: PrimitiveCall, indices: Value, x: Value, axis: int) -> Value:
    """The places along one axis, without their last axis, which is of size 1."""
    plain = _squeezed(call, indices)
    counted = _counting_back(call, plain)
    return plain if counted is None or not may_equal(x.shape[axis], counted[1]) else counted[0]


def _squeezed(call: PrimitiveCall, indices: Value) -> Value:
    return call.reshape(indices, indices.shape[:-1])


def _counting_back(call: PrimitiveCall, index: Value) -> tuple[Value, Dim] | None:
    """`where(i < 0, i + n, i)` as i, and n: picking counts back by itself."""
    node = call.maker(index, Where)
    if node is None:
        shaped = call.maker(index, Reshape)
        node = None if shaped is None else call.maker(shaped.inputs[0], Where)
        if node is None:
            return None
        inner = _counting_back(call, shaped.inputs[0])
        return None if inner is None else (call.reshape(inner[0], index.shape), inner[1])
    below, raised, plain = node.inputs
    test, total = call.maker(below, Binary), call.maker(raised, Binary)
    if test is None or total is None or test.op.function != "less" or total.op.function != "add":
        return None
    if test.inputs[0] is not plain or total.inputs[0] is not plain or call.filled(test.inputs[1]) != 0:
        return None
    size = call.filled(total.inputs[1])
    return None if size is None else (plain, int(size))


def _one_axis(call: PrimitiveCall, x: Value, index: Value, axis: int) -> Value:
    known = call.known(index)
    if known is not None and known.ndim == 0:
        items = tuple(int(known) if k == axis else WHOLE for k in range(x.rank))
        return call.one(Index(items), x)
    part = None if known is None else _range(known)
    if part is not None:
        return call.cut(x, [part if k == axis else WHOLE for k in range(x.rank)])
    if axis == 0 and x.rank == 2 and call.is_weight(x):
        entries, width = (int(str(size)) for size in x.shape)
        table = call.as_param(x)
        return call.one(Embedding(entries, width, x.dtype), index, params={"weight": table})
    return call.one(Gather(axis), x, index)


def _range(places: np.ndarray) -> Range | None:
    """Places at even distances, rising, as a range."""
    if places.ndim != 1 or not places.size or places[0] < 0:
        return None
    step = int(places[1] - places[0]) if places.size > 1 else 1
    even = step > 0 and (np.diff(places) == step).all()
    return (int(places[0]) or None, int(places[-1]) + 1, step) if even else None


def _several(call: PrimitiveCall, x: Value, indices: Value, axes: Sequence[int]) -> Value:
    """Several axes at once: they are brought to the front, one vector names a cell."""
    known = call.known(indices)
    if known is not None and known.ndim == 1:
        place = dict(zip(axes, map(int, known), strict=True))
        return call.one(Index(tuple(place.get(k, WHOLE) for k in range(x.rank))), x)
    turned = call.transpose(x, (*axes, *(k for k in range(x.rank) if k not in axes)))
    return call.one(GatherNd(), turned, indices)


def _along(call: PrimitiveCall, x: Value, indices: Value, axes: Sequence[int], batch: Sequence[int]) -> Value:
    """Some axes are shared by the value and the indices; of the others, some are picked from."""
    told = call["dimension_numbers"]
    shared = [int(axis) for axis in told.start_indices_batching_dims]
    if set(axes) != {int(axis) for axis in told.collapsed_slice_dims}:
        raise call.refuse("ranges that start where the numbers say, elsewhere in each row")
    spread = [k for k in range(indices.rank - 1) if k not in shared]
    rest = [k for k in range(x.rank) if k not in axes and k not in batch]
    if len(axes) == len(spread) == 1:
        lies = [
            None if k in rest else shared[batch.index(k)] if k in batch else spread[0] for k in range(x.rank)
        ]
        order = [place for place in lies if place is not None]
        places = call.transpose(_inside(call, _squeezed(call, indices), x.shape[axes[0]]), order)
        found = call.one(TakeAlong(axes[0]), x, call.with_ones(places, *rest))
    else:
        lies = [*shared, *spread, *(None for _ in rest)]
        turned = call.transpose(indices, (*shared, *spread, indices.rank - 1))
        found = call.one(GatherNd(len(batch)), call.transpose(x, (*batch, *axes, *rest)), turned)
    whole = (k for k, place in enumerate(lies) if place is None)
    picked = iter(
        sorted((k for k, place in enumerate(lies) if place is not None), key=lambda k: lies[k] or 0)
    )
    offsets = {int(axis) for axis in told.offset_dims}
    return call.transpose(found, [next(whole) if k in offsets else next(picked) for k in range(found.rank)])


RANKS = (ArgReduce, ArgSort, TopK)
"""Ops whose integers are places, never below 0."""


def _inside(call: PrimitiveCall, places: Value, size: Dim) -> Value:
    """Places that cannot be below 0 need no counting back; what else may be below 0 keeps it."""
    counted = _counting_back(call, places)
    if counted is None or not may_equal(size, counted[1]):
        return places
    source: Value | None = counted[0]
    while source is not None:
        node = call.maker(source)
        if node is not None and isinstance(node.op, RANKS):
            return counted[0]
        looked_through = node is not None and isinstance(node.op, (Cast, Expand, Reshape, Slice, Transpose))
        source = node.inputs[0] if looked_through else None
    return places


def _ranges(
    call: PrimitiveCall,
    x: Value,
    indices: Value,
    axes: Sequence[int],
    sizes: Sequence[Dim],
    offsets: Sequence[int],
) -> Value:
    """One range of each axis that starts at a fixed place."""
    known = call.known(indices)
    if known is None or known.ndim != 1 or not all(isinstance(sizes[axis], int) for axis in axes):
        raise call.refuse("ranges that start where the numbers say")
    starts = dict(zip(axes, map(int, known), strict=True))
    ranges: list[Range] = []
    for axis in range(x.rank):
        size = sizes[axis]
        start = starts.get(axis)
        ranges.append(WHOLE if start is None else (start or None, start + int(str(size)), 1))
    found = call.cut(x, ranges)
    return call.reshape(found, call.out.shape)


# --- ranges


def _starts(call: PrimitiveCall, values: Sequence[Value], room: Sequence[Dim]) -> list[int | None]:
    """Where each range starts, None where only running tells; JAX moves ranges so that they fit."""
    starts: list[int | None] = []
    for value, most in zip(values, room, strict=True):
        known = call.filled(value)
        if known is None:
            starts.append(None)
        else:
            starts.append(max(0, min(int(known), most)) if isinstance(most, int) else max(0, int(known)))
    return starts


def _room(whole: Sequence[Dim], part: Sequence[Dim]) -> list[Dim]:
    rows = zip(whole, part, strict=True)
    return [a - b if isinstance(a, int) and isinstance(b, int) else 0 if a == b else a for a, b in rows]


@rules.reads("dynamic_slice")
def read_dynamic_slice(call: PrimitiveCall) -> Value:
    x, *places = call.inputs
    sizes = shape_of(call["slice_sizes"])
    room = _room(x.shape, sizes)
    starts = [
        0 if most == 0 else start for start, most in zip(_starts(call, places, room), room, strict=True)
    ]
    ranges: list[Range] = []
    for start, size, whole in zip(starts, sizes, x.shape, strict=True):
        fixed = start is not None and isinstance(size, int) and size != whole
        ranges.append((start or None, (start or 0) + int(str(size)), 1) if fixed else WHOLE)
    found = call.cut(x, ranges)
    for axis, start in enumerate(starts):
        if start is None:
            found = _moving(call, found, axis, places[axis], sizes[axis], room[axis])
    return found


def _moving(call: PrimitiveCall, x: Value, axis: int, start: Value, size: Dim, room: Dim) -> Value:
    """A range of fixed length that starts at a computed place."""
    if not isinstance(size, int) or not isinstance(room, int):
        raise call.refuse("a range whose length only running the model tells")
    start = call.one(Binary("maximum"), start, call.constant(0, start.dtype))
    start = call.one(Binary("minimum"), start, call.constant(room, start.dtype))
    places = call.one(Binary("add"), start, call.constant(np.arange(size), start.dtype))
    return call.one(Gather(axis), x, places)


@rules.reads("dynamic_update_slice")
def read_dynamic_update(call: PrimitiveCall) -> Value:
    x, update, *places = call.inputs
    starts = _starts(call, places, _room(x.shape, update.shape))
    if None in starts:
        raise call.refuse("writes to places that only running the model tells")
    return _written(call, x, update, [start or 0 for start in starts])


def _written(call: PrimitiveCall, x: Value, update: Value, starts: Sequence[int]) -> Value:
    """What lies before, the update (grown along the further axes), what lies after."""
    axis = next((k for k in range(x.rank) if x.shape[k] != update.shape[k]), None)
    if axis is None:
        return update
    length, start = int(str(update.shape[axis])), starts[axis]
    rows = dict.fromkeys([axis], (start or None, start + length, 1))
    inside = call.cut(x, [rows.get(k, WHOLE) for k in range(x.rank)])
    middle = _written(call, inside, update, [0 if k == axis else at for k, at in enumerate(starts)])
    parts = [middle]
    if start:
        parts.insert(0, call.cut(x, [(None, start, 1) if k == axis else WHOLE for k in range(x.rank)]))
    if start + length != x.shape[axis]:
        rest: Range = (start + length, None, 1)
        parts.append(call.cut(x, [rest if k == axis else WHOLE for k in range(x.rank)]))
    return call.one(Concat(axis), *parts) if len(parts) > 1 else middle


# --- x.at[i].set(y)

SCATTERS = {
    "scatter": "set",
    "scatter-add": "add",
    "scatter-max": "max",
    "scatter-min": "min",
    "scatter-mul": "mul",
    "scatter_add": "add",
    "scatter_max": "max",
    "scatter_min": "min",
    "scatter_mul": "mul",
}


@rules.reads(*SCATTERS)
def read_scatter(call: PrimitiveCall) -> Value:
    x, indices, updates = call.inputs
    told = call["dimension_numbers"]
    axes = tuple(int(axis) for axis in told.scatter_dims_to_operand_dims)
    windows = tuple(int(axis) for axis in told.update_window_dims)
    inserted = {int(axis) for axis in told.inserted_window_dims}
    if set(axes) != inserted and not told.operand_batching_dims and call.known(indices) is not None:
        return _range_written(call, axes, inserted)
    if told.operand_batching_dims or set(axes) != inserted:
        raise call.refuse(
            "writes ranges, or along axes that are shared", "write single cells or whole slices"
        )
    if any(isinstance(size, int) and size == 0 for size in indices.shape):
        return x
    others = [k for k in range(x.rank) if k not in axes]
    order = (*axes, *others)
    spread = [k for k in range(updates.rank) if k not in windows]
    placed = call.transpose(updates, (*spread, *windows))
    turned = call.transpose(x, order)
    found = call.one(Scatter(SCATTERS[call.name]), turned, indices, placed)
    return call.transpose(found, [order.index(k) for k in range(x.rank)])


def _range_written(call: PrimitiveCall, axes: Sequence[int], inserted: set[int]) -> Value:
    """One block, at a place that is known, replaced by updates or combined with them."""
    x, indices, updates = call.inputs
    known = call.known(indices)
    function = SCATTERS[call.name]
    if known is None or known.ndim != 1 or function not in COMBINED:
        raise call.refuse("writes several ranges at once")
    block = call.with_ones(updates, *sorted(inserted))
    place = dict(zip(axes, map(int, known), strict=True))
    starts = [place.get(axis, 0) for axis in range(x.rank)]
    if function != "set":
        ranges: list[Range] = [
            (start or None, start + size, 1) if isinstance(size, int) else WHOLE
            for start, size in zip(starts, block.shape, strict=True)
        ]
        block = call.one(Binary(COMBINED[function]), call.cut(x, ranges), block)
    return _written(call, x, block, starts)


COMBINED = {"set": "", "add": "add", "max": "maximum", "min": "minimum", "mul": "multiply"}
