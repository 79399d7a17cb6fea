"""Resampling along one axis as a matrix: each row says of how much of which cells a cell is made.

The conventions are PyTorch's: `factor` is the scale that was asked for, where it was (it need not be the
ratio of the sizes), and `corners` puts the outermost cells of both on one another.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Array = np.ndarray


def resampling_places(have: int, want: int, factor: float | None, mode: str) -> Array:
    """For "nearest" and "nearest_exact": the cell that each cell of the result copies."""
    scale = np.float32(_scale(have, want, factor))
    shift = np.float32(0.5 if mode == "nearest_exact" else 0.0)
    places = np.floor((np.arange(want, dtype="float32") + shift) * scale).astype("int64")
    found: Array = np.minimum(places, have - 1)
    return found


def resampling_matrix(have: int, want: int, factor: float | None, mode: str, *, corners: bool) -> Array:
    """The weights `(want, have)`, for "linear", "cubic" (a = -0.75) and, averaging over what a cell covers,
    "linear_smooth" and "cubic_smooth" (a = -0.5)."""
    if mode.endswith("smooth"):
        return _smooth(have, want, factor, mode, corners=corners)
    scale = _corner_scale(have, want) if corners else _scale(have, want, factor)
    matrix = np.zeros((want, have))
    for row in range(want):
        place = row * scale if corners else (row + 0.5) * scale - 0.5
        if mode == "linear":
            place = max(place, 0.0)
        start = math.floor(place)
        taps = _linear(place - start) if mode == "linear" else _cubic(place - start)
        for offset, weight in taps:
            matrix[row, min(max(start + offset, 0), have - 1)] += weight
    return matrix


def _scale(have: int, want: int, factor: float | None) -> float:
    return have / want if factor is None else 1 / factor


def _corner_scale(have: int, want: int) -> float:
    return (have - 1) / (want - 1) if want > 1 else 0.0


def _linear(part: float) -> list[tuple[int, float]]:
    return [(0, 1 - part), (1, part)]


def _cubic(part: float) -> list[tuple[int, float]]:
    return [(offset, _kernel(abs(part - offset), -0.75)) for offset in (-1, 0, 1, 2)]


def _kernel(distance: float, a: float) -> float:
    if distance <= 1:
        return ((a + 2) * distance - (a + 3)) * distance * distance + 1
    return (((distance - 5) * distance + 8) * distance - 4) * a if distance < 2 else 0.0


def _smooth(have: int, want: int, factor: float | None, mode: str, *, corners: bool) -> Array:
    scale = _corner_scale(have, want) if corners else _scale(have, want, factor)
    wide = max(scale, 1.0)
    kernel: Callable[[float], float] = (
        (lambda t: max(0.0, 1 - t)) if mode.startswith("linear") else (lambda t: _kernel(t, -0.5))
    )
    reach = (1.0 if mode.startswith("linear") else 2.0) * wide
    matrix = np.zeros((want, have))
    for row in range(want):
        centre = (row + 0.5) * scale
        first, last = max(int(centre - reach + 0.5), 0), min(int(centre + reach + 0.5), have)
        for place in range(first, last):
            matrix[row, place] = kernel(abs((place - centre + 0.5) / wide))
        matrix[row] /= matrix[row].sum()
    return matrix
