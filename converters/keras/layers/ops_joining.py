"""Tensors joined, stacked and repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.keras.layers.ops_indexing import picked
from converters.keras.layers.ops_shape import flat, with_ones
from converters.keras.operation import OpCall, operation
from converters.keras.sizes import spread
from porter.graph.dims import Sym
from porter.graph.model import Value
from porter.graph.ops.indexing import Stack
from porter.graph.ops.reshaping import Concat, Repeat, Tile


@operation("Concatenate")
def read_concatenate(op: OpCall, xs: Sequence[Any], axis: Any = 0) -> Value:
    return joined(op, op.promoted(*xs, strong=True), axis)


def joined(op: OpCall, values: Sequence[Value], axis: Any) -> Value:
    """Tensors one after another."""
    if axis is None:
        return op.add(Concat(0), *(flat(op, value) for value in values))
    return op.add(Concat(op.axis(axis, values[0].rank)), *values) if len(values) > 1 else values[0]


@operation("Append")
def read_append(op: OpCall, x1: Any, x2: Any, axis: Any = None) -> Value:
    return joined(op, op.promoted(x1, x2, strong=True), axis)


@operation("Stack")
def read_stack(op: OpCall, x: Sequence[Any], axis: Any = 0) -> Value:
    return stacked(op, op.promoted(*x), axis)


def stacked(op: OpCall, values: Sequence[Value], axis: Any) -> Value:
    """Tensors side by side along a new axis."""
    return op.add(Stack(op.axis(axis, values[0].rank + 1)), *values)


@operation("Hstack")
def read_hstack(op: OpCall, xs: Sequence[Any]) -> Value:
    values = op.promoted(*xs)
    return joined(op, values, 0 if values[0].rank == 1 else 1)


@operation("Vstack")
def read_vstack(op: OpCall, xs: Sequence[Any]) -> Value:
    return joined(op, [_at_least(op, value, 2, ahead=True) for value in op.promoted(*xs)], 0)


@operation("Dstack")
def read_dstack(op: OpCall, xs: Sequence[Any]) -> Value:
    values = [_at_least(op, value, 2, ahead=True) for value in op.promoted(*xs, strong=True)]
    return joined(op, [_at_least(op, value, 3, ahead=False) for value in values], 2)


def _at_least(op: OpCall, value: Value, rank: int, *, ahead: bool) -> Value:
    missing = rank - value.rank
    if missing <= 0:
        return value
    return with_ones(op, value, range(missing) if ahead else range(value.rank, rank))


@operation("Tile")
def read_tile(op: OpCall, x: Any, repeats: Any) -> Value:
    value = op.operand(x)
    listed = list(repeats) if isinstance(repeats, (list, tuple)) else [repeats]
    if any(isinstance(count, Sym) for count in listed):
        return _tiled_by_name(op, value, listed)
    times = [int(n) for n in op.numbers(repeats).reshape(-1)]
    times = [1] * (value.rank - len(times)) + times
    value = _at_least(op, value, len(times), ahead=True)
    return op.add(Tile(tuple(times)), value)


def _tiled_by_name(op: OpCall, value: Value, times: Sequence[Any]) -> Value:
    """Repeated as often as a size says that is known by name only: axes of size 1 alone."""
    times = [1] * (value.rank - len(times)) + list(times)
    value = _at_least(op, value, len(times), ahead=True)
    pairs = list(zip(value.shape, times, strict=True))
    if any(isinstance(count, Sym) and size != 1 for size, count in pairs):
        raise op.refuse("an axis of several cells is repeated as often as the batch has rows")
    plain = tuple(1 if isinstance(count, Sym) else int(count) for count in times)
    value = value if set(plain) == {1} else op.add(Tile(plain), value)
    pairs = list(zip(value.shape, times, strict=True))
    return spread(op, value, [count if isinstance(count, Sym) else size for size, count in pairs])


@operation("Repeat")
def read_repeat(op: OpCall, x: Any, repeats: Any, axis: Any = None) -> Value:
    value = flat(op, op.operand(x)) if axis is None else op.operand(x)
    place = op.axis(axis or 0, value.rank)
    if isinstance(repeats, Sym):
        return _tiled_by_name(op, value, [repeats if k == place else 1 for k in range(value.rank)])
    times = [int(n) for n in op.numbers(repeats).reshape(-1)]
    if len(set(times)) == 1:
        return op.add(Repeat(times[0], place), value)
    order = [cell for cell, count in enumerate(times) for _ in range(count)]
    return picked(op, value, order, place)
