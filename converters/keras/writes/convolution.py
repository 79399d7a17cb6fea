"""Convolutions."""

from __future__ import annotations

from typing import Any

from converters.keras.rules import rules
from converters.keras.writes.making import beside, layer, own_layer, stored
from converters.keras.writes.padding import around, word, zeros
from converters.keras.writing.activations import argument
from converters.keras.writing.nodes import KerasNode, is_transposed_layer
from porter.errors import UnsupportedModel
from porter.graph.model import Node
from porter.graph.ops.convolution import Conv, ConvTranspose
from porter.source.code import Expression, call, index
from porter.writing.forms import Form, Layer, Weight
from porter.writing.settings import plain
from porter.writing.weights import weight


@rules.writes(Conv)
def write_conv(op: Conv, node: Node) -> Form:
    rank = len(op.kernel)
    padding = _padding(op, node)
    # Keras refuses strides and dilation together: every place is computed, and some are taken
    both = set(op.strides) != {1} and set(op.dilation) != {1}
    if both and padding == "same":
        padding = None if op.padding != "same" else padding
    told, helpers = activation(node)
    settings: dict[str, Any] = {
        "strides": 1 if both else plain(op.strides),
        "padding": padding or "valid",
        "dilation_rate": plain(op.dilation),
        "use_bias": "bias" in node.params,
        **told,
    }
    if _depthwise(op):
        make = layer(f"DepthwiseConv{rank}D", node, plain(op.kernel), **settings, **_times(op))
        kernel = weight(node, "weight", "(i m) 1 *s -> *s i m", i=op.inputs)
    else:
        make = layer(f"Conv{rank}D", node, op.outputs, plain(op.kernel), **settings, groups=op.groups)
        kernel = weight(node, "weight", "o i *s -> *s i o")
    return Layer(make, stored([kernel, _bias(node)]), _use(op, node, padding, both), helpers)


def _use(op: Conv, node: Node, padding: str | None, both: bool) -> Any:
    if padding is not None and not both:
        return None

    def use(conv: Expression, x: Expression) -> Expression:
        if padding is None and op.padding != "same":
            x = zeros(node, op.padding, x)
        made = call(conv, x)
        steps = [slice(None, None, step) for step in op.strides]
        return index(made, slice(None), *steps) if both else made

    return use


def _padding(op: Conv, node: Node) -> str | None:
    found = word(op.padding, node.inputs[0].shape[1:-1], op.kernel, op.strides, op.dilation)
    if found is None and len(op.kernel) == 1 and not _depthwise(op):
        return "causal" if op.padding == ((op.dilation[0] * (op.kernel[0] - 1), 0),) else None
    return found


def _depthwise(op: Conv) -> bool:
    """TensorFlow's own takes equal strides only, and dilation without strides."""
    alike = len(set(op.strides)) == 1
    return 1 < op.groups == op.inputs and len(op.kernel) < 3 and alike


def _times(op: Conv) -> dict[str, int]:
    return {"depth_multiplier": op.outputs // op.inputs}


def _bias(node: Node) -> Weight | None:
    return weight(node, "bias") if "bias" in node.params else None


def activation(node: Node) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The activation that the layer itself does."""
    op = node.activation if isinstance(node, KerasNode) else None
    told = argument(op) if op is not None else None
    return ({"activation": told[0]}, told[1]) if told is not None else ({}, ())


@rules.writes(ConvTranspose)
def write_conv_transpose(op: ConvTranspose, node: Node) -> Form:
    """Keras's: with `same`, where that cuts what the op cuts; else uncropped, and cropped after.

    Cells beyond the full result are its output padding, so that they get the bias too.
    """
    rank = len(op.kernel)
    own = not is_transposed_layer(op)
    if any(low < 0 for low, _ in op.crop):
        raise UnsupportedModel(
            f"{node.origin}: Keras has no transposed convolution with cells before its result"
        )
    told, helpers = activation(node)
    settings: dict[str, Any] = {
        "strides": plain(op.strides),
        "dilation_rate": plain(op.dilation),
        "use_bias": "bias" in node.params,
        **told,
    }
    cut: Any = None
    if not own and _same_transposed(op):
        settings["padding"] = "same"
    else:
        settings |= _beyond(op)
        cut = _cut(op, node)
    bias = _bias(node)
    weights = stored([weight(node, "weight", "i o *s -> *s o i"), bias])
    if own:
        groups = {"groups": op.groups} if op.groups > 1 else {}
        make = own_layer(OWN, node, op.outputs, op.kernel, **groups, **settings)
        return Layer(make, weights, cut, (OWN,))
    make = layer(f"Conv{rank}DTranspose", node, op.outputs, plain(op.kernel), **settings)
    return Layer(make, weights, cut, helpers)


OWN = "ConvTranspose"


def _reaches(op: ConvTranspose) -> list[int]:
    return [step * (size - 1) + 1 for size, step in zip(op.kernel, op.dilation, strict=True)]


def _same_transposed(op: ConvTranspose) -> bool:
    """`same` gives stride times as many cells; what is more than that is cut, the larger half at the end."""
    rows = zip(_reaches(op), op.strides, op.crop, strict=True)
    return all(crop == _cut_by_same(reach - stride) for reach, stride, crop in rows)


def _cut_by_same(more: int) -> tuple[int, int]:
    return (more // 2, more - more // 2) if more > 0 else (0, more)


def _beyond(op: ConvTranspose) -> dict[str, Any]:
    """How many cells come after the full result; left alone, Keras fills the last stride."""
    wanted = [max(0, -high) for _, high in op.crop]
    usual = [max(0, stride - reach) for reach, stride in zip(_reaches(op), op.strides, strict=True)]
    return {} if wanted == usual else {"output_padding": tuple(wanted)}


def _cut(op: ConvTranspose, node: Node) -> Any:
    cut = tuple((low, max(high, 0)) for low, high in op.crop)
    if not any(amount for pair in cut for amount in pair):
        return None

    def use(conv: Expression, x: Expression) -> Expression:
        return call(beside(f"Cropping{len(cut)}D", node, "_crop", around(cut)), call(conv, x))

    return use
