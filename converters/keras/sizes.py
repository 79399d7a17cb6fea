"""Sizes that a model computes with: `tf.shape(x)`, a part of it, a product of two.

Such values are tensors in the graph like any other; what they stand for is remembered beside them, so that
a reshape to `(tf.shape(x)[0], 20)` becomes a reshape that keeps an axis, and the tensors are never needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.keras.operation import OpCall
from porter.graph.dims import Dim, Sym
from porter.graph.model import Value
from porter.graph.ops.indexing import Expand
from porter.graph.ops.reshaping import Reshape
from porter.graph.regroup import Kept


def record(op: OpCall, value: Value, sizes: Sequence[Dim]) -> Value:
    """Remember what a value of sizes stands for."""
    op.context.sizes[value] = tuple(sizes)
    return value


def known_sizes(op: OpCall, item: Any) -> tuple[Dim, ...] | None:
    """The sizes that a value, a number or a list of both stands for; None where it is something else."""
    if isinstance(item, Value):
        if item in op.context.sizes:
            return op.context.sizes[item]
        known = op.builder.known(item)
        whole = known is not None and known.ndim <= 1 and known.dtype.kind in "iu"
        return tuple(int(size) for size in known.reshape(-1)) if whole and known is not None else None
    if isinstance(item, Sym):
        return (item,)
    if isinstance(item, (list, tuple)):
        parts = [known_sizes(op, part) for part in item]
        return (
            None
            if any(part is None for part in parts)
            else tuple(size for part in parts for size in part or ())
        )
    numbers = op.numbers(item)
    return tuple(int(size) for size in numbers.reshape(-1)) if numbers.dtype.kind in "iu" else None


def wanted_sizes(op: OpCall, item: Any) -> tuple[Dim, ...]:
    """The sizes that an argument stands for, which must be known in terms of the model's own."""
    sizes = known_sizes(op, item)
    if sizes is None:
        raise op.refuse("a shape is computed from numbers that only a running model knows")
    return sizes


def reshaped_to(op: OpCall, value: Value, sizes: Sequence[Dim]) -> Value:
    """A reshape to sizes of which some are the input's own, by name, and one may be left over (-1)."""
    shape: list[int | Kept | None] = []
    for place, size in enumerate(sizes):
        if isinstance(size, Sym):
            axes = [axis for axis, dim in enumerate(value.shape) if dim == size]
            best = place if place in axes else next(iter(axes), None)
            shape.append(None if best is None else Kept(best))
        else:
            shape.append(None if size == -1 else size)
    if shape.count(None) > 1:
        raise op.refuse("a shape with more than one size that only a running model knows is not carried")
    return op.add(Reshape(tuple(shape)), value)


def spread(op: OpCall, value: Value, sizes: Sequence[Dim]) -> Value:
    """A value repeated along axes of size 1 to sizes of which some are known by name only."""
    own = (*(1 for _ in range(len(sizes) - value.rank)), *value.shape)
    open_ = {size for have, size in zip(own, sizes, strict=True) if isinstance(size, Sym) and have != size}
    if not open_:
        return op.add(Expand(tuple(None if isinstance(size, Sym) else size for size in sizes)), value)
    like = _with_sizes(op, open_)
    shape = [
        None if have == size else Kept(like.shape.index(size)) if isinstance(size, Sym) else size
        for have, size in zip(own, sizes, strict=True)
    ]
    return op.add(Expand(tuple(shape)), value, like)


def _with_sizes(op: OpCall, names: set[Sym]) -> Value:
    """A tensor that has all these sizes."""
    for value in op.context.inputs:
        if names <= set(value.shape):
            return value
    for node in op.builder.nodes:
        for value in (*node.inputs, *node.outputs):
            if names <= set(value.shape):
                return value
    raise op.refuse("a tensor of sizes that no other tensor of the model has is not carried")
