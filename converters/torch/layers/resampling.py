"""Images and volumes in another size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.torch.layers.convolution import plain
from converters.torch.rules import rules
from porter.graph.model import Node
from porter.graph.ops.resampling import Resize, Upsample
from porter.source.code import Expression, Tuple, attr, binary, call, index
from porter.writing.forms import Form, Inline

NATIVE: Mapping[tuple[str, bool], dict[str, Any]] = {
    ("linear", False): {"mode": "bilinear"},
    ("linear", True): {"mode": "bilinear", "antialias": True},
    ("cubic", True): {"mode": "bicubic", "antialias": True},
}
"""What torch computes as TensorFlow does, by kernel and antialiasing; its plain bicubic has other weights."""


@rules.writes(Upsample)
def write_upsample(op: Upsample, node: Node) -> Form:
    told = plain(op.factors)
    factor = float(told) if isinstance(told, int) else tuple(float(n) for n in told)
    return Inline(lambda x: call("F.interpolate", x, scale_factor=factor), simple=True)


@rules.writes(Resize)
def write_resize(op: Resize, node: Node) -> Form:
    plain_image = node.inputs[0].rank == 4 and op.half_pixel
    native = NATIVE.get((op.kernel, op.antialias)) if plain_image else None
    if native is not None:
        return Inline(
            lambda x: call("F.interpolate", x, size=_size(op, x), **native), simple=op.factors is None
        )
    if op.kernel == "nearest":
        return Inline(lambda x: call("resize_nearest", x, _size(op, x)), ("resize_nearest",))
    told: dict[str, bool] = {"antialias": True} if op.antialias else {}
    told |= {} if op.half_pixel else {"half_pixel": False}
    return Inline(lambda x: call("resize", x, _size(op, x), op.kernel, **told), ("resize",))


def _size(op: Resize, x: Expression) -> Any:
    if op.factors is None:
        return op.size
    sizes = enumerate(op.factors, 2)
    return Tuple(tuple(binary("*", factor, index(attr(x, "shape"), axis)) for axis, factor in sizes))
