"""Layers with several inputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from string import ascii_lowercase

from converters.keras.layer import LayerCall
from converters.keras.rules import rules
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Cast, Where
from porter.graph.ops.linear import Einsum
from porter.graph.ops.normalisation import UnitNorm
from porter.graph.ops.op import normal_axis
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Concat, Reshape
from porter.graph.regroup import Kept

ELEMENTWISE = {
    "Add": "add",
    "Average": "add",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Multiply": "multiply",
    "Subtract": "subtract",
}
MASKED_VALUES = frozenset({"Maximum", "Minimum", "Multiply"})
"""Layers in which Keras 3 lets a masked step of one input give way to the other inputs."""


def aligned(layer: LayerCall, values: Sequence[Value]) -> list[Value]:
    """Values of one rank: axes of size 1 stand behind the batch of those that have fewer."""
    rank = max(value.rank for value in values)
    return [_raised(layer, value, rank) for value in values]


def _raised(layer: LayerCall, value: Value, rank: int) -> Value:
    missing = rank - value.rank
    if not missing:
        return value
    behind = (Kept(axis) for axis in range(1, value.rank))
    return layer.add(Reshape((Kept(0), *(1 for _ in range(missing)), *behind)), value)


@rules.reads(*ELEMENTWISE)
def read_merge(layer: LayerCall) -> Value:
    function = ELEMENTWISE[layer.spec.class_name]
    masks = [layer.context.masks.get(value) for value in layer.inputs]
    values = aligned(layer, layer.inputs)
    newer = layer.context.generation >= 3
    if newer and layer.spec.class_name in MASKED_VALUES and any(mask is not None for mask in masks):
        return _merge_where_counted(layer, values, masks)
    if newer and function == "add":
        _tell_of_lone_rows(layer, values)
    result = reduce(lambda a, b: layer.add(Binary(function), a, b), values)
    if layer.spec.class_name == "Average":
        result = layer.add(Binary("divide"), result, layer.constant(float(len(values)), result.dtype))
    _merge_masks(layer, result, masks)
    return result


def _tell_of_lone_rows(layer: LayerCall, values: Sequence[Value]) -> None:
    """In a batch of one row, Keras on TensorFlow takes an addend for a bias if it has the size of one."""
    left = values[0]
    for right in values[1:]:
        real = [place for place in range(1, right.rank) if right.shape[place] != 1]
        size = right.shape[real[0]] if len(real) == 1 else None
        if not isinstance(size, int) or size not in (left.shape[1], left.shape[-1]):
            continue
        if real[0] != (left.rank - 1 if left.shape[-1] == size else 1):
            layer.context.notices.append(
                f"{'/'.join(layer.path)}: for a batch of a single row Keras on TensorFlow adds along another "
                "axis than for any other batch; the port adds as for any other"
            )
            return


def _merge_where_counted(layer: LayerCall, values: Sequence[Value], masks: Sequence[Value | None]) -> Value:
    """Keras 3: at a masked step an input takes the value of what it is merged with."""
    function = ELEMENTWISE[layer.spec.class_name]
    if any(
        mask is not None and mask.rank + 1 != value.rank for value, mask in zip(values, masks, strict=True)
    ):
        raise layer.refuse("its inputs have masks of another rank than their steps")
    wide = [None if mask is None else _widened(layer, mask) for mask in masks]
    known = [mask for mask in wide if mask is not None]
    everywhere = reduce(lambda a, b: layer.add(Binary("logical_or"), a, b), known)
    if function == "multiply":
        one = layer.constant(1.0, values[0].dtype)
        values = [
            v if m is None else layer.add(Where(), m, v, one) for v, m in zip(values, wide, strict=True)
        ]
        result = reduce(lambda a, b: layer.add(Binary(function), a, b), values)
        if len(known) == len(values):
            result = layer.add(Where(), everywhere, result, layer.constant(0.0, result.dtype))
    else:
        result, counted = values[0], wide[0]
        for value, mask in zip(values[1:], wide[1:], strict=True):
            value = value if mask is None else layer.add(Where(), mask, value, result)
            result = result if counted is None else layer.add(Where(), counted, result, value)
            counted = (
                None if mask is None or counted is None else layer.add(Binary("logical_or"), counted, mask)
            )
            result = layer.add(Binary(function), result, value)
    _merge_masks(layer, result, masks)
    return result


def _widened(layer: LayerCall, mask: Value) -> Value:
    """A mask with an axis of size 1 behind."""
    return layer.add(Reshape((*(Kept(axis) for axis in range(mask.rank)), 1)), mask)


def _merge_masks(layer: LayerCall, result: Value, masks: Sequence[Value | None]) -> None:
    """Keras 3: a step counts if it does in any input, where all have masks; before: if it does in all."""
    known = [mask for mask in masks if mask is not None]
    newer = layer.context.generation >= 3
    if not known or (newer and len(known) < len(masks)):
        return
    function = "logical_or" if newer else "logical_and"
    layer.context.masks[result] = reduce(lambda a, b: layer.add(Binary(function), a, b), known)


@rules.reads("Concatenate")
def read_concatenate(layer: LayerCall) -> Value:
    first, *rest = layer.inputs
    axis = int(layer.config.get("axis", -1))
    result = layer.add(Concat(axis), first, *rest) if rest else first
    masks = [layer.context.masks.get(value) for value in layer.inputs]
    if any(mask is not None for mask in masks):
        _concatenate_masks(layer, result, masks, axis)
    return result


def _concatenate_masks(layer: LayerCall, result: Value, masks: Sequence[Value | None], axis: int) -> None:
    place = normal_axis(axis, result.rank)
    known = [mask for mask in masks if mask is not None]
    if place != result.rank - 1:
        if len(known) < len(masks) or place >= known[0].rank:
            raise layer.refuse(f"joining inputs along axis {axis} is not carried where only some have masks")
        layer.context.masks[result] = layer.add(Concat(place), *known)
        return
    newer = layer.context.generation >= 3
    if newer and any(mask is None for mask in masks):
        return  # an input without a mask counts everywhere, so every step has something that counts
    function = "logical_or" if newer else "logical_and"
    layer.context.masks[result] = reduce(lambda a, b: layer.add(Binary(function), a, b), known)


@rules.reads("Dot")
def read_dot(layer: LayerCall) -> Value:
    """Sums over one axis of each input; the axes left stand one after another."""
    if len(layer.inputs) != 2:
        raise layer.refuse(f"two inputs are expected, {len(layer.inputs)} are given")
    values = list(layer.inputs)
    told = layer.config["axes"]
    pair = (told, told) if isinstance(told, int) else tuple(told)
    axes = [normal_axis(int(axis), value.rank) for axis, value in zip(pair, values, strict=True)]
    if layer.config.get("normalize"):
        floor = 1e-7 if layer.context.generation >= 3 else 1e-6
        values = [
            layer.add(UnitNorm((axis,), floor), value) for axis, value in zip(axes, values, strict=True)
        ]
    letters = iter(ascii_lowercase)
    batch, shared = next(letters), next(letters)
    terms = [
        "".join(batch if k == 0 else shared if k == axis else next(letters) for k in range(value.rank))
        for axis, value in zip(axes, values, strict=True)
    ]
    left = [term.replace(batch, "").replace(shared, "") for term in terms]
    result = layer.add(Einsum(f"{terms[0]},{terms[1]}->{batch}{left[0]}{left[1]}"), *values)
    return layer.add(Reshape((Kept(0), 1)), result) if result.rank == 1 else result


def masked_mean(layer: LayerCall, value: Value, mask: Value, axis: int, keepdims: bool) -> Value:
    """The mean over the steps that count."""
    other = 1 if axis == 2 else 2
    shape = (Kept(0), 1, Kept(1)) if other == 1 else (Kept(0), Kept(1), 1)
    wide = layer.add(Reshape(shape), mask)
    kept = layer.add(Where(), wide, value, layer.constant(0.0, value.dtype))
    total = layer.add(Reduce("sum", (axis,), keepdims), kept)
    count = layer.add(Reduce("sum", (axis,), keepdims), layer.add(Cast(value.dtype), wide))
    return layer.add(Binary("divide"), total, count)
