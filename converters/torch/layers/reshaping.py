"""The same numbers in another shape or place."""

from __future__ import annotations

from converters.torch.layers.convolution import flat_pads
from converters.torch.rules import rules
from porter.errors import UnsupportedModel
from porter.graph.dims import Shape, product, static
from porter.graph.model import Node
from porter.graph.ops.reshaping import Concat, Flip, Pad, Repeat, Reshape, Slice, Tile, Transpose
from porter.graph.regroup import Kept
from porter.source.code import Expression, List, attr, call, index
from porter.writing.forms import Form, Inline, method
from porter.writing.settings import subscripts


@rules.writes(Reshape)
def write_reshape(op: Reshape, node: Node) -> Form:
    given = node.inputs[0]
    if _keeps_first_only(op, given.rank):
        return Inline(lambda x: method(x, "flatten", 1), simple=True)

    place = _new_axis(op, given.rank)
    if place is not None:
        return Inline(lambda x: method(x, "unsqueeze", place), simple=True)
    dropped = _dropped_axis(op, given.rank)
    if dropped is not None:
        return Inline(lambda x: method(x, "squeeze", dropped), simple=True)

    before, after = given.shape, node.outputs[0].shape
    merged = _merged_axes(before, after)
    if merged is not None:
        start, end = merged
        ends = () if end == given.rank - 1 else (end,)
        return Inline(lambda x: method(x, "flatten", start, *ends), simple=True)
    split = _merged_axes(after, before)
    if split is not None and (parts := static(after[split[0] : split[1] + 1])) is not None:
        axis = -1 if split[0] == given.rank - 1 else split[0]
        return Inline(lambda x: method(x, "unflatten", axis, parts), simple=True)

    def build(x: Expression) -> Expression:
        sizes = [_size(x, want, node) for want in op.shape]
        return method(x, "reshape", *sizes) if sizes else method(x, "reshape", ())

    return Inline(build, simple=not any(isinstance(want, Kept) for want in op.shape))


def _keeps_first_only(op: Reshape, rank: int) -> bool:
    """Whether all axes but the first become one."""
    if len(op.shape) != 2 or op.shape[0] != Kept(0) or rank < 2:
        return False
    return op.shape[1] is None or (isinstance(op.shape[1], int) and rank > 2)


def _new_axis(op: Reshape, rank: int) -> int | None:
    """Where the reshape only inserts one axis of size 1: its place, counted from behind if it is the last."""
    for place in range(rank + 1):
        kept = [Kept(axis) for axis in range(rank)]
        if op.shape == (*kept[:place], 1, *kept[place:]):
            return -1 if place == rank else place
    return None


def _dropped_axis(op: Reshape, rank: int) -> int | None:
    """Which axis of size 1 the reshape only drops."""
    for place in range(rank):
        if op.shape == tuple(Kept(axis) for axis in range(rank) if axis != place):
            return -1 if place == rank - 1 else place
    return None


def _merged_axes(before: Shape, after: Shape) -> tuple[int, int] | None:
    """The first and last of the neighbouring axes that become one, where nothing else changes."""
    start = next((k for k, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), None)
    if start is None or start == 0 or len(before) <= len(after):
        return None
    end = start + len(before) - len(after)
    fits = product(before[start : end + 1]) == after[start] and before[end + 1 :] == after[start + 1 :]
    return (start, end) if fits else None


def _size(x: Expression, want: int | Kept | None, node: Node) -> Expression | int:
    if isinstance(want, Kept):
        known = node.inputs[0].shape[want.axis]
        return known if isinstance(known, int) else index(attr(x, "shape"), want.axis)
    return -1 if want is None else want


@rules.writes(Transpose)
def write_transpose(op: Transpose, node: Node) -> Form:
    moved = [axis for place, axis in enumerate(op.perm) if place != axis]
    if len(moved) == 2:
        return Inline(lambda x: method(x, "transpose", *sorted(moved)), simple=True)
    return Inline(lambda x: method(x, "permute", *op.perm), simple=True)


@rules.writes(Concat)
def write_concat(op: Concat, node: Node) -> Form:
    return Inline(lambda *parts: call("torch.cat", List(tuple(parts)), dim=op.axis), simple=True)


@rules.writes(Slice)
def write_slice(op: Slice, node: Node) -> Form:
    flips = [axis for axis, (_, _, step) in enumerate(op.ranges) if step < 0]
    if flips:
        raise UnsupportedModel(f"{node.origin}: torch cannot slice backwards along axes {flips}")
    parts = subscripts(op.ranges)
    return Inline(lambda x: index(x, *parts) if parts else x, simple=True)


@rules.writes(Pad)
def write_pad(op: Pad, node: Node) -> Form:
    pads = op.pads
    while len(pads) > 1 and pads[0] == (0, 0):
        pads = pads[1:]
    if op.mode == "constant":
        value = {} if op.value == 0 else {"value": op.value}
        return Inline(lambda x: call("F.pad", x, flat_pads(pads), **value), simple=True)
    words = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}
    if op.mode not in words or len(pads) > node.inputs[0].rank - 2:
        return Inline(lambda x: call("index_pad", x, op.pads, op.mode), helpers=("index_pad",))
    spatial = op.pads[2:]
    return Inline(lambda x: call("F.pad", x, flat_pads(spatial), mode=words[op.mode]), simple=True)


@rules.writes(Repeat)
def write_repeat(op: Repeat, node: Node) -> Form:
    return Inline(lambda x: method(x, "repeat_interleave", op.times, dim=op.axis), simple=True)


@rules.writes(Tile)
def write_tile(op: Tile, node: Node) -> Form:
    return Inline(lambda x: method(x, "repeat", *op.repeats), simple=True)


@rules.writes(Flip)
def write_flip(op: Flip, node: Node) -> Form:
    return Inline(lambda x: method(x, "flip", *op.axes), simple=True)
