"""Convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.jax.layers.dtypes import precision
from converters.jax.module_names import CONV, CONV_TRANSPOSE
from converters.jax.rules import rules
from porter.graph.dims import Shape, static
from porter.graph.model import Node
from porter.graph.ops.convolution import Conv, ConvTranspose, Padding, Pads, explicit
from porter.source.code import Call, call
from porter.writing.forms import Form, Layer, Weight
from porter.writing.settings import plain, said
from porter.writing.weights import weight, weights


@rules.writes(Conv)
def write_conv(op: Conv, node: Node) -> Form:
    settings = {
        "strides": plain(op.strides),
        "padding": named_padding(op.padding, node.inputs[0].shape[1:-1], op.kernel, op.strides, op.dilation),
        "kernel_dilation": plain(op.dilation),
        "feature_group_count": op.groups,
        "use_bias": "bias" in node.params,
    }
    held = {"kernel": weight(node, "weight", "o i *s -> *s i o"), **weights(node, bias="bias")}
    return Layer(_made("nnx.Conv", op, node, said(CONV, settings)), held)


def named_padding(
    padding: Padding,
    sizes: Shape,
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> str | Pads:
    """`SAME` and `VALID` where they mean the same for inputs of these sizes; else the numbers."""
    if padding == "same":
        return "SAME"
    if not any(amount for pair in padding for amount in pair):
        return "SAME" if set(window) == {1} else "VALID"
    # without strides "same" depends on no size
    known = static(sizes) or (window if set(strides) == {1} else None)
    same = known is not None and explicit("same", known, window, strides, dilation) == padding
    return "SAME" if same else padding


@rules.writes(ConvTranspose)
def write_conv_transpose(op: ConvTranspose, node: Node) -> Form:
    """Flax correlates, so that the kernel lies the other way round. Its own has no groups; a convolution of
    the input with zeros between its cells has."""
    reach = [step * (size - 1) for size, step in zip(op.kernel, op.dilation, strict=True)]
    rows = zip(reach, op.crop, strict=True)
    pads = tuple((size - low, size - high) for size, (low, high) in rows)
    settings: dict[str, Any] = {
        "kernel_dilation": plain(op.dilation),
        "use_bias": "bias" in node.params,
    }
    bias = weights(node, bias="bias")
    if op.groups > 1:
        settings |= {"input_dilation": plain(op.strides), "padding": pads, "feature_group_count": op.groups}
        held = {"kernel": _grouped(op, node), **bias}
        return Layer(_made("nnx.Conv", op, node, said(CONV, settings)), held)
    settings |= {"padding": _transposed_word(op, reach, pads)}
    told = {"strides": op.strides, **said(CONV_TRANSPOSE, settings)}
    held = {"kernel": weight(node, "weight", "i o *s -> ~*s i o"), **bias}
    return Layer(_made("nnx.ConvTranspose", op, node, told), held)


def _made(kind: str, op: Conv | ConvTranspose, node: Node, settings: dict[str, Any]) -> Call:
    return call(kind, op.inputs, op.outputs, kernel_size=op.kernel, **settings, **precision(node))


def _grouped(op: ConvTranspose, node: Node) -> Weight:
    return weight(node, "weight", "(g i) o *s -> ~*s i (g o)", g=op.groups)


def _transposed_word(op: ConvTranspose, reach: Sequence[int], pads: Pads) -> str | Pads:
    """JAX's words for the padding of a transposed convolution."""
    rows = list(zip(reach, op.strides, strict=True))
    if pads == tuple((size, max(size, step - 1)) for size, step in rows):
        return "VALID"
    return "SAME" if pads == tuple(_same(size, step) for size, step in rows) else pads


def _same(reach: int, stride: int) -> tuple[int, int]:
    total = reach + stride - 1
    low = reach if stride > reach else -(-total // 2)
    return low, total - low
