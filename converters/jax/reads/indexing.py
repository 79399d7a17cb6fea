"""Ranges of cells picked and replaced, and cells written to places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.jax.reading.call import WHOLE, PrimitiveCall, Range
from converters.jax.reading.dims import shape_of
from converters.jax.rules import rules
from porter.graph.dims import Dim
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.indexing import Gather, Scatter
from porter.graph.ops.reshaping import Concat

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
    if indices.rank == 1 and not told.operand_batching_dims and call.known(indices) is not None:
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
    if indices.rank == 1:
        indices, placed = call.with_ones(indices, 0), call.with_ones(placed, 0)
    indices, placed = _inside(call, indices, placed, [x.shape[axis] for axis in axes])
    if indices.shape[0] == 0:
        return x
    found = call.one(Scatter(SCATTERS[call.name]), turned, indices, placed)
    return call.transpose(found, [order.index(k) for k in range(x.rank)])


def _inside(call: PrimitiveCall, indices: Value, placed: Value, sizes: Sequence[Dim]) -> tuple[Value, Value]:
    """Index vectors and their updates without those that are known to point outside: JAX drops them."""
    known = call.known(indices)
    if known is None:
        return indices, placed
    ends = np.array([size if isinstance(size, int) else np.iinfo(known.dtype).max for size in sizes])
    if str(call["mode"]).endswith("CLIP"):
        return call.constant(np.clip(known, 0, ends - 1), indices.dtype), placed
    kept = ((known >= 0) & (known < ends)).all(-1)
    if kept.all():
        return indices, placed
    flat = call.reshape(placed, (kept.size, *placed.shape[kept.ndim :]))
    rows = call.constant(np.flatnonzero(kept))
    return call.constant(known[kept], indices.dtype), call.one(Gather(0), flat, rows)


def _range_written(call: PrimitiveCall, axes: Sequence[int], inserted: set[int]) -> Value:
    """One block, at a place that is known, replaced by updates or combined with them."""
    x, indices, updates = call.inputs
    known = call.known(indices)
    function = SCATTERS[call.name]
    assert known is not None
    block = call.with_ones(updates, *sorted(inserted))
    place = dict(zip(axes, map(int, known), strict=True))
    for axis, start in place.items():
        size, length = x.shape[axis], block.shape[axis]
        if start < 0 or (isinstance(size, int) and isinstance(length, int) and start + length > size):
            raise call.refuse(f"writes outside an axis of {size}")
    starts = [place.get(axis, 0) for axis in range(x.rank)]
    if function != "set":
        ranges: list[Range] = [
            (start or None, start + size, 1) if isinstance(size, int) else WHOLE
            for start, size in zip(starts, block.shape, strict=True)
        ]
        block = call.one(Binary(COMBINED[function]), call.cut(x, ranges), block)
    return _written(call, x, block, starts)


COMBINED = {"set": "", "add": "add", "max": "maximum", "min": "minimum", "mul": "multiply"}
