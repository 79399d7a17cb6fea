"""Picking cells at places that are known, or that the numbers tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.jax.reading.call import WHOLE, PrimitiveCall, Range
from converters.jax.reading.dims import shape_of
from converters.jax.reads.recurrent import end_of
from converters.jax.rules import rules
from porter.graph.dims import Dim, may_equal
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Cast, Where
from porter.graph.ops.indexing import Expand, Gather, GatherNd, Index, TakeAlong
from porter.graph.ops.linear import Embedding
from porter.graph.ops.reduction import ArgReduce
from porter.graph.ops.reshaping import Concat, Reshape, Slice, Transpose
from porter.graph.ops.sorting import ArgSort, TopK

Label = tuple[str, int]
"""What an axis of the result was: an axis of the value, or of the indices."""


@rules.reads("gather")
def read_gather(call: PrimitiveCall) -> Value:
    x, indices = call.inputs
    told = call["dimension_numbers"]
    axes = tuple(int(axis) for axis in told.start_index_map)
    batch = tuple(int(axis) for axis in told.operand_batching_dims)
    dropped = {int(axis) for axis in told.collapsed_slice_dims}
    sizes = shape_of(call["slice_sizes"])
    if any(sizes[k] != x.shape[k] for k in range(x.rank) if k not in (*axes, *batch)):
        raise call.refuse("picks parts of axes that it does not index")
    known = call.known(indices)
    if set(axes) != dropped and not batch and known is not None and known.ndim == 1:
        return _range_at(call, x, dict(zip(axes, map(int, known), strict=True)), sizes)
    indexed = [k for k, axis in enumerate(axes) if axis in dropped or sizes[axis] != x.shape[axis]]
    if 0 < len(indexed) < len(axes):  # along the others everything is picked
        indices = call.one(Gather(indices.rank - 1), indices, call.constant(np.array(indexed)))
        axes = tuple(axes[k] for k in indexed)
    labels: list[Label] = [("indices", k) for k in range(indices.rank - 1)]
    long = [axis for axis in axes if axis not in dropped and sizes[axis] != 1]
    if str(call["mode"]).endswith("CLIP"):
        indices = _clipped(call, indices, [x.shape[axis] for axis in axes], [sizes[axis] for axis in axes])
    if long:
        indices = _spread(call, indices, axes, sizes[long[0]])
        labels.append(("value", long[0]))
    found, lies = _picked(call, x, indices, axes, labels)
    return _placed(call, found, lies, [axis for axis in axes if axis not in (*dropped, *long)])


def _placed(call: PrimitiveCall, found: Value, lies: Sequence[Label], ones: Sequence[int]) -> Value:
    """The result's axes where the program wants them; `ones` are axes of which one cell was picked."""
    told = call["dimension_numbers"]
    gone = {int(axis) for axis in (*told.collapsed_slice_dims, *told.operand_batching_dims)}
    offsets = {int(axis) for axis in told.offset_dims}
    inner = iter(("value", k) for k in range(call.x.rank) if k not in gone)
    outer = iter(label for label in sorted(lies) if label[0] == "indices")
    wanted = [next(inner) if place in offsets else next(outer) for place in range(call.out.rank)]
    single = [place for place, label in enumerate(wanted) if label in [("value", axis) for axis in ones]]
    order = [lies.index(label) for place, label in enumerate(wanted) if place not in single]
    return call.with_ones(call.transpose(found, order), *single)


def _picked(
    call: PrimitiveCall, x: Value, indices: Value, axes: Sequence[int], labels: list[Label]
) -> tuple[Value, list[Label]]:
    """One cell along each indexed axis for every vector of indices, and what the result's axes are."""
    told = call["dimension_numbers"]
    batch, shared = (
        [int(axis) for axis in part]
        for part in (told.operand_batching_dims, told.start_indices_batching_dims)
    )
    own = [label for label in labels if label not in [("indices", axis) for axis in shared]]
    rest: list[Label] = [("value", k) for k in range(x.rank) if k not in (*axes, *batch)]
    both: list[Label] = [("indices", axis) for axis in shared]
    if len(axes) == 1 and not batch:
        (axis,) = axes
        found = _one_axis(call, x, _index(call, indices, x, axis), axis)
        return found, [*rest[:axis], *labels, *rest[axis:]]
    if len(axes) == len(own) == 1:
        lies = [both[batch.index(k)] if k in batch else ("value", k) for k in range(x.rank)]
        lies[axes[0]] = own[0]
        order = [labels.index(label) for label in lies if label not in rest]
        places = _inside(call, call.transpose(_squeezed(call, indices), order), x.shape[axes[0]])
        ones = [axis for _, axis in rest]
        return call.one(TakeAlong(axes[0]), x, call.with_ones(places, *ones)), lies
    known = call.known(indices)
    if known is not None and known.ndim == 1:
        place = dict(zip(axes, map(int, known), strict=True))
        return call.one(Index(tuple(place.get(k, WHOLE) for k in range(x.rank))), x), rest
    walk = call.context.walks.get(x)
    last = _row_by_row(call, indices) if walk is not None and tuple(axes) == (0, 1) and not batch else None
    if walk is not None and last is not None:
        return end_of(call, walk, last), [*own, *rest]
    turned = call.transpose(x, (*batch, *axes, *(axis for _, axis in rest)))
    order = [*shared, *(labels.index(label) for label in own), indices.rank - 1]
    return call.one(GatherNd(len(batch)), turned, call.transpose(indices, order)), [*both, *own, *rest]


