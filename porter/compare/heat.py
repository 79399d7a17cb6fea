"""Where in an image two arrays differ: a small map of the largest differences, over all rows and channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from porter.dataclass import dataclass

Array = np.ndarray

SIDE = 48
"""Cells along the longer side of a map, at most."""

SHADES = 255


@dataclass(frozen=True)
class Heat:
    """Rows of shades from 0 (the same) to 255 (`top`), from the upper left."""

    top: float
    shades: tuple[tuple[int, ...], ...]


def heat_map(given: Array, right: Array, image: Sequence[int] | None) -> Heat | None:
    """The map over the two axes `image` (height, width); None where there is no image to speak of."""
    if image is None or given.shape != right.shape or not right.size or right.dtype.kind != "f":
        return None
    height, width = image
    rest = tuple(axis for axis in range(right.ndim) if axis not in (height, width))
    off = np.zeros([right.shape[height], right.shape[width]])
    for x, y in zip(given, right, strict=True):
        with np.errstate(invalid="ignore"):
            differing = np.abs(x.astype("float64") - y.astype("float64"))
        inner = tuple(axis - 1 for axis in rest if axis)
        off = np.fmax(off, differing.max(axis=inner) if inner else differing)
    off = np.where(np.isfinite(off), off, 0.0)
    small = _pooled(_pooled(off).T).T
    top = float(small.max())
    shades = np.rint(small / top * SHADES).astype(int) if top else np.zeros_like(small, int)
    return Heat(top, tuple(tuple(map(int, row)) for row in shades))


def _pooled(array: Array) -> Array:
    """At most SIDE rows, each the largest of those that it stands for."""
    if array.shape[0] <= SIDE:
        return array
    edges = np.linspace(0, array.shape[0], SIDE + 1).astype(int)[:-1]
    found: Array = np.maximum.reduceat(array, edges, axis=0)
    return found
