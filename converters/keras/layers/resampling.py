"""Layers that change the size of images and sequences."""

from __future__ import annotations

from converters.keras.layer import LayerCall
from converters.keras.layers.convolution import numbers, orientation, spatial
from converters.keras.rules import rules
from porter.graph.dims import Dim
from porter.graph.model import Value
from porter.graph.ops.convolution import split
from porter.graph.ops.resampling import Resize, Upsample
from porter.graph.ops.reshaping import Repeat, Slice

KERNELS = {
    "bilinear": "linear",
    "bicubic": "cubic",
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
    "area": "area",
}
"""Keras's interpolations by the kernels that they weigh cells with."""


@rules.reads("UpSampling1D")
def read_up_sampling_1d(layer: LayerCall) -> Value:
    return layer.add(Repeat(int(layer.config.get("size", 2)), 1), layer.value)


@rules.reads("UpSampling2D", "UpSampling3D")
def read_up_sampling(layer: LayerCall) -> Value:
    value = layer.value
    factors = numbers(layer.config.get("size", 2), value.rank - 2)
    word = str(layer.config.get("interpolation", "nearest")).lower()
    if word == "nearest":
        return layer.add(Upsample(factors, orientation(layer)), value)
    aside = bool(layer.config.get("half_pixel", True))
    op = Resize(_kernel(layer, word), factors=factors, half_pixel=aside, orientation=orientation(layer))
    return layer.add(op, value)


def _kernel(layer: LayerCall, word: str) -> str:
    if word not in KERNELS:
        raise layer.refuse(f"interpolation {word!r} is not one of nearest, {', '.join(KERNELS)}")
    return KERNELS[word]


@rules.reads("Resizing")
def read_resizing(layer: LayerCall) -> Value:
    value = layer.value
    if value.rank != 4:
        raise layer.refuse("images in a batch are expected: four axes")
    wanted = (int(layer.config["height"]), int(layer.config["width"]))
    if layer.config.get("pad_to_aspect_ratio"):
        raise layer.refuse("padding to the aspect ratio is not carried", "pad before the model")
    if layer.config.get("crop_to_aspect_ratio"):
        value = _cropped(layer, value, wanted)
    word = str(layer.config.get("interpolation", "bilinear")).lower()
    kernel = "nearest" if word == "nearest" else _kernel(layer, word)
    antialias = bool(layer.config.get("antialias", False)) and kernel not in ("nearest", "area")
    value = layer.cast(value, "float32") if "float" not in value.dtype else value
    return layer.add(Resize(kernel, size=wanted, antialias=antialias, orientation=orientation(layer)), value)


def _known(layer: LayerCall, sizes: tuple[Dim, ...]) -> list[int]:
    known = [size for size in sizes if isinstance(size, int)]
    if len(known) < len(sizes):
        raise layer.refuse("the size of its input must be known, to crop it", "give --input-shape")
    return known


def _cropped(layer: LayerCall, value: Value, wanted: tuple[int, int]) -> Value:
    """The largest middle part of the wanted shape's proportions."""
    height, width = _known(layer, spatial(layer, value)[0])
    tall = max(min(height, int(width * wanted[0] / wanted[1])), 1)
    wide = max(min(width, int(height * wanted[1] / wanted[0])), 1)
    return _window(layer, value, (int((height - tall) / 2), int((width - wide) / 2)), (tall, wide))


def _window(layer: LayerCall, value: Value, start: tuple[int, int], size: tuple[int, int]) -> Value:
    whole = (None, None, 1)
    cut = tuple((low, low + count, 1) for low, count in zip(start, size, strict=True))
    ranges = (whole, whole, *cut) if orientation(layer) == "first" else (whole, *cut, whole)
    return layer.add(Slice(ranges), value)


@rules.reads("CenterCrop")
def read_center_crop(layer: LayerCall) -> Value:
    value = layer.value
    wanted = (int(layer.config["height"]), int(layer.config["width"]))
    height, width = _known(layer, split(value.spec, orientation(layer))[1])
    if height >= wanted[0] and width >= wanted[1]:
        return _window(layer, value, ((height - wanted[0]) // 2, (width - wanted[1]) // 2), wanted)
    value = layer.cast(_cropped(layer, value, wanted), "float32")
    return layer.add(Resize("linear", size=wanted, orientation=orientation(layer)), value)
