"""TensorFlow's reshaping, joining, cutting and picking as nodes of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.keras.layers.ops_indexing import gathered, pieces
from converters.keras.layers.ops_joining import joined, stacked
from converters.keras.layers.ops_shape import transposed, with_ones, without_ones
from converters.keras.layers.ops_updating import padded
from converters.keras.layers.tf_arithmetic import dtype_name
from converters.keras.operation import OpCall, function
from converters.keras.sizes import known_sizes, record, reshaped_to, spread, wanted_sizes
from porter.graph.dims import Sym
from porter.graph.model import Value
from porter.graph.ops.indexing import Roll, ShapeOf, Unbind
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Flip, Repeat, Tile


@function("shape", "shape_v2")
def read_shape(op: OpCall, input: Any, out_type: Any = "int32") -> Value:
    value = op.operand(input)
    return record(op, op.add(ShapeOf(dtype_name(op, out_type)), value), value.shape)


@function("rank")
def read_rank(op: OpCall, input: Any) -> Value:
    return op.constant(op.operand(input).rank, "int32")


@function("size")
def read_size(op: OpCall, input: Any, out_type: Any = "int32") -> Value:
    sizes = op.add(ShapeOf(dtype_name(op, out_type)), op.operand(input))
    return op.add(Reduce("prod", (0,)), sizes)


@function("reshape")
def read_reshape(op: OpCall, tensor: Any, shape: Any) -> Value:
    return reshaped_to(op, op.operand(tensor), wanted_sizes(op, shape))


@function("expand_dims")
def read_expand_dims(op: OpCall, input: Any, axis: Any = None, dim: Any = None) -> Value:
    value = op.operand(input)
    result = with_ones(op, value, [op.axis(axis if dim is None else dim, value.rank + 1)])
    sizes = known_sizes(op, input)
    return result if sizes is None or result.rank > 1 else record(op, result, sizes)


@function("squeeze")
def read_squeeze(op: OpCall, input: Any, axis: Any = None, squeeze_dims: Any = None) -> Value:
    value = op.operand(input)
    told = squeeze_dims if axis is None else axis
    ones = [place for place, size in enumerate(value.shape) if size == 1]
    return without_ones(op, value, op.axes(told, value.rank) if told not in (None, []) else ones)


@function("transpose")
def read_transpose(op: OpCall, a: Any, perm: Any = None, conjugate: bool = False) -> Value:
    value = op.operand(a)
    order = op.axes(perm, value.rank) if perm is not None else tuple(reversed(range(value.rank)))
    return transposed(op, value, order)


def _listed(op: OpCall, values: Any) -> list[Value]:
    items = list(values) if isinstance(values, (list, tuple)) else [values]
    tensors = [item for item in items if isinstance(item, Value)]
    dtype = tensors[0].dtype if tensors else None
    return [op.operand(item, dtype) for item in items]


@function("concat")
def read_concat(op: OpCall, values: Any, axis: Any = 0) -> Value:
    listed = _listed(op, values)
    result = joined(op, listed, op.axis(axis, listed[0].rank))
    sizes = known_sizes(op, values)
    return result if sizes is None or result.rank != 1 else record(op, result, sizes)


@function("stack")
def read_stack(op: OpCall, values: Any, axis: Any = 0) -> Value:
    result = stacked(op, _listed(op, values), axis)
    sizes = known_sizes(op, values)
    return result if sizes is None or result.rank != 1 else record(op, result, sizes)


@function("unstack")
def read_unstack(op: OpCall, value: Any, num: int | None = None, axis: Any = 0) -> tuple[Value, ...]:
    given = op.operand(value)
    place = op.axis(axis, given.rank)
    sizes = known_sizes(op, value)
    parts = op.builder.add(Unbind(op.size(place, given) if num is None else int(num), place), given)
    if sizes is not None:
        parts = tuple(record(op, part, [size]) for part, size in zip(parts, sizes, strict=True))
    return parts


@function("split")
def read_split(
    op: OpCall, value: Any, num_or_size_splits: Any, axis: Any = 0, num: int | None = None
) -> tuple[Value, ...]:
    given = op.operand(value)
    place = op.axis(axis, given.rank)
    told = op.numbers(num_or_size_splits)
    size = op.size(place, given)
    if told.ndim == 0:
        return pieces(op, given, [size // int(told)] * int(told), place)
    sizes = [int(count) for count in told]
    open_ = size - sum(count for count in sizes if count >= 0)
    return pieces(op, given, [open_ if count < 0 else count for count in sizes], place)


@function("tile")
def read_tile(op: OpCall, input: Any, multiples: Any) -> Value:
    value, times = op.operand(input), wanted_sizes(op, multiples)
    known = [count for count in times if isinstance(count, int)]
    if len(known) == len(times):
        return op.add(Tile(tuple(known)), value)
    rows = list(zip(times, value.shape, strict=True))
    if any(isinstance(count, Sym) and size != 1 for count, size in rows):
        raise op.refuse("an axis repeated as often as only a running model knows is carried for a size of 1")
    value = op.add(Tile(tuple(count if isinstance(count, int) else 1 for count in times)), value)
    return spread(
        op,
        value,
        [count if isinstance(count, Sym) else size for count, size in zip(times, value.shape, strict=True)],
    )


@function("repeat")
def read_repeat(op: OpCall, input: Any, repeats: Any, axis: Any = None) -> Value:
    value, times = op.operand(input), op.numbers(repeats).reshape(-1)
    value = reshaped_to(op, value, [-1]) if axis is None else value
    place = op.axis(0 if axis is None else axis, value.rank)
    if len(set(times.tolist())) == 1:
        return op.add(Repeat(int(times[0]), place), value)
    order = np.repeat(np.arange(len(times)), times)
    return gathered(op, value, op.constant(order, "int64"), place)


@function("reverse")
def read_reverse(op: OpCall, tensor: Any, axis: Any) -> Value:
    value = op.operand(tensor)
    return op.add(Flip(tuple(sorted(op.axes(axis, value.rank)))), value)


@function("image.flip_left_right")
def read_flip_left_right(op: OpCall, image: Any) -> Value:
    value = op.operand(image)
    return op.add(Flip((value.rank - 2,)), value)


@function("image.flip_up_down")
def read_flip_up_down(op: OpCall, image: Any) -> Value:
    value = op.operand(image)
    return op.add(Flip((value.rank - 3,)), value)


@function("roll")
def read_roll(op: OpCall, input: Any, shift: Any, axis: Any) -> Value:
    value = op.operand(input)
    axes, shifts = op.axes(axis, value.rank), op.numbers(shift).reshape(-1)
    return op.add(Roll(tuple(int(count) for count in shifts), axes), value)


@function("pad")
def read_pad(
    op: OpCall, tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0
) -> Value:
    return padded(op, op.operand(tensor), op.numbers(paddings).tolist(), mode, constant_values)


@function("broadcast_to")
def read_broadcast_to(op: OpCall, input: Any, shape: Any) -> Value:
    return spread(op, op.operand(input), wanted_sizes(op, shape))


def known_shape(op: OpCall, sizes: Sequence[Any]) -> list[int]:
    """A shape that is known in numbers."""
    known = [size for size in sizes if isinstance(size, int)]
    if len(known) < len(sizes):
        raise op.refuse("a new tensor of a size that only a running model knows is not carried")
    return known
