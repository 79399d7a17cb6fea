"""TensorFlow's picking of cells, and new tensors of one number, as nodes of a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.keras.layers.ops_indexing import gathered
from converters.keras.layers.ops_shape import with_ones
from converters.keras.layers.tf_arithmetic import dtype_name
from converters.keras.layers.tf_shape import known_shape
from converters.keras.operation import OpCall, function
from converters.keras.sizes import spread, wanted_sizes
from porter.graph.dims import Dim, Sym
from porter.graph.model import Value
from porter.graph.ops.elementwise import Fill
from porter.graph.ops.indexing import GatherNd, OneHot
from porter.graph.ops.reshaping import Slice


@function("slice")
def read_slice(op: OpCall, input_: Any, begin: Any, size: Any) -> Value:
    value = op.operand(input_)
    starts, sizes = op.numbers(begin).reshape(-1), wanted_sizes(op, size)
    ranges: list[tuple[int | None, int | None, int]] = []
    for axis, (start, count) in enumerate(zip(starts, sizes, strict=True)):
        rest = count == -1 or (isinstance(count, Sym) and count == value.shape[axis] and start == 0)
        if isinstance(count, Sym) and not rest:
            raise op.refuse("a window of a size that only a running model knows is not carried")
        ranges.append((int(start) or None, _end(int(start), count, rest), 1))
    return op.add(Slice(tuple(ranges)), value)


def _end(start: int, count: Dim, rest: bool) -> int | None:
    return None if rest or not isinstance(count, int) else start + count


@function("gather")
def read_gather(
    op: OpCall, params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, batch_dims: int = 0
) -> Value:
    value, places = op.operand(params), op.operand(indices)
    if batch_dims:
        return _gathered_by_row(
            op, value, places, op.axis(axis if axis is not None else batch_dims, value.rank), batch_dims
        )
    return gathered(op, value, places, op.axis(0 if axis is None else axis, value.rank))


def _gathered_by_row(op: OpCall, value: Value, places: Value, axis: int, batch: int) -> Value:
    if axis != batch:
        raise op.refuse("gathering by row is carried along the axis behind the rows only")
    return op.add(GatherNd(batch), value, with_ones(op, places, [places.rank]))


@function("gather_nd")
def read_gather_nd(
    op: OpCall, params: Any, indices: Any, batch_dims: int = 0, bad_indices_policy: str = ""
) -> Value:
    return op.add(GatherNd(int(batch_dims)), op.operand(params), op.operand(indices))


@function("nn.embedding_lookup")
def read_embedding_lookup(
    op: OpCall,
    params: Any,
    ids: Any,
    partition_strategy: Any = None,
    validate_indices: Any = None,
    max_norm: Any = None,
) -> Value:
    if max_norm is not None:
        raise op.refuse("vectors clipped to a length are not carried")
    return gathered(op, op.operand(params), op.operand(ids), 0)


@function("one_hot")
def read_one_hot(
    op: OpCall,
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = None,
    dtype: Any = None,
) -> Value:
    value = op.operand(indices)
    if on_value not in (None, 1) or off_value not in (None, 0):
        raise op.refuse(f"other values than 1 and 0 ({on_value}, {off_value}) are not carried")
    place = op.axis(-1 if axis is None else axis, value.rank + 1)
    kind = "float32" if dtype is None else dtype_name(op, dtype)
    return op.add(OneHot(int(op.numbers(depth)), place, kind), value)


def _filled(number: float) -> Any:
    def read(op: OpCall, input: Any, dtype: Any = None, layout: Any = None, optimize: bool = True) -> Value:
        value = op.operand(input)
        return op.add(Fill(number, value.dtype if dtype is None else dtype_name(op, dtype)), value)

    return read


function("ones_like")(_filled(1.0))


function("zeros_like")(_filled(0.0))


@function("zeros")
def read_zeros(op: OpCall, shape: Any, dtype: Any = "float32", layout: Any = None) -> Value:
    return _new(op, shape, 0.0, dtype_name(op, dtype))


@function("ones")
def read_ones(op: OpCall, shape: Any, dtype: Any = "float32", layout: Any = None) -> Value:
    return _new(op, shape, 1.0, dtype_name(op, dtype))


@function("fill")
def read_fill(op: OpCall, dims: Any, value: Any, layout: Any = None) -> Value:
    return _new(op, dims, op.numbers(value).item(), op.strong(value))


def _new(op: OpCall, shape: Any, number: float, dtype: str) -> Value:
    """One number everywhere, in sizes that may be known by name only."""
    sizes = wanted_sizes(op, shape)
    known = [size for size in sizes if isinstance(size, int)]
    if len(known) == len(sizes):
        return op.constant(np.full(known, number), dtype)
    return spread(op, op.constant(np.full([1] * len(sizes), number), dtype), sizes)


@function("range")
def read_range(op: OpCall, start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None) -> Value:
    low, high = (0, start) if limit is None else (start, limit)
    ends = [known_shape(op, wanted_sizes(op, end))[0] for end in (low, high)]
    row = np.arange(ends[0], ends[1], int(op.numbers(delta)))
    return op.constant(row, "int32" if dtype is None else dtype_name(op, dtype))