def _row_by_row(call: PrimitiveCall, indices: Value) -> Value | None:
    """The first part of index vectors whose second part counts the rows: `x[places, arange(n)]`."""
    joined = call.maker(indices, Concat)
    if joined is None or len(joined.inputs) != 2 or indices.rank != 2 or joined.op.axis % 2 != 1:
        return None
    places, rows = joined.inputs
    while rows not in call.context.counts:
        node = call.maker(rows, Reshape, Where)
        if node is None:
            return None
        rows = node.inputs[-1]
    return _squeezed(call, places)


def _range_at(call: PrimitiveCall, x: Value, starts: dict[int, int], sizes: Sequence[Dim]) -> Value:
    """One range of each axis that starts at a fixed place."""
    if not all(isinstance(sizes[axis], int) for axis in starts):
        raise call.refuse("a range whose length only running the model tells")
    ranges: list[Range] = []
    for axis in range(x.rank):
        start = starts.get(axis)
        ranges.append(WHOLE if start is None else (start or None, start + int(str(sizes[axis])), 1))
    return call.reshape(call.cut(x, ranges), call.out.shape)


def _clipped(call: PrimitiveCall, indices: Value, whole: Sequence[Dim], part: Sequence[Dim]) -> Value:
    """Places moved so that what is picked there lies inside."""
    room = [
        a - b if isinstance(a, int) and isinstance(b, int) else None for a, b in zip(whole, part, strict=True)
    ]
    if None in room:
        raise call.refuse("places kept inside an axis whose size only running the model tells")
    low = call.one(Binary("maximum"), indices, call.constant(0, indices.dtype))
    return call.one(Binary("minimum"), low, call.constant(np.array(room), indices.dtype))


def _spread(call: PrimitiveCall, indices: Value, axes: Sequence[int], size: Dim) -> Value:
    """Each place and those that follow it, in a new axis before the last."""
    if len(axes) > 1:
        raise call.refuse("ranges along several axes that start where the numbers say")
    if not isinstance(size, int):
        raise call.refuse("a range whose length only running the model tells")
    steps = call.constant(np.expand_dims(np.arange(size), 1), indices.dtype)
    return call.one(Binary("add"), call.with_ones(indices, indices.rank - 1), steps)


def _index(call: PrimitiveCall, indices: Value, x: Value, axis: int) -> Value:
    """The places along one axis, without their last axis, which is of size 1."""
    plain = _squeezed(call, indices)
    counted = _counting_back(call, plain)
    return plain if counted is None or not may_equal(x.shape[axis], counted[1]) else counted[0]


def _squeezed(call: PrimitiveCall, indices: Value) -> Value:
    return call.reshape(indices, indices.shape[:-1])


def _counting_back(call: PrimitiveCall, index: Value) -> tuple[Value, Dim] | None:
    """`where(i < 0, i + n, i)` as i, and n: picking counts back by itself."""
    chosen = index
    while (shaped := call.maker(chosen, Reshape)) is not None:
        chosen = shaped.inputs[0]
    node = call.maker(chosen, Where)
    if node is None:
        return None
    below, raised, plain = node.inputs
    test, total = call.maker(below, Binary), call.maker(raised, Binary)
    if test is None or total is None or test.op.function != "less" or total.op.function != "add":
        return None
    if test.inputs[0] is not plain or total.inputs[0] is not plain or call.filled(test.inputs[1]) != 0:
        return None
    size = call.filled(total.inputs[1])
    return None if size is None else (call.reshape(plain, index.shape), int(size))


def _one_axis(call: PrimitiveCall, x: Value, index: Value, axis: int) -> Value:
    known = call.known(index)
    if known is not None and known.ndim == 0:
        items = tuple(int(known) if k == axis else WHOLE for k in range(x.rank))
        return call.one(Index(items), x)
    size = x.shape[axis]
    if known is not None and isinstance(size, int) and (known >= size).any():
        raise call.refuse(f"picks cells outside an axis of {size}")
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
