"""Layers that Keras 3 has quantised: weights in whole numbers become the real numbers that they stand for.

Only where the layer itself computes with those: one that rounds its inputs as well, at run time, is another
function than a layer of real weights, and is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil, prod
from typing import Any

import numpy as np

from converters.keras.layer import LayerCall
from porter.weights.tensor import Derived, Tensor, moved, number_type

Array = np.ndarray
Shape = tuple[int, ...]
LEAVE = "quantise the weights alone (activation_quantizer=None), or convert the model as it was before"


def mode_of(told: Any) -> str:
    """How a dtype policy quantises (`int8`, `int4/128`); empty where it does not."""
    if isinstance(told, dict):
        config = told.get("config")
        return str(config.get("mode") or "") if isinstance(config, dict) else ""
    mode, found, _ = str(told).partition("_from_")
    return mode if found else ""


def dequantised(layer: LayerCall, name: str, shape: Shape, bias: Shape | None) -> LayerCall:
    """The layer with real weights in the place of whole ones, as which the weight `name` has this `shape`.

    Keras keeps in this order: the weight, the bias, the scales; for groups, the zero points and the groups.
    """
    mode, _, group = mode_of(layer.config.get("dtype")).partition("/")
    if not mode:
        return layer
    if mode not in ("int8", "int4"):
        raise layer.refuse(f"it is quantised as {mode}, whose rounding at run time is not carried", LEAVE)
    told = layer.config.get("quantization_config")
    if mode == "int4" and not isinstance(told, dict):
        raise layer.refuse("it is quantised as int4 by a Keras that packed its weights in another way", LEAVE)
    if name == "kernel" and _rounds_inputs(told):
        raise layer.refuse(f"it is quantised as {mode} and rounds its inputs at run time as well", LEAVE)
    make = _int8 if mode == "int8" else _int4
    size = int(group) if group not in ("", "-1", "None") else 0
    return replace(layer, stand_in={name: make(layer, name, shape, bias, size)})


def _rounds_inputs(told: Any) -> bool:
    """Without a word, a Keras that quantises does."""
    config = told.get("config") if isinstance(told, dict) else None
    return not isinstance(config, dict) or config.get("activation_quantizer", "") is not None


def _int8(layer: LayerCall, name: str, shape: Shape, bias: Shape | None, group: int) -> Tensor:
    whole = layer.tensor(name, shape, trainable=False)
    if bias is not None:
        layer.tensor("bias", bias)
    sizes, spread = _scales(layer, name, shape)
    scale = layer.tensor(f"{name}_scale", sizes, trainable=False)

    def compute(numbers: Array, scales: Array) -> Array:
        real: Array = numbers.astype("float32") / spread(scales)
        return real

    return _derived(layer, (whole, scale), f"{name} / {name}_scale", shape, compute)


def _scales(layer: LayerCall, name: str, shape: Shape) -> tuple[Shape, Callable[[Array], Array]]:
    """The shape in which scales are stored, and what brings them to the axes of the weight."""
    if name == "embeddings":
        return shape[:1], lambda scales: scales[:, None]
    if layer.spec.class_name != "EinsumDense":
        return shape[-1:], lambda scales: scales
    kernel, result = _letters(layer)
    known = dict(zip(kernel, shape, strict=True))
    own = [letter for letter in result if letter in kernel]
    kept = [letter for letter in kernel if letter in own]

    def spread(scales: Array) -> Array:
        flat = scales.squeeze(tuple(place for place, letter in enumerate(result) if letter not in kernel))
        turned = flat.transpose([own.index(letter) for letter in kept])
        return np.expand_dims(turned, tuple(k for k, letter in enumerate(kernel) if letter not in own))

    return tuple(known.get(letter, 1) for letter in result), spread


def _letters(layer: LayerCall) -> tuple[str, str]:
    """The axes of an EinsumDense's kernel and of its result."""
    equation = str(layer.config["equation"]).replace(" ", "")
    if "..." in equation:
        raise layer.refuse("it is quantised, and its equation leaves axes open", LEAVE)
    head, _, result = equation.partition("->")
    return head.partition(",")[2], result


def _int4(layer: LayerCall, name: str, shape: Shape, bias: Shape | None, group: int) -> Tensor:
    """Two numbers in a byte, along the columns; groups of rows (of columns, in a table) have zero points."""
    if layer.spec.class_name != "EinsumDense":
        return _packed(layer, name, (shape[0], shape[1]), bias, group)
    kernel, result = _letters(layer)
    summed = [letter not in result for letter in kernel]
    if summed != sorted(summed, reverse=True):
        raise layer.refuse("it is quantised, and its kernel has other axes between those summed over", LEAVE)
    count = sum(summed)
    matrix = _packed(layer, name, (prod(shape[:count]), prod(shape[count:])), bias, group)
    move = f"({' '.join(kernel[:count])}) ({' '.join(kernel[count:])}) -> {' '.join(kernel)}"
    return matrix if len(kernel) == 2 else moved(matrix, move, **dict(zip(kernel, shape, strict=True)))


def _packed(layer: LayerCall, name: str, shape: tuple[int, int], bias: Shape | None, group: int) -> Tensor:
    (rows, columns), table = shape, name == "embeddings"
    bases = [layer.tensor(name, (rows, ceil(columns / 2)), trainable=False)]
    if bias is not None:
        layer.tensor("bias", bias)
    grouped, other = (columns, rows) if table else (rows, columns)
    count = ceil(grouped / group) if group else 0
    sizes = (other,) if not group else (other, count) if table else (count, other)
    bases += [layer.tensor(f"{name}_scale", sizes, trainable=False)]
    if group:
        bases += [layer.tensor(f"{name}_zero", sizes, trainable=False)]
        bases += [layer.tensor("g_idx", (grouped,), trainable=False)]

    def one_scale(numbers: Array, scales: Array) -> Array:
        real: Array = _unpacked(numbers, columns) / (scales[:, None] if table else scales)
        return real

    def in_groups(numbers: Array, scales: Array, zeros: Array, groups: Array) -> Array:
        axis, places = (1 if table else 0), groups.astype("int64")
        from_zero = _unpacked(numbers, columns) - np.take(zeros, places, axis).astype("float32")
        real: Array = from_zero * np.take(scales, places, axis)
        return real

    formula = f"({name} - {name}_zero) * {name}_scale" if group else f"{name} / {name}_scale"
    return _derived(layer, tuple(bases), formula, shape, in_groups if group else one_scale)


def _unpacked(packed: Array, columns: int) -> Array:
    """The lower half of a byte comes first; both are signed."""
    numbers = np.empty((len(packed), 2 * packed.shape[1]), "int8")
    numbers[:, 0::2], numbers[:, 1::2] = packed & 15, (packed >> 4) & 15
    return ((numbers[:, :columns] ^ 8) - 8).astype("float32")


def _derived(
    layer: LayerCall, bases: tuple[Tensor, ...], formula: str, shape: Shape, compute: Callable[..., Array]
) -> Tensor:
    kind = number_type(layer.weight_dtype)
    return Derived(bases, formula, shape, layer.weight_dtype, lambda *arrays: compute(*arrays).astype(kind))
