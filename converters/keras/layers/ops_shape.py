"""The same numbers in another shape or place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.keras.operation import OpCall, operation
from converters.keras.sizes import reshaped_to, spread
from porter.graph.dims import Sym, may_equal
from porter.graph.model import Value
from porter.graph.ops.indexing import Expand, Roll
from porter.graph.ops.reshaping import Flip, Reshape, Transpose
from porter.graph.regroup import Kept


def reshaped(op: OpCall, value: Value, wanted: Sequence[Any]) -> Value:
    """A reshape as Keras writes it: -1 (or None) is what is left over; a size may be known by name only."""
    if any(isinstance(size, Sym) for size in wanted):
        return reshaped_to(op, value, [-1 if size is None else size for size in wanted])
    sizes = [None if size is None or int(size) == -1 else int(size) for size in wanted]
    shape: list[int | Kept | None] = []
    for place, size in enumerate(sizes):
        same = (
            place < value.rank
            and not isinstance(value.shape[place], int)
            and _kept_so_far(value, sizes, place)
        )
        named = wanted[place] is None and place < value.rank
        shape.append(Kept(place) if size is None and (same or named) else size)
    if shape.count(None) > 1:
        raise op.refuse(f"the target shape {tuple(wanted)} leaves more than one size open")
    return op.add(Reshape(tuple(shape)), value)


def _kept_so_far(value: Value, sizes: Sequence[int | None], place: int) -> bool:
    """Whether -1 at `place` must be the input's own axis there: everything else has the input's sizes."""
    others = [k for k in range(max(value.rank, len(sizes))) if k != place]
    before = [value.shape[k] for k in others if k < value.rank]
    after = [sizes[k] for k in others if k < len(sizes)]
    product_before = product_after = 1
    for dim in before:
        if not isinstance(dim, int):
            return False
        product_before *= dim
    for size in after:
        if size is None:
            return False
        product_after *= size
    return product_before == product_after


@operation("Reshape")
def read_reshape(op: OpCall, x: Any, newshape: Any) -> Value:
    return reshaped(op, op.operand(x), newshape if isinstance(newshape, (list, tuple)) else [newshape])


@operation("Ravel")
def read_ravel(op: OpCall, x: Any) -> Value:
    return flat(op, op.operand(x))


def flat(op: OpCall, value: Value) -> Value:
    """All cells in one row."""
    return value if value.rank == 1 else op.add(Reshape((None,)), value)


@operation("Transpose")
def read_transpose(op: OpCall, x: Any, axes: Any = None) -> Value:
    value = op.operand(x)
    perm = op.axes(axes, value.rank) if axes else tuple(reversed(range(value.rank)))
    return transposed(op, value, perm)


def transposed(op: OpCall, value: Value, perm: Sequence[int]) -> Value:
    """A transposition, unless nothing moves."""
    return value if list(perm) == sorted(perm) else op.add(Transpose(tuple(perm)), value)


@operation("Swapaxes")
def read_swapaxes(op: OpCall, x: Any, axis1: int, axis2: int) -> Value:
    value = op.operand(x)
    perm = list(range(value.rank))
    first, second = op.axis(axis1, value.rank), op.axis(axis2, value.rank)
    perm[first], perm[second] = perm[second], perm[first]
    return transposed(op, value, perm)


@operation("Moveaxis")
def read_moveaxis(op: OpCall, x: Any, source: Any, destination: Any) -> Value:
    value = op.operand(x)
    return moved_axes(op, value, op.axes(source, value.rank), op.axes(destination, value.rank))


def moved_axes(op: OpCall, value: Value, source: Sequence[int], destination: Sequence[int]) -> Value:
    """Axes brought to other places; the rest keep their order."""
    perm = [axis for axis in range(value.rank) if axis not in source]
    for place, axis in sorted(zip(destination, source, strict=True)):
        perm.insert(place, axis)
    return transposed(op, value, perm)


@operation("ExpandDims")
def read_expand_dims(op: OpCall, x: Any, axis: Any) -> Value:
    value = op.operand(x)
    count = len(axis) if isinstance(axis, (list, tuple)) else 1
    return with_ones(op, value, op.axes(axis, value.rank + count))


def with_ones(op: OpCall, value: Value, places: Sequence[int]) -> Value:
    """New axes of size 1 at these places of the result."""
    rest = iter(range(value.rank))
    shape = [1 if place in places else Kept(next(rest)) for place in range(value.rank + len(places))]
    return op.add(Reshape(tuple(shape)), value)


@operation("Squeeze")
def read_squeeze(op: OpCall, x: Any, axis: Any = None) -> Value:
    value = op.operand(x)
    ones = [place for place, size in enumerate(value.shape) if size == 1]
    places = ones if axis is None else op.axes(axis, value.rank)
    for place in places:
        if not may_equal(value.shape[place], 1):
            raise op.refuse(f"axis {place} cannot be dropped: its size is {value.shape[place]}")
    return without_ones(op, value, places)


def without_ones(op: OpCall, value: Value, places: Sequence[int]) -> Value:
    """The value without these axes of size 1."""
    kept = tuple(Kept(axis) for axis in range(value.rank) if axis not in places)
    return op.add(Reshape(kept), value) if places else value


@operation("Roll")
def read_roll(op: OpCall, x: Any, shift: Any, axis: Any = None) -> Value:
    value = op.operand(x)
    shifts = tuple(int(n) for n in op.numbers(shift).reshape(-1))
    if axis is None:
        back = (Kept(0), *value.shape[1:]) if value.rank > 1 else None
        rolled = op.add(Roll((sum(shifts),), (0,)), flat(op, value))
        return rolled if back is None else _unflattened(op, rolled, value)
    axes = op.axes(axis, value.rank)
    return op.add(Roll(shifts if len(shifts) == len(axes) else shifts * len(axes), axes), value)


def _unflattened(op: OpCall, rolled: Value, like: Value) -> Value:
    sizes = [size if isinstance(size, int) else None for size in like.shape]
    if sizes.count(None) > 1:
        raise op.refuse("rolling over all axes needs sizes that are known")
    return op.add(Reshape(tuple(sizes)), rolled)


@operation("Flip")
def read_flip(op: OpCall, x: Any, axis: Any = None) -> Value:
    value = op.operand(x)
    return op.add(Flip(tuple(sorted(op.axes(axis, value.rank)))), value)


@operation("Fliplr")
def read_fliplr(op: OpCall, x: Any) -> Value:
    return op.add(Flip((1,)), op.operand(x))


@operation("Flipud")
def read_flipud(op: OpCall, x: Any) -> Value:
    return op.add(Flip((0,)), op.operand(x))


@operation("Rot90")
def read_rot90(op: OpCall, array: Any, k: int = 1, axes: Any = (0, 1)) -> Value:
    value = op.operand(array)
    first, second = op.axes(axes, value.rank)
    if k % 4 == 2 and value.shape[first] != value.shape[second]:
        raise op.refuse(
            "Keras on TensorFlow mixes up the cells of what is not square when it turns it by 180 degrees"
        )
    if k % 4 == 2:
        return op.add(Flip(tuple(sorted((first, second)))), value)
    if k % 4 == 0:
        return value
    value = op.add(Flip((second if k % 4 == 1 else first,)), value)
    perm = list(range(value.rank))
    perm[first], perm[second] = second, first
    return transposed(op, value, perm)


@operation("BroadcastTo")
def read_broadcast_to(op: OpCall, x: Any, shape: Any) -> Value:
    if any(isinstance(size, Sym) for size in shape):
        return spread(op, op.operand(x), shape)
    return op.add(Expand(tuple(None if size is None else int(size) for size in shape)), op.operand(x))
