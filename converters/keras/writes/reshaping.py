"""The same numbers in another shape or place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.keras.rules import rules
from converters.keras.writes.making import is_alone, layer, op, own_layer
from converters.keras.writes.padding import around
from porter.errors import UnsupportedModel
from porter.graph.dims import static
from porter.graph.model import Node
from porter.graph.ops.reshaping import Concat, Flip, Pad, Repeat, Reshape, Slice, Tile, Transpose
from porter.graph.regroup import Kept
from porter.source.code import Expression, List, call, index
from porter.writing.forms import Form, Inline, Layer
from porter.writing.settings import subscripts

MODES = frozenset({"constant", "reflect", "symmetric"})
"""What all backends of Keras can pad with."""


@rules.writes(Reshape)
def write_reshape(op_: Reshape, node: Node) -> Form:
    """Keras's layer keeps the batch and leaves one size open; what is more open needs another layer."""
    before, after = node.inputs[0].shape, node.outputs[0].shape
    keeps_batch = bool(op_.shape) and op_.shape[0] == Kept(0)
    sizes: list[Any] = [
        after[place] if isinstance(after[place], int) else None for place in range(len(after))
    ]
    opened = [place for place, size in enumerate(sizes) if size is None]
    if keeps_batch and before and not isinstance(before[0], int):
        inner = [place for place in opened if place != 0]
        if len(after) == 2 and len(before) > 2 and is_alone(node):
            return Layer(layer("Flatten", node))
        if len(inner) <= 1 and len(after) > 1:
            told = tuple(-1 if size is None else size for size in sizes[1:])
            if is_alone(node):
                return Layer(layer("Reshape", node, told))
            if not inner:
                return Inline(lambda x: op("reshape", x, (-1, *told)), simple=True)
            return Layer(layer("Reshape", node, told))
    if len(opened) <= 1:
        told = tuple(-1 if size is None else size for size in sizes)
        return Inline(lambda x: op("reshape", x, told), simple=True)
    shape = [_open(want, size) for want, size in zip(op_.shape, sizes, strict=True)]
    return Layer(own_layer("OpenReshape", node, shape), helpers=("OpenReshape",))


def _open(want: int | Kept | None, size: int | None) -> int | str | None:
    """A size that is known, the input's axis as text, or None for what is left."""
    if size is not None:
        return size
    return str(want.axis) if isinstance(want, Kept) else want


@rules.writes(Transpose)
def write_transpose(op_: Transpose, node: Node) -> Form:
    if is_alone(node) and op_.perm[0] == 0 and len(op_.perm) > 1:
        return Layer(layer("Permute", node, tuple(op_.perm[1:])))
    return Inline(lambda x: op("transpose", x, op_.perm), simple=True)


@rules.writes(Concat)
def write_concat(op_: Concat, node: Node) -> Form:
    rank = node.outputs[0].rank
    axis = -1 if op_.axis in (-1, rank - 1) else op_.axis
    dtype = node.outputs[0].dtype
    floating = "float" in dtype and {value.dtype for value in node.inputs} == {dtype}
    if is_alone(node) and axis != 0 and len(node.inputs) > 1 and floating:
        make = layer("Concatenate", node, axis=axis)
        return Layer(make, use=lambda own, *parts: call(own, List(tuple(parts))))
    return Inline(lambda *parts: op("concatenate", List(tuple(parts)), axis=axis), simple=True)


@rules.writes(Slice)
def write_slice(op_: Slice, node: Node) -> Form:
    if any(step < 0 for _, _, step in op_.ranges):
        return _backwards(op_, node)
    if is_alone(node) and _crops(op_, node):
        return Layer(layer(f"Cropping{node.inputs[0].rank - 2}D", node, around(_cut(op_, node))))
    return Inline(lambda x: ranged(x, subscripts(op_.ranges)), simple=True)


def ranged(x: Expression, parts: Sequence[Any]) -> Expression:
    """`x[parts]`; a symbolic tensor of Keras's takes no range alone."""
    if not parts:
        return x
    return index(x, *parts, ...) if len(parts) == 1 and isinstance(parts[0], slice) else index(x, *parts)


