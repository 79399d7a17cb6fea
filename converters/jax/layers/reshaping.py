"""The same numbers in another shape or place."""

from __future__ import annotations

from converters.jax.rules import rules
from porter.graph.model import Node
from porter.graph.ops.reshaping import Concat, Flip, Pad, Repeat, Reshape, Slice, Tile, Transpose
from porter.graph.regroup import Kept
from porter.source.code import Expression, List, attr, call, index
from porter.writing.forms import Form, Inline, method
from porter.writing.settings import subscripts


@rules.writes(Reshape)
def write_reshape(op: Reshape, node: Node) -> Form:
    sizes = [_known(want, node) for want in op.shape]
    unknown = [place for place, want in enumerate(sizes) if isinstance(want, Kept)]
    if len(unknown) == 1 and -1 not in sizes:  # a single size can be left to JAX
        sizes[unknown[0]] = -1

    def build(x: Expression) -> Expression:
        told = [index(attr(x, "shape"), want.axis) if isinstance(want, Kept) else want for want in sizes]
        return method(x, "reshape", *told)

    return Inline(build, simple=not any(isinstance(want, Kept) for want in sizes))


def _known(want: int | Kept | None, node: Node) -> int | Kept:
    if isinstance(want, Kept):
        size = node.inputs[0].shape[want.axis]
        return size if isinstance(size, int) else want
    return -1 if want is None else want


@rules.writes(Transpose)
def write_transpose(op: Transpose, node: Node) -> Form:
    moved = [axis for place, axis in enumerate(op.perm) if place != axis]
    if len(moved) == 2:
        return Inline(lambda x: method(x, "swapaxes", *sorted(moved)), simple=True)
    return Inline(lambda x: method(x, "transpose", *op.perm), simple=True)


@rules.writes(Concat)
def write_concat(op: Concat, node: Node) -> Form:
    axis = -1 if op.axis == node.inputs[0].rank - 1 else op.axis
    return Inline(lambda *parts: call("jnp.concatenate", List(tuple(parts)), axis=axis), simple=True)


@rules.writes(Slice)
def write_slice(op: Slice, node: Node) -> Form:
    parts = subscripts(op.ranges)
    return Inline(lambda x: index(x, *parts) if parts else x, simple=True)


@rules.writes(Pad)
def write_pad(op: Pad, node: Node) -> Form:
    mode = {} if op.mode == "constant" else {"mode": op.mode}
    value = {} if op.mode != "constant" or op.value == 0 else {"constant_values": op.value}
    return Inline(lambda x: call("jnp.pad", x, op.pads, **mode, **value), simple=True)


@rules.writes(Repeat)
def write_repeat(op: Repeat, node: Node) -> Form:
    return Inline(lambda x: method(x, "repeat", op.times, axis=op.axis), simple=True)


@rules.writes(Tile)
def write_tile(op: Tile, node: Node) -> Form:
    return Inline(lambda x: call("jnp.tile", x, op.repeats), simple=True)


@rules.writes(Flip)
def write_flip(op: Flip, node: Node) -> Form:
    return Inline(lambda x: call("jnp.flip", x, op.axes[0] if len(op.axes) == 1 else op.axes), simple=True)
