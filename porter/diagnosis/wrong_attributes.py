"""What can be wrong with a step's attributes: values that people and frameworks choose otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np

from porter.diagnosis.hypothesis import Array, Hypothesis, code, many, of_first
from porter.graph.dims import static
from porter.graph.model import Node
from porter.graph.ops.attention import Attention
from porter.graph.ops.convolution import Conv, ConvTranspose, explicit, split
from porter.graph.ops.normalisation import BatchNorm, LayerNorm
from porter.graph.ops.pooling import AvgPool, MaxPool

EPSILONS = (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12, 1.001e-5, 1e-4, 1e-2, 0.0)
RARE = (1.001e-5,)
"""Values that cannot be told from one that is in common use, and are told where that one is no cause."""

SLOPES = (0.01, 0.1, 0.2, 0.3, 0.0)

KERNELS = ("nearest", "linear", "cubic", "lanczos3", "area")

VALUES: Mapping[str, tuple[str, Sequence[Any]]] = {
    "epsilon": ("epsilon is {new:g}, where {old:g} is right", EPSILONS),
    "negative_slope": ("the slope for negative numbers is {new:g}, where {old:g} is right", SLOPES),
    "alpha": ("alpha is {new:g}, where {old:g} is right", (1.0, *SLOPES)),
    "max_value": ("the largest value is {new}, where {old} is right", (None, 6.0, 1.0)),
    "axis": ("the axis is {new}, where {old} is right", (-1, 0, 1, 2, 3)),
    "approximate": ("GELU is computed {new:gelu}, where {old:gelu} is right", (True, False)),
    "count_padding": ("average pooling counts the padding: {new}; right is {old}", (True, False)),
    "half_pixel": ("pixels are taken at half places: {new}; right is {old}", (True, False)),
    "antialias": ("antialiasing: {new}; right is {old}", (True, False)),
    "kernel": ("it is resized by {new}, where {old} is right", KERNELS),
    "reset_after": ("the reset gate acts after the product: {new}; right is {old}", (True, False)),
    "causal": ("causal: {new}; right is {old}", (True, False)),
}  # fmt: skip
"""Values to try for attributes of these names, and how a wrong one is told."""

MODES = {
    "reflect": "reflection",
    "edge": "repeating the edge",
    "wrap": "the other side",
    "symmetric": "mirroring",
}


class _Told:
    """A value in a sentence; `gelu` says which GELU a truth stands for."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __format__(self, spec: str) -> str:
        if spec == "gelu":
            return "by tanh" if self.value else "exactly, by erf"
        return format(self.value, spec) if spec and isinstance(self.value, float) else str(self.value)


def in_attributes(node: Node) -> Iterator[Hypothesis]:
    """Mistakes in the attributes of one step."""
    op = node.op
    for each in fields(op):
        old = getattr(op, each.name)
        sentence, values = VALUES.get(each.name, ("", ()))
        for new in values:
            if type(old) is tuple or new == old or (each.name == "axis" and _same_axis(node, old, new)):
                continue
            told = sentence.format(new=_Told(new), old=_Told(old))
            title, rare = f"another {each.name.replace('_', ' ')}", int(new in RARE)
            yield code(title, told, replace(op, **{each.name: new}), simple=rare)
    yield from _pads(node)
    if isinstance(op, Conv | MaxPool):
        yield from _dilated(op)
    if isinstance(op, MaxPool | AvgPool):
        yield from _ceiling(node, op)
    if isinstance(op, BatchNorm | LayerNorm):
        yield from _outside(node, op)
    if isinstance(op, Attention):
        yield from _scaled(node, op)


def _same_axis(node: Node, old: int | None, new: int) -> bool:
    rank = node.inputs[0].rank
    return old is None or not rank or new % rank == old % rank


