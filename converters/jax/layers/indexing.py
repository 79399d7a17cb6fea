"""Picking cells."""

from __future__ import annotations

from itertools import accumulate

from converters.jax.layers.dtypes import dtype_name
from converters.jax.rules import rules
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
from porter.graph.regroup import Kept
from porter.source.code import Expression, List, attr, call, index
from porter.writing.forms import Form, Inline, method
from porter.writing.settings import subscripts


@rules.writes(Index)
def write_index(op: Index, node: Node) -> Form:
    told = subscripts(op.items)
    return Inline(lambda x: index(x, *told) if told else x, simple=True)


@rules.writes(ShapeOf)
def write_shape_of(op: ShapeOf, node: Node) -> Form:
    return Inline(lambda x: call("jnp.array", attr(x, "shape"), dtype_name(op.dtype)))


@rules.writes(Gather)
def write_gather(op: Gather, node: Node) -> Form:
    """A plain index: what lies outside counts as the last cell, where `take` would give NaN."""
    axis = op.axis % node.inputs[0].rank
    return Inline(lambda x, places: index(x, *[slice(None)] * axis, places))


@rules.writes(GatherNd)
def write_gather_nd(op: GatherNd, node: Node) -> Form:
    batch = {"batch": op.batch} if op.batch else {}
    return Inline(lambda x, places: call("gather_nd", x, places, **batch), helpers=("gather_nd",))


@rules.writes(TakeAlong)
def write_take_along(op: TakeAlong, node: Node) -> Form:
    return Inline(lambda x, places: call("jnp.take_along_axis", x, places, axis=op.axis))


@rules.writes(OneHot)
def write_one_hot(op: OneHot, node: Node) -> Form:
    axis = {} if op.axis in (-1, node.inputs[0].rank) else {"axis": op.axis}
    dtype = {} if op.dtype == "float32" else {"dtype": dtype_name(op.dtype)}
    return Inline(lambda places: call("nnx.one_hot", places, op.classes, **axis, **dtype), simple=True)


@rules.writes(Scatter)
def write_scatter(op: Scatter, node: Node) -> Form:
    function = "multiply" if op.function == "mul" else op.function

    def build(x: Expression, places: Expression, updates: Expression) -> Expression:
        cells = index(attr(x, "at"), call("tuple", call("jnp.moveaxis", places, -1, 0)))
        return method(cells, function, updates)

    return Inline(build)


@rules.writes(Split)
def write_split(op: Split, node: Node) -> Form:
    if len(set(op.sizes)) == 1:
        return Inline(lambda x: call("jnp.split", x, len(op.sizes), axis=op.axis))
    ends = list(accumulate(op.sizes))[:-1]
    return Inline(lambda x: call("jnp.split", x, ends, axis=op.axis))


@rules.writes(Unbind)
def write_unbind(op: Unbind, node: Node) -> Form:
    return Inline(lambda x: call("jnp.unstack", x, axis=op.axis))


@rules.writes(Stack)
def write_stack(op: Stack, node: Node) -> Form:
    return Inline(lambda *parts: call("jnp.stack", List(tuple(parts)), axis=op.axis), simple=True)


@rules.writes(Roll)
def write_roll(op: Roll, node: Node) -> Form:
    one = len(op.axes) == 1
    shifts, axes = (op.shifts[0], op.axes[0]) if one else (op.shifts, op.axes)
    return Inline(lambda x: call("jnp.roll", x, shifts, axis=axes), simple=True)


@rules.writes(Expand)
def write_expand(op: Expand, node: Node) -> Form:
    """Sizes that stay and are not known before it runs are taken from the input, which has all axes then."""
    missing = len(op.shape) - node.inputs[0].rank
    known = [1] * missing + [size if isinstance(size, int) else None for size in node.inputs[0].shape]
    wanted = [have if want is None else want for have, want in zip(known, op.shape, strict=True)]

    def build(x: Expression, *like: Expression) -> Expression:
        sizes: list[Expression | int] = []
        for axis, size in enumerate(wanted, -missing):
            if isinstance(size, Kept):
                sizes.append(index(attr(like[0], "shape"), size.axis))
            else:
                sizes.append(index(attr(x, "shape"), axis) if size is None else size)
        return call("jnp.broadcast_to", x, tuple(sizes))

    return Inline(build)
