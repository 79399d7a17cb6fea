"""Picking cells."""

from __future__ import annotations

from converters.torch.rules import rules
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
from porter.source.code import Expression, List, Literal, Name, attr, call, index
from porter.source.code import Tuple as Group
from porter.writing.forms import Form, Inline, method
from porter.writing.settings import subscripts


@rules.writes(Index)
def write_index(op: Index, node: Node) -> Form:
    told = subscripts(op.items)
    return Inline(lambda x: index(x, *told) if told else x, simple=True)


@rules.writes(ShapeOf)
def write_shape_of(op: ShapeOf, node: Node) -> Form:
    return Inline(
        lambda x: call(
            "torch.tensor", attr(x, "shape"), dtype=Name(f"torch.{op.dtype}"), device=attr(x, "device")
        )
    )


@rules.writes(Gather)
def write_gather(op: Gather, node: Node) -> Form:
    axis = op.axis % node.inputs[0].rank
    return Inline(lambda x, places: index(x, *[slice(None)] * axis, places))


@rules.writes(GatherNd)
def write_gather_nd(op: GatherNd, node: Node) -> Form:
    if op.batch:
        return Inline(lambda x, places: call("gather_nd", x, places, op.batch), helpers=("gather_nd",))
    depth = node.inputs[1].shape[-1]
    assert isinstance(depth, int)
    if depth == 1:
        return Inline(lambda x, places: index(x, index(places, ..., 0)))
    return Inline(lambda x, places: index(x, method(places, "unbind", -1)))


@rules.writes(TakeAlong)
def write_take_along(op: TakeAlong, node: Node) -> Form:
    long = node.inputs[1].dtype == "int64"
    return Inline(
        lambda x, places: call(
            "torch.take_along_dim", x, places if long else method(places, "long"), dim=op.axis
        )
    )


@rules.writes(OneHot)
def write_one_hot(op: OneHot, node: Node) -> Form:
    """torch's own refuses an index outside, where this one gives zeros; a comparison does just that."""
    rank = node.inputs[0].rank
    axis = op.axis % (rank + 1)
    shape = [1] * (rank + 1 - axis)

    def build(places: Expression) -> Expression:
        classes = call("torch.arange", op.classes, device=attr(places, "device"))
        along = method(classes, "reshape", -1, *shape[1:]) if len(shape) > 1 else classes
        from_left = method(places, "unsqueeze", -1 if axis == rank else axis)
        return method(_equal(from_left, along), "to", Name(f"torch.{op.dtype}"))

    return Inline(build)


def _equal(left: Expression, right: Expression) -> Expression:
    return call("torch.eq", left, right)


@rules.writes(Scatter)
def write_scatter(op: Scatter, node: Node) -> Form:
    depth = node.inputs[1].shape[-1]

    def key(places: Expression) -> Expression:
        return Group((index(places, ..., 0),)) if depth == 1 else method(places, "unbind", -1)

    def build(x: Expression, places: Expression, updates: Expression) -> Expression:
        if op.function in ("set", "add"):
            more = {"accumulate": True} if op.function == "add" else {}
            return method(x, "index_put", key(places), updates, **more)
        return call(
            "scatter_nd", x, places, updates, {"max": "amax", "min": "amin", "mul": "prod"}[op.function]
        )

    return Inline(build, helpers=() if op.function in ("set", "add") else ("scatter_nd",))


@rules.writes(Split)
def write_split(op: Split, node: Node) -> Form:
    if len(set(op.sizes)) == 1:
        return Inline(lambda x: method(x, "split", op.sizes[0], dim=op.axis))
    return Inline(lambda x: method(x, "split", list(op.sizes), dim=op.axis))


@rules.writes(Unbind)
def write_unbind(op: Unbind, node: Node) -> Form:
    return Inline(lambda x: method(x, "unbind", op.axis))


@rules.writes(Stack)
def write_stack(op: Stack, node: Node) -> Form:
    return Inline(lambda *parts: call("torch.stack", List(tuple(parts)), dim=op.axis), simple=True)


@rules.writes(Roll)
def write_roll(op: Roll, node: Node) -> Form:
    one = len(op.axes) == 1
    shifts, dims = (op.shifts[0], op.axes[0]) if one else (op.shifts, op.axes)
    return Inline(lambda x: method(x, "roll", shifts, dims), simple=True)


@rules.writes(Expand)
def write_expand(op: Expand, node: Node) -> Form:
    def build(x: Expression, *like: Expression) -> Expression:
        added = len(op.shape) - node.inputs[0].rank  # torch takes no -1 for an axis that is not there yet
        told = (1 if size is None and axis < added else size for axis, size in enumerate(op.shape))
        sizes = [_size(size, *like) for size in told]
        if isinstance(x, Literal):  # a number that stands in the code itself
            dtype = Name(f"torch.{node.inputs[0].dtype}")
            where = {"device": attr(like[0], "device")} if like else {}
            shape = List(tuple(Literal(size) if isinstance(size, int) else size for size in sizes))
            return call("torch.full", shape, x, dtype=dtype, **where)
        return method(x, "expand", *sizes)

    return Inline(build, simple=len(node.inputs) == 1)


def _size(size: int | Kept | None, *like: Expression) -> Expression | int:
    if isinstance(size, Kept):
        return index(attr(like[0], "shape"), size.axis)
    return -1 if size is None else size
