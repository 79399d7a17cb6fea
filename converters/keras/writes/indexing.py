"""Picking cells."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import Any

from converters.keras.rules import rules
from converters.keras.writes.making import op, own_layer
from converters.keras.writes.reshaping import ranged, write_slice
from porter.errors import UnsupportedModel
from porter.graph.dims import Dim
from porter.graph.model import Node
from porter.graph.ops.indexing import (
    Expand,
    Gather,
    GatherNd,
    Index,
    OneHot,
    Roll,
    Scatter,
    ShapeOf,
    Split,
    Stack,
    TakeAlong,
    Unbind,
)
from porter.graph.ops.reshaping import Slice
from porter.graph.regroup import Kept
from porter.source.code import Expression, List, binary, index
from porter.writing.forms import Form, Inline, Layer
from porter.writing.settings import subscripts


@rules.writes(Index)
def write_index(op_: Index, node: Node) -> Form:
    back = [axis for axis, part in enumerate(_parts(op_)) if isinstance(part, tuple) and part[2] < 0]
    if back:
        return _backwards(op_, node)
    return Inline(lambda x: ranged(x, subscripts(op_.items)), simple=True)


def _parts(op_: Index) -> list[Any]:
    return [item for item in op_.items if item is not None]


def _backwards(op_: Index, node: Node) -> Form:
    """First the ranges, which may run backwards, then places and new axes."""
    ranges = tuple(item if isinstance(item, tuple) else (None, None, 1) for item in _parts(op_))
    first = write_slice(Slice(ranges), node)
    then = tuple((None, None, 1) if isinstance(item, tuple) else item for item in op_.items)
    second = write_index(Index(then), node)
    assert isinstance(first, Inline)
    assert isinstance(second, Inline)
    return Inline(lambda x: second.build(first.build(x)))


@rules.writes(ShapeOf)
def write_shape_of(op_: ShapeOf, node: Node) -> Form:
    return Layer(own_layer("ShapeOf", node, op_.dtype), helpers=("ShapeOf",))


@rules.writes(Gather)
def write_gather(op_: Gather, node: Node) -> Form:
    return Inline(lambda x, places: op("take", x, places, axis=op_.axis))


@rules.writes(GatherNd)
def write_gather_nd(op_: GatherNd, node: Node) -> Form:
    """The indexed axes as one, and in it the place that each vector of indices comes to."""
    depth = node.inputs[1].shape[-1]
    assert isinstance(depth, int)
    taken = node.inputs[0].shape[: op_.batch + depth]
    rest = node.inputs[0].shape[op_.batch + depth :]
    first = taken[0]
    sizes = _known(taken[1:], node)
    steps = [prod(sizes[place:]) for place in range(len(taken))]
    cells = first * prod(sizes) if isinstance(first, int) else None
    flat = [size if isinstance(size, int) else -1 for size in (cells, *rest)]
    if flat.count(-1) > 1:
        _known([first, *rest], node)

    def build(x: Expression, places: Expression) -> Expression:
        terms: list[Expression] = []
        for axis in range(op_.batch):
            ones = op("ones_like", index(places, ..., 0))
            terms.append(binary("-", op("cumsum", ones, axis=axis), 1))
        terms += [index(places, ..., place) for place in range(depth)]
        place: Expression | None = None
        for term, step in zip(terms, steps, strict=True):
            scaled = term if step == 1 else binary("*", term, step)
            place = scaled if place is None else binary("+", place, scaled)
        return op("take", op("reshape", x, tuple(flat)), place, axis=0)

    return Inline(build)


def _known(sizes: Sequence[Dim], node: Node) -> list[int]:
    known = [size for size in sizes if isinstance(size, int)]
    if len(known) < len(sizes):
        raise UnsupportedModel(f"{node.origin}: it picks cells by place, from axes whose sizes are not known")
    return known


@rules.writes(TakeAlong)
def write_take_along(op_: TakeAlong, node: Node) -> Form:
    return Inline(lambda x, places: op("take_along_axis", x, places, axis=op_.axis))


@rules.writes(OneHot)
def write_one_hot(op_: OneHot, node: Node) -> Form:
    axis = {} if op_.axis in (-1, node.inputs[0].rank) else {"axis": op_.axis}
    dtype = {} if op_.dtype == "float32" else {"dtype": op_.dtype}
    return Inline(lambda places: op("one_hot", places, op_.classes, **axis, **dtype), simple=True)


@rules.writes(Scatter)
def write_scatter(op_: Scatter, node: Node) -> Form:
    """Keras on TensorFlow multiplies one row of places after the other, of a list of places."""
    how = {} if op_.function == "set" else {"reduction": op_.function}
    flat = op_.function == "mul" and node.inputs[1].rank > 2
    depth = node.inputs[1].shape[-1]
    rest = node.inputs[0].shape[int(str(depth)) :]
    if flat and not all(isinstance(size, int) for size in rest):
        raise UnsupportedModel(f"{node.origin}: products of scattered parts whose size is not known")

    def build(x: Expression, places: Expression, updates: Expression) -> Expression:
        if flat:
            places = op("reshape", places, (-1, depth))
            updates = op("reshape", updates, (-1, *rest))
        return op("scatter_update", x, places, updates, **how)

    return Inline(build)


@rules.writes(Split)
def write_split(op_: Split, node: Node) -> Form:
    if len(set(op_.sizes)) == 1:
        return Inline(lambda x: op("split", x, len(op_.sizes), axis=op_.axis))
    ends = list(accumulate(op_.sizes))[:-1]
    return Inline(lambda x: op("split", x, ends, axis=op_.axis))


@rules.writes(Unbind)
def write_unbind(op_: Unbind, node: Node) -> Form:
    return Inline(lambda x: op("unstack", x, op_.count, axis=op_.axis))


@rules.writes(Stack)
def write_stack(op_: Stack, node: Node) -> Form:
    return Inline(lambda *parts: op("stack", List(tuple(parts)), axis=op_.axis), simple=True)


@rules.writes(Roll)
def write_roll(op_: Roll, node: Node) -> Form:
    one = len(op_.axes) == 1
    shift, axis = (op_.shifts[0], op_.axes[0]) if one else (op_.shifts, op_.axes)
    return Inline(lambda x: op("roll", x, shift, axis=axis), simple=True)


@rules.writes(Expand)
def write_expand(op_: Expand, node: Node) -> Form:
    """Sizes that stay are not repeated; those of another value, known only when it runs, need a layer."""
    missing = len(op_.shape) - node.inputs[0].rank
    have: list[Dim] = [*[1] * missing, *node.inputs[0].shape]
    if any(isinstance(want, Kept) for want in op_.shape):
        shape = [str(want.axis) if isinstance(want, Kept) else want for want in op_.shape]
        rows = zip(shape, node.outputs[0].shape, strict=True)
        if any(isinstance(want, str) and not isinstance(size, int) for want, size in rows):
            return Layer(own_layer("OpenExpand", node, shape), helpers=("OpenExpand",))
    pairs = zip(have, node.outputs[0].shape, strict=True)
    repeats = tuple(want if size == 1 and isinstance(want, int) else 1 for size, want in pairs)

    def build(x: Expression, *like: Expression) -> Expression:
        if missing:
            x = index(x, *[None] * missing, ...)
        return op("tile", x, repeats) if set(repeats) != {1} else x

    return Inline(build)
