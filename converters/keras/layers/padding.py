"""Layers that add cells at the ends of axes, or cut them off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.keras.layer import LayerCall
from converters.keras.layers.convolution import orientation
from converters.keras.rules import rules
from porter.graph.model import Value
from porter.graph.ops.reshaping import Pad, Slice

Ends = tuple[tuple[int, int], ...]


def ends(told: Any, rank: int) -> Ends:
    """Before and after each spatial axis, from Keras's short spellings: 2, (1, 2), ((1, 2), (0, 3))."""
    if not isinstance(told, Sequence):
        return ((int(told), int(told)),) * rank
    if rank == 1 and not isinstance(told[0], Sequence):
        before, after = told if len(told) == 2 else (told[0], told[0])
        return ((int(before), int(after)),)
    return tuple(
        (int(part[0]), int(part[1])) if isinstance(part, Sequence) else (int(part), int(part))
        for part in told
    )


def per_axis(layer: LayerCall, told: Any) -> Ends:
    """The same for all axes of the input: batch and channels stay."""
    rank = layer.value.rank - 2
    inner = ends(told, rank)
    if len(inner) != rank:
        raise layer.refuse(f"{told!r} does not fit {rank} spatial axes")
    return ((0, 0), (0, 0), *inner) if orientation(layer) == "first" else ((0, 0), *inner, (0, 0))


@rules.reads("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def read_zero_padding(layer: LayerCall) -> Value:
    return layer.add(Pad(per_axis(layer, layer.config.get("padding", 1))), layer.value)


@rules.reads("Cropping1D", "Cropping2D", "Cropping3D")
def read_cropping(layer: LayerCall) -> Value:
    cut = per_axis(layer, layer.config.get("cropping", 1))
    ranges = tuple((before or None, -after if after else None, 1) for before, after in cut)
    return layer.add(Slice(ranges), layer.value)
