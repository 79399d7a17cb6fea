"""Rearrangements by pattern, Kronecker products, and windows of a sequence."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from converters.keras.layers.ops_indexing import gathered
from converters.keras.layers.ops_shape import transposed, with_ones
from converters.keras.operation import OpCall, operation
from porter.graph.model import Value
from porter.graph.ops.reshaping import Reshape
from porter.graph.regroup import Kept

Group = tuple[str, ...]


@operation("Rearrange")
def read_rearrange(op: OpCall, tensor: Any, pattern: str, **axes_lengths: int) -> Value:
    value = op.operand(tensor)
    before, arrow, after = pattern.partition("->")
    left, right = _groups(before), _groups(after)
    names = [name for group in left for name in group]
    wanted = [name for group in right for name in group]
    if (
        not arrow
        or sorted(names) != sorted(wanted)
        or len(left) != value.rank
        or len(set(names)) < len(names)
    ):
        raise op.refuse(f"the pattern {pattern!r} does not fit a tensor of rank {value.rank}")
    sizes = _sizes(op, value, left, axes_lengths)
    value = _split(op, value, left, sizes)
    value = transposed(op, value, [names.index(name) for name in wanted])
    return _merged(op, value, right, sizes)


def _groups(side: str) -> list[Group]:
    """`b (h w) c` as names in groups; an axis of its own is a group of one."""
    return [tuple(part.strip("()").split()) for part in re.findall(r"\([^)]*\)|\S+", side)]


def _sizes(
    op: OpCall, value: Value, groups: Sequence[Group], told: Mapping[str, int]
) -> dict[str, int | None]:
    """The size of each name; None where only a running model knows."""
    sizes: dict[str, int | None] = {name: int(size) for name, size in told.items()}
    for axis, group in enumerate(groups):
        own = value.shape[axis]
        open_ = [name for name in group if name not in sizes]
        if len(open_) > 1:
            raise op.refuse(f"the sizes of {', '.join(open_)} are told by nothing")
        known = math.prod(sizes[name] or 1 for name in group if name in sizes)
        for name in open_:
            sizes[name] = own // known if isinstance(own, int) else None
    return sizes


def _split(op: OpCall, value: Value, groups: Sequence[Group], sizes: Mapping[str, int | None]) -> Value:
    if all(len(group) == 1 for group in groups):
        return value
    shape: list[int | Kept | None] = []
    for axis, group in enumerate(groups):
        shape += [Kept(axis)] if len(group) == 1 else [sizes[name] for name in group]
    return _reshaped(op, value, shape)


def _merged(op: OpCall, value: Value, groups: Sequence[Group], sizes: Mapping[str, int | None]) -> Value:
    if all(len(group) == 1 for group in groups):
        return value
    shape: list[int | Kept | None] = []
    axis = 0
    for group in groups:
        known = [size for name in group if (size := sizes[name]) is not None]
        whole = math.prod(known) if len(known) == len(group) else None
        shape.append(Kept(axis) if len(group) == 1 else whole)
        axis += len(group)
    return _reshaped(op, value, shape)


def _reshaped(op: OpCall, value: Value, shape: Sequence[int | Kept | None]) -> Value:
    if list(shape).count(None) > 1:
        raise op.refuse("more than one merged axis has a size that only a running model knows")
    return op.add(Reshape(tuple(shape)), value)


@operation("Kron")
def read_kron(op: OpCall, x1: Any, x2: Any) -> Value:
    """Every cell of the first times the whole of the second."""
    left, right = op.promoted(x1, x2, strong=True)
    rank = max(left.rank, right.rank)
    left, right = (
        with_ones(op, part, range(rank - part.rank)) if part.rank < rank else part for part in (left, right)
    )
    sizes = [[op.size(axis, part) for axis in range(rank)] for part in (left, right)]
    spread = with_ones(op, left, range(1, 2 * rank, 2)), with_ones(op, right, range(0, 2 * rank, 2))
    product = op.binary("multiply", *spread)
    return op.add(Reshape(tuple(a * b for a, b in zip(*sizes, strict=True))), product)


@operation("ExtractSequences")
def read_extract_sequences(op: OpCall, x: Any, sequence_length: int, sequence_stride: int) -> Value:
    """Windows of the last axis, as many as are whole."""
    value = op.operand(x)
    size, length, stride = op.size(-1, value), int(sequence_length), int(sequence_stride)
    starts = np.arange(0, max(size - length + 1, 0), stride)
    places = op.constant(starts[:, None] + np.arange(length), "int64")
    return gathered(op, value, places, value.rank - 1)
