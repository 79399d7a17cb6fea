"""Cutting windows out, replacing cells, padding, differences of neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.keras.layers.ops_indexing import Range
from converters.keras.operation import OpCall, operation
from porter.graph.dims import Dim, Sym
from porter.graph.model import Value
from porter.graph.ops.indexing import Scatter
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Pad, Slice


@operation("Slice")
def read_slice(op: OpCall, inputs: Any, start_indices: Any, shape: Any) -> Value:
    value = op.operand(inputs)
    starts = [int(start) for start in op.numbers(start_indices).reshape(-1)]
    rows = zip(starts, shape, value.shape, strict=True)
    return op.add(Slice(tuple(_window(op, *row) for row in rows)), value)


def _window(op: OpCall, start: int, size: Any, whole: Dim) -> Range:
    if isinstance(size, Sym):
        if size != whole or start:
            raise op.refuse("a slice is as long as a size that only a running model knows")
        return (None, None, 1)
    if size is None or int(size) == -1:
        return (start or None, None, 1)
    return (start, start + int(size), 1)


@operation("SliceUpdate")
def read_slice_update(op: OpCall, inputs: Any, start_indices: Any, updates: Any) -> Value:
    """The known part of the places, as an index vector for each cell of the update."""
    value = op.operand(inputs)
    new = op.operand(updates, value.dtype)
    starts = [int(start) for start in op.numbers(start_indices).reshape(-1)]
    sizes = [op.size(axis, new) for axis in range(new.rank)]
    rows = [np.arange(start, start + size) for start, size in zip(starts, sizes, strict=True)]
    places = np.stack(np.meshgrid(*rows, indexing="ij"), -1)
    return op.add(Scatter("set"), value, op.constant(places, "int64"), new)


UPDATES = {None: "set", "add": "add", "max": "max", "min": "min", "mul": "mul"}


@operation("ScatterUpdate")
def read_scatter_update(
    op: OpCall, inputs: Any, indices: Any, updates: Any, reduction: str | None = None
) -> Value:
    value = op.operand(inputs)
    if reduction not in UPDATES:
        raise op.refuse(f"the reduction {reduction!r} is not known")
    places = op.operand(indices, "int64")
    return op.add(Scatter(UPDATES[reduction]), value, places, op.operand(updates, value.dtype))


@operation("Scatter")
def read_scatter(op: OpCall, indices: Any, values: Any, shape: Any) -> Value:
    """Into zeros; cells that are named twice add up."""
    new = op.operand(values)
    zeros = op.constant(np.zeros([int(size) for size in op.numbers(shape)]), new.dtype)
    return op.add(Scatter("add"), zeros, op.operand(indices, "int64"), new)


PAD_MODES = {"constant": "constant", "reflect": "reflect", "symmetric": "symmetric"}


@operation("Pad")
def read_pad(
    op: OpCall, x: Any, constant_values: Any = None, pad_width: Any = 0, mode: str = "constant"
) -> Value:
    value = op.operand(x)
    told = op.numbers(pad_width)
    pads = np.broadcast_to(told, (value.rank, 2)).tolist()
    return padded(op, value, pads, mode, constant_values)


def padded(op: OpCall, value: Value, pads: Sequence[Sequence[int]], mode: str, constant: Any = None) -> Value:
    """Cells around a tensor."""
    if mode.lower() not in PAD_MODES:
        raise op.refuse(f"padding in mode {mode!r} does not exist on TensorFlow")
    number = 0.0 if constant is None else float(op.numbers(constant))
    return op.add(Pad(tuple((int(a), int(b)) for a, b in pads), PAD_MODES[mode.lower()], number), value)  # type: ignore[arg-type]


@operation("Diff")
def read_diff(op: OpCall, a: Any, n: int = 1, axis: int = -1) -> Value:
    value = op.operand(a)
    place = op.axis(axis, value.rank)
    for _ in range(n):
        later, earlier = (_part(op, value, place, cut) for cut in ((1, None, 1), (None, -1, 1)))
        value = op.binary("not_equal" if value.dtype == "bool" else "subtract", later, earlier)
    return value


def _part(op: OpCall, value: Value, axis: int, cut: Range) -> Value:
    ranges: list[Range] = [(None, None, 1)] * value.rank
    ranges[axis] = cut
    return op.add(Slice(tuple(ranges)), value)


@operation("Trapezoid")
def read_trapezoid(op: OpCall, y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Value:
    if x is not None:
        raise op.refuse("sample points are not carried; give equal distances")
    value = op.floating(y)
    place = op.axis(axis, value.rank)
    later, earlier = (_part(op, value, place, cut) for cut in ((1, None, 1), (None, -1, 1)))
    areas = op.binary("multiply", op.binary("add", later, earlier), 0.5 * dx)
    return op.add(Reduce("sum", (place,)), areas)


@operation("UnravelIndex")
def read_unravel_index(op: OpCall, indices: Any, shape: Any) -> tuple[Value, ...]:
    """Keras on TensorFlow takes the axes of more than one row of indices in the wrong order; so does this."""
    rest, result = op.operand(indices), []
    sizes = [int(size) for size in shape]
    for size in reversed(sizes) if rest.rank == 1 else sizes:
        result.append(op.binary("remainder", rest, size))
        rest = op.binary("floor_divide", rest, size)
    return tuple(reversed(result))