def _crops(op_: Slice, node: Node) -> bool:
    sizes, rank = node.inputs[0].shape, node.inputs[0].rank
    plain = all(step == 1 for _, _, step in op_.ranges) and rank in (3, 4, 5)
    ends = all(op_.ranges[axis] == (None, None, 1) for axis in (0, rank - 1))
    known = static(sizes[1:-1]) is not None and 0 not in node.outputs[0].shape  # Keras crops nothing whole
    return plain and ends and known and any(part != (None, None, 1) for part in op_.ranges)


def _cut(op_: Slice, node: Node) -> tuple[tuple[int, int], ...]:
    rows = zip(node.inputs[0].shape[1:-1], op_.ranges[1:-1], strict=True)
    found = []
    for size, part in rows:
        assert isinstance(size, int)
        start, stop, _ = slice(*part).indices(size)
        found.append((start, size - stop))
    return tuple(found)


def _backwards(op_: Slice, node: Node) -> Form:
    """torch has no negative steps: the axis is flipped, and what is wanted taken from the other end."""
    sizes = node.inputs[0].shape
    axes = [axis for axis, (_, _, step) in enumerate(op_.ranges) if step < 0]
    parts: list[Any] = []
    for axis, (start, stop, step) in enumerate(op_.ranges):
        size = sizes[axis]
        if step > 0:
            parts.append(slice(start, stop, None if step == 1 else step))
        elif (start, stop) == (None, None):
            parts.append(slice(None, None, None if step == -1 else -step))
        elif isinstance(size, int):
            first, last, _ = slice(start, stop, step).indices(size)
            parts.append(slice(size - 1 - first, size - 1 - last, None if step == -1 else -step))
        else:
            raise UnsupportedModel(f"{node.origin}: a range backwards on an axis of unknown size")
    while parts and parts[-1] == slice(None):
        parts.pop()

    def build(x: Expression) -> Expression:
        turned = op("flip", x, axis=axes[0] if len(axes) == 1 else tuple(axes))
        return index(turned, *parts) if parts else turned

    return Inline(build)


@rules.writes(Pad)
def write_pad(op_: Pad, node: Node) -> Form:
    rank = node.inputs[0].rank
    amounts = (amount for pair in op_.pads for amount in pair)
    if min(amounts, default=0) < 0:
        raise UnsupportedModel(f"{node.origin}: Keras cannot pad by a negative amount")
    ends = op_.pads[0] == op_.pads[-1] == (0, 0)
    zero = op_.mode == "constant" and op_.value == 0
    if is_alone(node) and zero and ends and rank in (3, 4, 5) and "float" in node.outputs[0].dtype:
        return Layer(layer(f"ZeroPadding{rank - 2}D", node, around(op_.pads[1:-1])))
    if op_.mode not in MODES:
        return _copied(op_, node)
    mode = {} if op_.mode == "constant" else {"mode": op_.mode}
    value = {} if op_.mode != "constant" or op_.value == 0 else {"constant_values": op_.value}
    return Inline(lambda x: op("pad", x, op_.pads, **mode, **value), simple=True)


def _copied(op_: Pad, node: Node) -> Form:
    """Edges repeated, or the other end's cells: put together axis by axis."""

    def build(x: Expression) -> Expression:
        for axis, (low, high) in enumerate(op_.pads):
            ahead = [slice(None)] * axis
            parts = [x]
            if op_.mode == "edge":
                first = index(x, *ahead, slice(None, 1))
                last = index(x, *ahead, slice(-1, None))
                parts = [*[first] * low, x, *[last] * high]
            elif low or high:
                before = [index(x, *ahead, slice(-low, None))] if low else []
                after = [index(x, *ahead, slice(None, high))] if high else []
                parts = [*before, x, *after]
            if len(parts) > 1:
                x = op("concatenate", List(tuple(parts)), axis=axis)
        return x

    return Inline(build)


@rules.writes(Repeat)
def write_repeat(op_: Repeat, node: Node) -> Form:
    return Inline(lambda x: op("repeat", x, op_.times, axis=op_.axis), simple=True)


@rules.writes(Tile)
def write_tile(op_: Tile, node: Node) -> Form:
    return Inline(lambda x: op("tile", x, op_.repeats), simple=True)


@rules.writes(Flip)
def write_flip(op_: Flip, node: Node) -> Form:
    axis = op_.axes[0] if len(op_.axes) == 1 else op_.axes
    return Inline(lambda x: op("flip", x, axis=axis), simple=True)
