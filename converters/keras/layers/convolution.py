"""Convolutions of every rank, plain, depthwise, separable and transposed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.keras.layer import LayerCall
from converters.keras.layers.activation import activate
from converters.keras.legacy.conventions import Window
from converters.keras.rules import rules
from porter.errors import GraphError
from porter.graph.dims import Dim
from porter.graph.layouts import Orientation
from porter.graph.model import Param, Value
from porter.graph.ops.convolution import Conv, ConvTranspose, Padding, Pads, split
from porter.numerics.convolution import transpose_crop


def orientation(layer: LayerCall) -> Orientation:
    """Where the layer has its channels."""
    return "first" if layer.config.get("data_format") == "channels_first" else "last"


def numbers(told: Any, rank: int) -> tuple[int, ...]:
    """A setting per spatial axis, from one number or a list."""
    if isinstance(told, Sequence) and len(told) != rank:
        raise GraphError(f"{told!r} should be one number, or {rank}")
    return tuple(int(n) for n in told) if isinstance(told, Sequence) else (int(told),) * rank


def padding(
    layer: LayerCall,
    sizes: Sequence[Dim],
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    same: Window | None = None,
) -> Padding:
    """Keras's padding word as numbers; "same" stays a word where it depends on a size not known yet.

    What "same" means is the writer's convention, `same` if given.
    """
    word = str(layer.config.get("padding", "valid")).lower()
    if word == "valid":
        return tuple((0, 0) for _ in window)
    if word == "causal":
        return tuple((d * (k - 1), 0) for k, d in zip(window, dilation, strict=True))
    if word == "full":
        return tuple((d * (k - 1), d * (k - 1)) for k, d in zip(window, dilation, strict=True))
    if word != "same":
        raise layer.refuse(f"padding {word!r} is not known")
    usual = layer.context.conventions.padding_3d if len(window) == 3 else layer.context.conventions.padding
    rows = zip(sizes, window, strides, dilation, strict=True)
    pads = [(same or usual)(*row) for row in rows]
    known = tuple(pad for pad in pads if pad is not None)
    return known if len(known) == len(pads) else "same"


def spatial(layer: LayerCall, value: Value) -> tuple[tuple[Dim, ...], int]:
    """The spatial sizes and the number of channels of a value."""
    _, sizes, channels = split(value.spec, orientation(layer))
    if not isinstance(channels, int):
        raise layer.refuse(f"the number of channels of its input must be known, got {channels}")
    return sizes, channels


def with_bias(layer: LayerCall, outputs: int, **params: Param) -> dict[str, Param]:
    """The parameters, and the bias where the layer has one."""
    if layer.config.get("use_bias", True):
        params["bias"] = layer.weight("bias", (outputs,))
    return params


@rules.reads("Conv1D", "Conv2D", "Conv3D")
def read_conv(layer: LayerCall) -> Value:
    value = layer.value
    rank = value.rank - 2
    sizes, channels = spatial(layer, value)
    kernel = numbers(layer.config["kernel_size"], rank)
    strides = numbers(layer.config.get("strides", 1), rank)
    dilation = numbers(layer.config.get("dilation_rate", 1), rank)
    groups, filters = int(layer.config.get("groups", 1)), int(layer.config["filters"])
    if channels % groups or filters % groups:
        raise layer.refuse(f"{groups} groups divide neither {channels} channels nor {filters} filters")
    weight = layer.weight("kernel", (*kernel, channels // groups, filters), "*s i o -> o i *s")
    pads = padding(layer, sizes, kernel, strides, dilation)
    op = Conv(channels, filters, kernel, strides, dilation, pads, groups, orientation(layer))
    value = layer.add(op, value, **with_bias(layer, filters, weight=weight))
    return activate(layer, value, layer.config.get("activation"))


def _depthwise(layer: LayerCall, value: Value, name: str, bias: bool) -> Value:
    rank = value.rank - 2
    sizes, channels = spatial(layer, value)
    kernel = numbers(layer.config["kernel_size"], rank)
    strides = numbers(layer.config.get("strides", 1), rank)
    dilation = numbers(layer.config.get("dilation_rate", 1), rank)
    multiplier = int(layer.config.get("depth_multiplier", 1))
    outputs = channels * multiplier
    weight = layer.weight(name, (*kernel, channels, multiplier), "*s i m -> (i m) 1 *s")
    pads = padding(layer, sizes, kernel, strides, dilation)
    op = Conv(channels, outputs, kernel, strides, dilation, pads, channels, orientation(layer))
    params = with_bias(layer, outputs, weight=weight) if bias else {"weight": weight}
    return layer.add(op, value, **params)


@rules.reads("DepthwiseConv1D", "DepthwiseConv2D")
def read_depthwise_conv(layer: LayerCall) -> Value:
    name = "kernel" if layer.context.generation >= 3 else "depthwise_kernel"
    value = _depthwise(layer, layer.value, name, bias=True)
    return activate(layer, value, layer.config.get("activation"))


@rules.reads("SeparableConv1D", "SeparableConv2D")
def read_separable_conv(layer: LayerCall) -> Value:
    rank = layer.value.rank - 2
    with layer.part("depthwise"):
        value = _depthwise(layer, layer.value, "depthwise_kernel", bias=False)
    _, channels = spatial(layer, value)
    filters, ones = int(layer.config["filters"]), (1,) * rank
    weight = layer.weight("pointwise_kernel", (*ones, channels, filters), "*s i o -> o i *s")
    op = Conv(channels, filters, ones, ones, ones, ((0, 0),) * rank, 1, orientation(layer))
    with layer.part("pointwise"):
        value = layer.add(op, value, **with_bias(layer, filters, weight=weight))
    return activate(layer, value, layer.config.get("activation"))


@rules.reads("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def read_conv_transpose(layer: LayerCall) -> Value:
    value = layer.value
    rank = value.rank - 2
    sizes, channels = spatial(layer, value)
    kernel = numbers(layer.config["kernel_size"], rank)
    strides = numbers(layer.config.get("strides", 1), rank)
    dilation = numbers(layer.config.get("dilation_rate", 1), rank)
    filters = int(layer.config["filters"])
    weight = layer.weight("kernel", (*kernel, filters, channels), "*s o i -> i o *s")
    crop = _crop(layer, sizes, kernel, strides, dilation)
    op = ConvTranspose(channels, filters, kernel, strides, dilation, crop, 1, orientation(layer))
    value = layer.add(op, value, **with_bias(layer, filters, weight=weight))
    return activate(layer, value, layer.config.get("activation"))


def _crop(
    layer: LayerCall,
    sizes: Sequence[Dim],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> Pads:
    """What is cut from the two ends of the full result of a transposed convolution."""
    rank = len(kernel)
    word = str(layer.config.get("padding", "valid")).lower()
    extra = layer.config.get("output_padding")
    extras: Sequence[int | None] = (None,) * rank if extra is None else numbers(extra, rank)
    rows = zip(kernel, strides, dilation, extras, strict=True)
    totals = [sum(transpose_crop(k, s, d, word, e)) for k, s, d, e in rows]
    told = layer.config.get("output_shape")
    if told is not None:
        result = [
            told[axis]
            for axis in (range(2, rank + 2) if orientation(layer) == "first" else range(1, rank + 1))
        ]
        totals = [
            _left_over(layer, *row) for row in zip(sizes, result, kernel, strides, dilation, strict=True)
        ]
    front = layer.context.conventions.crop
    low = [
        front(d * (k - 1) + 1, n) if word == "same" else 0
        for k, d, n in zip(kernel, dilation, totals, strict=True)
    ]
    return tuple((cut, total - cut) for cut, total in zip(low, totals, strict=True))


def _left_over(
    layer: LayerCall, size: Dim, result: int | None, kernel: int, stride: int, dilation: int
) -> int:
    """How much longer the full result is than the told one."""
    if not isinstance(size, int) or result is None:
        raise layer.refuse(
            "the size of its input and of its output must be known", "give it with --input-shape"
        )
    return (size - 1) * stride + dilation * (kernel - 1) + 1 - int(result)
