"""Images and volumes in another size."""

from __future__ import annotations

from typing import Any

from converters.jax.rules import rules
from porter.graph.model import Node
from porter.graph.ops.resampling import Resize, Upsample
from porter.source.code import Expression, Tuple, attr, binary, call, index
from porter.writing.forms import Form, Inline, method


@rules.writes(Upsample)
def write_upsample(op: Upsample, node: Node) -> Form:
    def build(x: Expression) -> Expression:
        for axis, factor in enumerate(op.factors, 1):
            x = method(x, "repeat", factor, axis=axis) if factor != 1 else x
        return x

    return Inline(build, simple=True)


@rules.writes(Resize)
def write_resize(op: Resize, node: Node) -> Form:
    if op.kernel == "nearest":
        return Inline(lambda x: call("resize_nearest", x, _size(op, x)), ("resize_nearest",))
    told: dict[str, bool] = {"antialias": True} if op.antialias else {}
    told |= {} if op.half_pixel else {"half_pixel": False}
    return Inline(lambda x: call("resize", x, _size(op, x), op.kernel, **told), ("resize",))


def _size(op: Resize, x: Expression) -> Any:
    if op.factors is None:
        return op.size
    sizes = enumerate(op.factors, 1)
    return Tuple(tuple(binary("*", factor, index(attr(x, "shape"), axis)) for axis, factor in sizes))