def _pads(node: Node) -> Iterator[Hypothesis]:
    name = "crop" if isinstance(node.op, ConvTranspose) else "padding"
    pads = node.op.crop if isinstance(node.op, ConvTranspose) else _explicit(node)
    if not pads:
        return
    told = {
        tuple((high, low) for low, high in pads): "the padding's odd row and column are on the other side",
        tuple((low + high, 0) for low, high in pads): "all of the padding stands in front",
        tuple((0, low + high) for low, high in pads): "all of the padding stands behind",
        tuple(((low + high + 1) // 2,) * 2 for low, high in pads): "both sides have the same padding",
        tuple(((low + high) // 2,) * 2 for low, high in pads): "both sides have the same padding, and less",
        tuple((0, 0) for _ in pads): "there is no padding",
    }  # fmt: skip
    if all(pair == (0, 0) for pair in pads) and isinstance(node.op, Conv):
        half = tuple(((k - 1) * d // 2,) * 2 for k, d in zip(node.op.kernel, node.op.dilation, strict=True))
        told[half] = "there is padding on both sides"
    for new, sentence in told.items():
        if new != pads:
            said = f"{sentence}: {_sides(new)}, where {_sides(pads)} is right"
            yield code("another padding", said, replace(node.op, **{name: new}))
    if isinstance(node.op, Conv) and any(map(any, pads)):
        yield from _modes(node.op, pads)


def _explicit(node: Node) -> tuple[tuple[int, int], ...] | None:
    """The padding of windows in numbers."""
    op = node.op
    if not isinstance(op, Conv | MaxPool | AvgPool):
        return None
    if op.padding != "same":
        return op.padding
    sizes = static(split(node.inputs[0].spec, op.orientation)[1])
    window = op.kernel if isinstance(op, Conv) else op.window
    dilation = () if isinstance(op, AvgPool) else op.dilation
    return (
        None if sizes is None else explicit("same", sizes, window, op.strides, dilation or (1,) * len(window))
    )


def _sides(pads: Sequence[tuple[int, int]]) -> str:
    return ", ".join(f"{low}+{high}" for low, high in pads)


def _modes(op: Conv, pads: Sequence[tuple[int, int]]) -> Iterator[Hypothesis]:
    whole = ((0, 0), (0, 0), *pads) if op.orientation == "first" else ((0, 0), *pads, (0, 0))
    none = replace(op, padding=tuple((0, 0) for _ in pads))
    for mode, word in MODES.items():
        told = f"the padding is filled by {word}, where zeros are right"
        yield code("another padding mode", told, none, of_first(partial(_filled, whole, mode)))


def _filled(pads: Sequence[tuple[int, int]], mode: str, x: Array) -> Array:
    made: Array = np.pad(x, pads, mode)  # type: ignore[call-overload]
    return made


def _dilated(op: Conv | MaxPool) -> Iterator[Hypothesis]:
    dilation = op.dilation or tuple(1 for _ in op.strides)
    if op.strides != dilation:
        other = replace(op, strides=dilation, dilation=op.strides)
        yield code("dilation for stride", "strides and dilation are exchanged", other)
    if any(step > 1 for step in dilation) and isinstance(op.padding, tuple):
        less = tuple((low // d, high // d) for (low, high), d in zip(op.padding, dilation, strict=True))
        other = replace(op, padding=less, dilation=tuple(1 for _ in dilation))
        yield code("dilation missing", "the window is not dilated", other)


def _ceiling(node: Node, op: MaxPool | AvgPool) -> Iterator[Hypothesis]:
    """Windows that reach over the end: counted, or not."""
    pads = _explicit(node)
    sizes = static(split(node.inputs[0].spec, op.orientation)[1])
    if pads is None or sizes is None:
        return
    rows = list(zip(sizes, pads, op.window, op.strides, strict=True))
    over = [-(size + low + high - window) % step for size, (low, high), window, step in rows]
    more = tuple((low, high + extra) for (low, high), extra in zip(pads, over, strict=True))
    if more != pads:
        told = "a last window that reaches over the end is counted (ceil mode), where it is left out"
        yield code("ceil mode", told, replace(op, padding=more))
    less = tuple((low, max(0, high - window + 1)) for _, (low, high), window, _ in rows)
    if less != pads:
        told = "a last window that reaches over the end is left out, where it is counted (ceil mode)"
        yield code("ceil mode", told, replace(op, padding=less), simple=1)


def _outside(node: Node, op: BatchNorm | LayerNorm) -> Iterator[Hypothesis]:
    told = f"epsilon ({op.epsilon:g}) is added to the deviation, where it is added to the variance"
    if isinstance(op, BatchNorm) and "variance" in node.params:
        outside = many(
            node, "epsilon outside the root", told,
            lambda p: {**p, "variance": (np.sqrt(p["variance"]) + op.epsilon) ** 2 - op.epsilon},
        )  # fmt: skip
        yield replace(outside, kind="code")


def _scaled(node: Node, op: Attention) -> Iterator[Hypothesis]:
    width = node.inputs[0].shape[-1]
    heads = node.inputs[0].shape[-3] if node.inputs[0].rank > 3 else 1
    if not isinstance(width, int) or not isinstance(heads, int):
        return
    right = width**-0.5 if op.scale is None else op.scale
    scales = {
        1.0: "the scores are not scaled",
        width**-0.5: "the scores are divided by the root of a head's width",
        (width * heads) ** -0.5: "the scores are divided by the root of the whole width, not of a head's",
        1 / width: "the scores are divided by the width of a head, not by its root",
        width**0.5: "the scores are multiplied by the root of the width",
        width**-0.25: "the scores are divided by the fourth root of the width",
        right * right: "the scores are scaled twice",
    }
    for scale, told in scales.items():
        if abs(scale - right) > 1e-9:
            said = f"{told} (scale {scale:.4g}, where {right:.4g} is right)"
            yield code("another attention scale", said, replace(op, scale=scale))
