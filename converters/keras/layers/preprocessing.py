"""Layers that prepare numbers: scaling, standardising, encoding categories."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from converters.keras.dtypes import compute_dtype
from converters.keras.layer import LayerCall
from converters.keras.layers.normalisation import axes_of
from converters.keras.layers.resampling import read_resizing
from converters.keras.masks import passes_mask
from converters.keras.rules import rules
from porter.graph.model import Param, Value
from porter.graph.ops.elementwise import Binary, Cast, Where
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Reshape
from porter.graph.ops.sources import Constant
from porter.graph.regroup import Kept
from porter.weights.tensor import Constant as Numbers
from porter.weights.tensor import Derived, Tensor, moved

EPSILON = 1e-7
"""What `keras.backend.epsilon()` is unless a program changes it."""


@rules.reads("Rescaling")
def read_rescaling(layer: LayerCall) -> Value:
    value = layer.cast(layer.value, compute_dtype(layer.config.get("dtype"), layer.context.policy))
    scale, offset = (_number(layer, layer.config.get(name, 0.0), value) for name in ("scale", "offset"))
    if np.any(np.asarray(scale) != 1):
        value = layer.add(Binary("multiply"), value, layer.constant(scale, value.dtype))
    if np.any(np.asarray(offset) != 0):
        value = layer.add(Binary("add"), value, layer.constant(offset, value.dtype))
    return value


def _number(layer: LayerCall, told: Any, value: Value) -> Any:
    """A number, or several along the last axes, also as Keras 3 serialises arrays."""
    if isinstance(told, dict):
        told = told.get("config", {}).get("value", told)
    try:
        return np.asarray(told, value.dtype if value.dtype != "bfloat16" else "float32")
    except (TypeError, ValueError) as problem:
        raise layer.refuse(f"{told!r} is no number and no list of numbers") from problem


@rules.reads("Normalization")
def read_normalization(layer: LayerCall) -> Value:
    """(x - mean) / max(sqrt(variance), 1e-7), or back with `invert`."""
    told = layer.config.get("axis", -1)
    axes = () if told is None else axes_of(layer, told)
    value = layer.cast(layer.value, compute_dtype(layer.config.get("dtype"), layer.context.policy))
    mean, deviation = _given(layer, axes) if layer.config.get("mean") is not None else _learnt(layer, axes)
    with layer.part("mean"):
        middle = layer.add(Constant(mean.tensor.shape, value.dtype), value=mean)
    with layer.part("std"):
        spread = layer.add(Constant(deviation.tensor.shape, value.dtype), value=deviation)
    with layer.part("normalize"):
        if layer.config.get("invert"):
            return layer.add(Binary("add"), layer.add(Binary("multiply"), value, spread), middle)
        return layer.add(Binary("divide"), layer.add(Binary("subtract"), value, middle), spread)


def _learnt(layer: LayerCall, axes: tuple[int, ...]) -> tuple[Param, Param]:
    """What `adapt` found in data; the count of that data is of no use here."""
    shape = tuple(layer.size(axis) for axis in axes)
    mean = layer.tensor("mean", shape, trainable=False)
    variance = layer.tensor("variance", shape, trainable=False)
    layer.leave("count", (), "how many numbers `adapt` saw", optional=True)
    return _wide(layer, axes, mean, "mean"), _wide(layer, axes, _deviation(variance, shape), "std")


def _given(layer: LayerCall, axes: tuple[int, ...]) -> tuple[Param, Param]:
    """What the config says: one number, or an array over the last of the axes."""
    mean, variance = (np.asarray(layer.config[name], "float32") for name in ("mean", "variance"))
    if mean.ndim > len(axes):
        raise layer.refuse(f"its mean has {mean.ndim} axes, and it keeps {len(axes)}")
    own = axes[len(axes) - mean.ndim :]
    deviation = np.maximum(np.sqrt(variance), np.float32(EPSILON))
    return _wide(layer, own, Numbers(mean), "mean"), _wide(layer, own, Numbers(deviation), "std")


def _deviation(variance: Tensor, shape: tuple[int, ...]) -> Tensor:
    def compute(array: np.ndarray) -> np.ndarray:
        return np.asarray(np.maximum(np.sqrt(array), np.asarray(EPSILON, array.dtype)))

    return Derived((variance,), f"max(sqrt(x), {EPSILON})", shape, "float32", compute)


def _wide(layer: LayerCall, axes: tuple[int, ...], tensor: Tensor, name: str) -> Param:
    """An array over some axes so that it broadcasts against the input."""
    if not axes:
        return Param(tensor, False, name)
    names = " ".join(f"a{axis}" for axis in axes)
    wide = " ".join(f"a{axis}" if axis in axes else "1" for axis in range(layer.value.rank))
    return Param(moved(tensor, f"{names} -> {wide}"), False, name)


@rules.reads("Masking")
def read_masking(layer: LayerCall) -> Value:
    """Steps in which every number is the mask value count no more, and become 0."""
    value = layer.value
    ignored = layer.constant(float(layer.config.get("mask_value", 0.0)), value.dtype)
    differs = layer.add(Binary("not_equal"), value, ignored)
    wide = layer.add(Reduce("any", (value.rank - 1,), keepdims=True), differs)
    result = layer.add(Where(), wide, value, layer.constant(0.0, value.dtype))
    squeezed = Reshape(tuple(Kept(axis) for axis in range(value.rank - 1)))
    layer.context.masks[result] = layer.add(squeezed, wide)
    return result


@rules.reads("CategoryEncoding")
def read_category_encoding(layer: LayerCall) -> Value:
    if len(layer.inputs) > 1 or layer.kwargs.get("count_weights") is not None:
        raise layer.refuse("weights for the counts are not carried")
    if layer.config.get("sparse"):
        raise layer.refuse("sparse outputs are not carried")
    dtype = compute_dtype(layer.config.get("dtype"), layer.context.policy)
    mode = str(layer.config.get("output_mode", "multi_hot"))
    return encoded(layer, layer.value, int(layer.config["num_tokens"]), mode, dtype)


def encoded(layer: LayerCall, value: Value, depth: int, mode: str, dtype: str) -> Value:
    """Categories 0 to depth - 1 as rows of zeros and ones, or as counts over the last axis."""
    if mode == "one_hot" and value.rank > 1 and value.shape[-1] == 1:
        value = layer.add(Reshape(tuple(Kept(axis) for axis in range(value.rank - 1))), value)
    wide = layer.add(Reshape((*(Kept(axis) for axis in range(value.rank)), 1)), value)
    places = layer.constant(np.arange(depth), value.dtype)
    hot = layer.add(Cast(dtype), layer.add(Binary("equal"), wide, places))
    if mode == "one_hot":
        return hot
    if value.rank != 2 or mode not in ("multi_hot", "count"):
        raise layer.refuse(f"output_mode {mode!r} is not carried for an input of {value.rank} axes")
    return layer.add(Reduce("max" if mode == "multi_hot" else "sum", (1,)), hot)


@rules.reads("Discretization")
def read_discretization(layer: LayerCall) -> Value:
    """In which bin a number lies: how many boundaries are at most as large."""
    bounds = layer.config.get("bin_boundaries")
    if bounds is None:
        raise layer.refuse("its file holds no bin boundaries")
    value = layer.cast(layer.value, "float32")
    wide = layer.add(Reshape((*(Kept(axis) for axis in range(value.rank)), 1)), value)
    reached = layer.add(Binary("greater_equal"), wide, layer.constant(bounds, value.dtype))
    mode = str(layer.config.get("output_mode", "int"))
    told = compute_dtype(layer.config.get("dtype"), None)
    kind = told if mode == "int" else "int64"
    place = layer.add(Reduce("sum", (value.rank,)), layer.add(Cast(kind), reached))
    return place if mode == "int" else encoded(layer, place, len(bounds) + 1, mode, told)


AUGMENTATIONS = (
    "AugMix", "CutMix", "MixUp", "RandAugment", "RandomBrightness", "RandomColorDegeneration",
    "RandomColorJitter", "RandomContrast", "RandomCrop", "RandomElasticTransform", "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur", "RandomGrayscale", "RandomHeight", "RandomHue", "RandomInvert", "RandomPerspective",
    "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear",
    "RandomTranslation", "RandomWidth", "RandomZoom",
)  # fmt: skip
"""Layers that change images at random while training and hand them on in inference."""


@rules.reads(*AUGMENTATIONS)
def read_augmentation(layer: LayerCall) -> Value:
    if layer.spec.class_name == "RandomCrop" and layer.context.generation < 3:
        return _shrunk(layer)
    layer.context.notices.append(
        f"{'/'.join(layer.path)} ({layer.spec.class_name}): changes images while Keras trains and hands them "
        "on in inference, as here; training the converted model goes without it"
    )
    return layer.value


def _shrunk(layer: LayerCall) -> Value:
    """In inference Keras 2's RandomCrop keeps the largest middle part of its proportions, in its size."""
    told = {"interpolation": "bilinear", "crop_to_aspect_ratio": True, "pad_to_aspect_ratio": False}
    value = layer.value
    like = replace(layer, spec=replace(layer.spec, config={**layer.config, **told, "antialias": False}))
    return layer.cast(read_resizing(like), value.dtype)


rules.cannot_read(
    "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization", "Solarization",
    because="image preprocessing of this kind is not carried",
    hint="apply it before the model",
)  # fmt: skip
rules.cannot_read(
    "HashedCrossing", "Hashing", "StringLookup", "TextVectorization",
    because="it works on strings or hashes, which no tensor operation does",
    hint="convert the model behind it, and do this step before",
)  # fmt: skip
rules.cannot_read(
    "MaxNumBoundingBoxes", "MelSpectrogram", "STFTSpectrogram",
    because="this preprocessing is not carried yet",
    hint="apply it before the model",
)  # fmt: skip
rules.cannot_read(
    "FlaxLayer",
    "JaxLayer",
    "TFSMLayer",
    "TorchModuleWrapper",
    because="it wraps code of another framework",
    hint="convert that code by itself, or say what it computes with --custom FILE.py",
)


passes_mask("Masking", "Normalization", "Rescaling")
