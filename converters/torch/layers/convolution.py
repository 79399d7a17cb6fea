"""Convolutions."""

from __future__ import annotations

from typing import Any

from converters.torch.layers.weights import weights
from converters.torch.module_names import USUAL
from converters.torch.rules import rules
from porter.errors import UnsupportedModel
from porter.graph.model import Node
from porter.graph.ops.convolution import Conv, ConvTranspose, Pads
from porter.source.code import Expression, call, index
from porter.writing.forms import Form, Layer
from porter.writing.settings import plain
from porter.writing.settings import said as settings_said

__all__ = ["flat_pads", "plain", "said"]


def flat_pads(pads: Pads) -> tuple[int, ...]:
    """Padding as `F.pad` takes it: last axis first, before and after."""
    return tuple(amount for pair in reversed(pads) for amount in pair)


def said(**settings: Any) -> dict[str, Any]:
    """Keyword arguments without those that say what torch assumes anyway."""
    return settings_said({"kernel_size": None, **USUAL["nn.ConvTranspose2d"]}, settings)


@rules.writes(Conv)
def write_conv(op: Conv, node: Node) -> Form:
    rank = len(op.kernel)
    settings = {
        "kernel_size": plain(op.kernel),
        "stride": plain(op.strides),
        "dilation": plain(op.dilation),
        "groups": op.groups,
        "bias": "bias" in node.params,
    }
    held = weights(node, weight="weight", bias="bias")
    kind = f"nn.Conv{rank}d"
    if op.padding == "same":
        make = call(kind, op.inputs, op.outputs, **said(**settings))

        def same(conv: Expression, x: Expression) -> Expression:
            padded = call("same_pad", x, tuple(op.kernel), tuple(op.strides), tuple(op.dilation))
            return call(conv, padded)

        return Layer(make, held, use=same, helpers=("same_pad",))
    if all(low == high for low, high in op.padding):
        settings["padding"] = plain([low for low, _ in op.padding])
        return Layer(call(kind, op.inputs, op.outputs, **said(**settings)), held)
    pads = flat_pads(op.padding)
    make = call(kind, op.inputs, op.outputs, **said(**settings))
    return Layer(make, held, use=lambda conv, x: call(conv, call("F.pad", x, pads)))


@rules.writes(ConvTranspose)
def write_conv_transpose(op: ConvTranspose, node: Node) -> Form:
    """torch crops both ends alike and can add cells behind; what is left over is cropped after it."""
    rank = len(op.kernel)
    rows = [_native_crop(*row) for row in zip(op.crop, op.strides, op.dilation, strict=True)]
    padding, extra, rest = (tuple(part) for part in zip(*rows, strict=True))
    settings = {
        "kernel_size": plain(op.kernel),
        "stride": plain(op.strides),
        "padding": plain(padding),
        "output_padding": plain(extra),
        "groups": op.groups,
        "bias": "bias" in node.params,
        "dilation": plain(op.dilation),
    }
    make = call(f"nn.ConvTranspose{rank}d", op.inputs, op.outputs, **said(**settings))
    held = weights(node, weight="weight", bias="bias")
    if not any(low or high for low, high in rest):
        return Layer(make, held)
    if any(low < 0 or high < 0 for low, high in rest):
        raise UnsupportedModel(f"{node.origin}: torch cannot widen a transposed convolution by {rest}")
    parts = [slice(None), slice(None), *(slice(low or None, -high if high else None) for low, high in rest)]
    return Layer(make, held, use=lambda conv, x: index(call(conv, x), *parts))


def _native_crop(crop: tuple[int, int], stride: int, dilation: int) -> tuple[int, int, tuple[int, int]]:
    """Torch's padding and output_padding for one axis, and what remains to be cropped from its result."""
    low, high = crop
    extra = low - high  # cells that torch must add behind to crop `low` on both sides
    if low >= 0 and 0 <= extra < max(stride, dilation):
        return low, extra, (0, 0)
    both = max(min(low, high), 0)
    return both, 0, (low - both, high - both)
