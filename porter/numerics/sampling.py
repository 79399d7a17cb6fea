"""Sampling `(n, *s, c)` data at free places, given as coordinates between -1 and 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

import numpy as np

from porter.errors import GraphError
from porter.numerics.resampling import keys_kernel
from porter.numerics.spatial import Array

Tap = tuple[Array, Array]
"""The cell that a place looks at along one axis, as a float, and its weight."""


def grid_sample(
    x: Array,
    grid: Array,
    mode: str = "linear",
    outside: str = "zeros",
    align_corners: bool = False,
    cubic: float = -0.75,
) -> Array:
    """The value of x at each place of `grid` `(n, *out, rank)`: `(n, *out, c)`.

    The last axis of grid names the spatial axes in reverse order. -1 and 1 are the centres of the
    outermost cells if `align_corners`, g -> (g + 1) / 2 * (size - 1), and else their outer edges,
    g -> ((g + 1) * size - 1) / 2. `mode` is "nearest" (ties to the even cell), "linear" or
    "cubic" (Keys's kernel). What lies outside is "zeros", the "border" cell, or by "reflection"
    at the line that -1 and 1 stand for.
    """
    if mode not in _TAPS or outside not in ("zeros", "border", "reflection"):
        raise GraphError(f'cannot sample by "{mode}" with "{outside}" outside')
    bound = _Bound(outside, align_corners)
    axes: list[list[Tap]] = []
    for axis, size in enumerate(x.shape[1:-1]):
        g = grid[..., -1 - axis]
        place = (g + 1) / 2 * (size - 1) if align_corners else ((g + 1) * size - 1) / 2
        place = place if mode == "cubic" else bound(place, size)
        taps = _TAPS[mode](place, cubic)
        axes.append([(bound(cell, size) if mode == "cubic" else cell, w) for cell, w in taps])
    total = np.zeros((*grid.shape[:-1], x.shape[-1]), x.dtype)
    for chosen in product(*axes):
        total += _look(x, chosen)
    return total


class _Bound:
    """Brings places inside the data, in the way one rule for the outside says."""

    def __init__(self, outside: str, align_corners: bool) -> None:
        self.outside = outside
        self.edge = 0.0 if align_corners else 0.5

    def __call__(self, place: Array, size: int) -> Array:
        if self.outside == "zeros":
            return place
        if self.outside == "reflection":
            low, span = -self.edge, size - 1 + 2 * self.edge
            if span == 0:
                return np.zeros_like(place)
            turned = np.mod(np.abs(place - low), 2 * span)
            place = np.minimum(turned, 2 * span - turned) + low
        return np.clip(place, 0, size - 1)


def _nearest(place: Array, cubic: float) -> list[Tap]:
    del cubic
    return [(np.rint(place), np.ones_like(place))]


def _linear(place: Array, cubic: float) -> list[Tap]:
    del cubic
    cell = np.floor(place)
    return [(cell, 1 - (place - cell)), (cell + 1, place - cell)]


def _cubic(place: Array, cubic: float) -> list[Tap]:
    weigh = keys_kernel(cubic)
    cell = np.floor(place)
    return [(cell + k, weigh(place - cell - k)) for k in (-1, 0, 1, 2)]


_TAPS: Mapping[str, Callable[[Array, float], list[Tap]]] = {
    "nearest": _nearest,
    "linear": _linear,
    "cubic": _cubic,
}


def _look(x: Array, taps: tuple[Tap, ...]) -> Array:
    """The weighted values at one cell per place; cells outside are zeros."""
    weight = np.ones_like(taps[0][1])
    cells = []
    for (cell, share), size in zip(taps, x.shape[1:-1], strict=True):
        weight = weight * np.where((cell >= 0) & (cell <= size - 1), share, 0)
        cells.append(np.clip(cell, 0, size - 1).astype(np.intp))
    batch = np.arange(x.shape[0]).reshape(-1, *[1] * (weight.ndim - 1))
    return np.asarray(x[(batch, *cells)] * weight[..., None].astype(x.dtype))
