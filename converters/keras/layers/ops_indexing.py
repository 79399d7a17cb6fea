"""Picking, cutting and replacing cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.keras.dtypes import is_float
from converters.keras.operation import OpCall, operation
from porter.graph.model import Value
from porter.graph.ops.elementwise import Where
from porter.graph.ops.indexing import (
    Gather,
    Index,
    OneHot,
    Split,
    TakeAlong,
    Unbind,
)
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Flip, Reshape, Slice

Range = tuple[int | None, int | None, int]
Item = int | Range | None


@operation("GetItem")
def read_get_item(op: OpCall, x: Any, key: Any) -> Value:
    return indexed(op, op.operand(x), key)


def indexed(op: OpCall, value: Value, key: Any) -> Value:
    """`value[key]`, with places, slices, None and one ellipsis."""
    told = list(key) if isinstance(key, (list, tuple)) else [key]
    items = [_item(op, part) for part in told]
    count = sum(item is not ... and item is not None for item in items)
    if count > value.rank or items.count(...) > 1:
        raise op.refuse(f"the index {key!r:.80} does not fit a tensor of rank {value.rank}")
    rest: list[Any] = [(None, None, 1)] * (value.rank - count)
    place = items.index(...) if ... in items else len(items)
    return _cut(op, value, [*items[:place], *rest, *items[place + 1 :]])


def _item(op: OpCall, part: Any) -> Any:
    if part is None or part is ...:
        return part
    if isinstance(part, slice):
        start, stop, step = (
            None if end is None else int(op.numbers(end)) for end in (part.start, part.stop, part.step)
        )
        return start, stop, 1 if step is None else step
    number = op.numbers(part)
    if number.ndim or number.dtype.kind not in "iu":
        raise op.refuse(f"only places and slices can be an index, got {part!r:.80}")
    return int(number)


def _cut(op: OpCall, value: Value, items: Sequence[Item]) -> Value:
    """Axes that run backwards are turned round first."""
    told = [item for item in items if item is not None]
    back = [axis for axis, item in enumerate(told) if isinstance(item, tuple) and item[2] < 0]
    if back:
        value = op.add(Flip(tuple(back)), value)
    turned = iter(_turned(item) if isinstance(item, tuple) and item[2] < 0 else item for item in told)
    forward = [None if item is None else next(turned) for item in items]
    ranges = [item for item in forward if isinstance(item, tuple)]
    if len(ranges) < len(forward):
        return op.add(Index(tuple(forward)), value)
    return value if set(ranges) == {(None, None, 1)} else op.add(Slice(tuple(ranges)), value)


def _turned(item: Range) -> Range:
    """The slice that does on the turned axis what `item` does on the axis itself."""
    start, stop, step = item
    return None if start is None else -1 - start, None if stop is None else -1 - stop, -step


@operation("Take")
def read_take(op: OpCall, x: Any, indices: Any, axis: Any = None) -> Value:
    value, places = op.operand(x), op.operand(indices)
    if axis is None:
        value, axis = op.add(Reshape((None,)), value), 0
    return gathered(op, value, places, op.axis(axis, value.rank))


def gathered(op: OpCall, value: Value, places: Value, axis: int) -> Value:
    """The cells of an axis that `places` names; one known place is an index."""
    known = op.builder.known(places)
    if known is not None and known.ndim == 0:
        ranges: list[Item] = [(None, None, 1)] * value.rank
        ranges[axis] = int(known)
        return op.add(Index(tuple(ranges)), value)
    if is_float(places.dtype) or places.dtype == "bool":
        places = op.cast(places, "int32")
    return op.add(Gather(axis), value, places)


def picked(op: OpCall, value: Value, places: Sequence[int], axis: int) -> Value:
    """Known places along an axis."""
    return gathered(op, value, op.constant(np.asarray(places, "int64")), axis)


@operation("TakeAlongAxis")
def read_take_along_axis(op: OpCall, x: Any, indices: Any, axis: Any = None) -> Value:
    value, places = op.operand(x), op.operand(indices, "int64")
    if axis is None:
        value, axis = op.add(Reshape((None,)), value), 0
    place = op.axis(axis, value.rank)
    size = value.shape[place]
    if isinstance(size, int):
        wrapped = op.binary("add", places, size)
        places = op.add(Where(), op.binary("less", places, 0), wrapped, places)
    return op.add(TakeAlong(place), value, places)


@operation("Split")
def read_split(op: OpCall, x: Any, indices_or_sections: Any, axis: Any = 0) -> tuple[Value, ...]:
    value = op.operand(x)
    return cut_at(op, value, indices_or_sections, op.axis(axis, value.rank))


def cut_at(op: OpCall, value: Value, told: Any, axis: int) -> tuple[Value, ...]:
    """Pieces of an axis: so many equal ones, or cut at these places."""
    size = op.size(axis, value)
    numbers = op.numbers(told)
    if numbers.ndim == 0:
        if size % int(numbers):
            raise op.refuse(f"an axis of {size} cannot be cut into {int(numbers)} equal pieces")
        return pieces(op, value, [size // int(numbers)] * int(numbers), axis)
    ends = [int(end) for end in numbers]
    return pieces(op, value, np.diff([0, *ends, size]).tolist(), axis)


def pieces(op: OpCall, value: Value, sizes: Sequence[int], axis: int) -> tuple[Value, ...]:
    """Pieces of these sizes."""
    if len(sizes) == 1:
        return (value,)
    return op.builder.add(Split(tuple(int(size) for size in sizes), axis), value)


@operation("ArraySplit")
def read_array_split(op: OpCall, x: Any, indices_or_sections: Any, axis: Any = 0) -> tuple[Value, ...]:
    value, count = op.operand(x), int(op.numbers(indices_or_sections))
    place = op.axis(axis, value.rank)
    size = op.size(place, value)
    return pieces(op, value, [size // count + (piece < size % count) for piece in range(count)], place)


@operation("Hsplit")
def read_hsplit(op: OpCall, x: Any, indices_or_sections: Any) -> tuple[Value, ...]:
    value = op.operand(x)
    return cut_at(op, value, indices_or_sections, 0 if value.rank == 1 else 1)


@operation("Vsplit")
def read_vsplit(op: OpCall, x: Any, indices_or_sections: Any) -> tuple[Value, ...]:
    return cut_at(op, op.operand(x), indices_or_sections, 0)


@operation("Dsplit")
def read_dsplit(op: OpCall, x: Any, indices_or_sections: Any) -> tuple[Value, ...]:
    return cut_at(op, op.operand(x), indices_or_sections, 2)


@operation("Unstack")
def read_unstack(op: OpCall, x: Any, num: Any = None, axis: Any = 0) -> tuple[Value, ...]:
    value = op.operand(x)
    place = op.axis(axis, value.rank)
    count = op.size(place, value) if num is None else int(num)
    return op.builder.add(Unbind(count, place), value)


@operation("OneHot")
def read_one_hot(
    op: OpCall, x: Any, num_classes: int, axis: int = -1, dtype: str | None = None, sparse: bool = False
) -> Value:
    if sparse:
        raise op.refuse("sparse tensors are not carried")
    places = op.operand(x)
    places = places if "int" in places.dtype else op.cast(places, "int64")
    return one_hot(op, places, int(num_classes), axis, dtype or op.strong(0.0))


def one_hot(op: OpCall, places: Value, classes: int, axis: int, dtype: str) -> Value:
    """1 at each place on a new axis."""
    return op.add(OneHot(classes, op.axis(axis, places.rank + 1), dtype), places)


@operation("MultiHot")
def read_multi_hot(
    op: OpCall,
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: str | None = None,
    sparse: bool = False,
    num_tokens: int | None = None,
) -> Value:
    classes = num_classes if num_classes is not None else num_tokens
    if sparse or classes is None:
        raise op.refuse("sparse tensors are not carried, and the number of classes must be told")
    places = op.operand(inputs, "int64")
    folded = 1 if places.rank > 1 else 0
    hot = one_hot(op, places, int(classes), axis, dtype or op.strong(0.0))
    return op.add(Reduce("max", (folded,)), hot)
