"""Zeros around an image: the word `same` where it means just these, else a layer in front."""

from __future__ import annotations

from collections.abc import Sequence

from converters.keras.writes.making import beside
from porter.graph.dims import Shape, static
from porter.graph.model import Node
from porter.graph.ops.convolution import Padding, Pads, explicit
from porter.source.code import Expression, call


def word(
    padding: Padding,
    sizes: Shape,
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> str | None:
    """`same` or `valid`, where inputs of these sizes are padded so; None where neither says it."""
    if padding == "same":
        return "same"
    if not any(amount for pair in padding for amount in pair):
        return "valid"
    # without strides "same" depends on no size
    known = static(sizes) or (tuple(window) if set(strides) == {1} else None)
    same = known is not None and explicit("same", known, window, strides, dilation) == padding
    return "same" if same else None


def zeros(node: Node, pads: Pads, x: Expression) -> Expression:
    """`x` with zeros around its spatial axes."""
    return call(beside(f"ZeroPadding{len(pads)}D", node, "_pad", around(pads)), x)


def around(pads: Pads) -> object:
    """The amounts as the layers take them: one number or a pair for each axis."""
    if len(pads) == 1:
        low, high = pads[0]
        return low if low == high else (low, high)
    if all(low == high for low, high in pads):
        amounts = tuple(low for low, _ in pads)
        return amounts[0] if len(set(amounts)) == 1 else amounts
    return pads
