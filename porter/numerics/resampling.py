"""Resizing `(n, *s, c)` data along its spatial axes, and moving channels into space.

Each axis is resampled by itself: every output cell is a weighted sum of a few input cells, and
all methods differ only in the table of cells and weights. Output cell i lies at

    half_pixel      (i + 0.5) * scale - 0.5, scale = size / out
    align_corners   i * scale,               scale = (size - 1) / (out - 1), or 0 for one cell
    neither         i * scale,               scale = size / out

in units of input cells. A `scales` entry replaces size / out where a model states its factor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from porter.axes import Move
from porter.errors import GraphError
from porter.numerics.spatial import Array, Sizes

Floats = np.ndarray[Any, np.dtype[np.float64]]
Table = tuple[np.ndarray[Any, np.dtype[np.intp]], Floats]
"""Which input cells each output cell sees, and their weights: both `(out, taps)`."""


def resize(
    x: Array,
    size: Sizes,
    method: str,
    *,
    half_pixel: bool = True,
    align_corners: bool = False,
    antialias: bool = False,
    cubic: float = -0.5,
    clamp: bool = False,
    grid: int | None = None,
    scales: Sequence[float | None] | None = None,
) -> Array:
    """Resample to `size` by "linear", "cubic", "lanczos3", "lanczos5" or "area".

    The weight of input cell j for an output cell at c is K((j - c) / k), with k = max(scale, 1)
    if `antialias` and else 1. Cells beyond the ends are left out and the rest weighs 1 in all, or
    with `clamp` they repeat the edge. K is 1 - |t| for linear; Keys's with a = `cubic`; sinc(t)
    sinc(t / r) for lanczos. "area" takes the mean over i * scale to (i + 1) * scale. With `grid`
    the fraction of c is rounded to multiples of 1 / grid, as where K is kept in a table.
    """
    if not np.issubdtype(x.dtype, np.floating):
        raise GraphError(f'resizing by "{method}" makes fractions: not for data of {x.dtype}')
    for axis, cells, centres, scale in _axes(x, size, half_pixel, align_corners, scales):
        if method == "area":
            table = _area(cells, centres.size, scale)
        else:
            stretch = max(scale, 1.0) if antialias else 1.0
            table = _weighted(cells, _snapped(centres, grid), stretch, _kernel(method, cubic), clamp)
        x = _apply(x, axis, table)
    return x


def resize_nearest(
    x: Array,
    size: Sizes,
    *,
    half_pixel: bool = True,
    align_corners: bool = False,
    rounding: str = "round_half_up",
    scales: Sequence[float | None] | None = None,
) -> Array:
    """Take for each output cell the input cell nearest to its place, within the data.

    `rounding` of the place is "floor", "ceil", "round_half_up" or "round_half_down". Places are
    computed in single precision whatever the data, as the frameworks do, because here the last
    bit decides between two cells.
    """
    ties = {"floor": 0.0, "ceil": 0.0, "round_half_up": 0.5, "round_half_down": -0.5}
    if rounding not in ties:
        raise GraphError(f'rounding is one of {", ".join(ties)}, got "{rounding}"')
    up = rounding in ("ceil", "round_half_down")
    for axis, cells, centres, scale in _axes(x, size, half_pixel, align_corners, scales):
        half = 0.5 if half_pixel else 0.0
        places = (np.arange(centres.size, dtype=np.float32) + np.float32(half)) * np.float32(scale)
        places = places + np.float32(ties[rounding] - half)
        chosen = np.ceil(places) if up else np.floor(places)
        x = x.take(np.clip(chosen.astype(np.intp), 0, cells - 1), axis=axis)
    return x


def upsample_nearest(x: Array, factors: Sizes) -> Array:
    """Repeat each cell `factors` times along the spatial axes."""
    for axis, factor in enumerate(factors, start=1):
        x = np.repeat(x, factor, axis=axis)
    return x


def pixel_shuffle(x: Array, factors: Sizes, *, blocks_first: bool = False) -> Array:
    """Move channels into space: each cell becomes a block of `factors` cells.

    The channels are read as `(c b0 b1 ...)`, or as `(b0 b1 ... c)` with `blocks_first`.
    """
    return _shuffle(len(factors), blocks_first).apply(x, _blocks(factors))


def pixel_unshuffle(x: Array, factors: Sizes, *, blocks_first: bool = False) -> Array:
    """The inverse of `pixel_shuffle`: blocks of cells become channels."""
    return _shuffle(len(factors), blocks_first).inverse().apply(x, _blocks(factors))


def _shuffle(rank: int, blocks_first: bool) -> Move:
    """Channels to space, as one axis string."""
    cells = [f"s{k}" for k in range(rank)]
    blocks = [f"b{k}" for k in range(rank)]
    channels = " ".join([*blocks, "c"] if blocks_first else ["c", *blocks])
    spread = " ".join(f"({s} {b})" for s, b in zip(cells, blocks, strict=True))
    return Move.parse(f"n {' '.join(cells)} ({channels}) -> n {spread} c")


def _blocks(factors: Sizes) -> dict[str, int]:
    return {f"b{k}": factor for k, factor in enumerate(factors)}


def _axes(
    x: Array,
    size: Sizes,
    half_pixel: bool,
    align_corners: bool,
    scales: Sequence[float | None] | None,
) -> list[tuple[int, int, Floats, float]]:
    """For each spatial axis: its number, cells, the places of the output cells, and the scale."""
    if len(size) != x.ndim - 2:
        raise GraphError(f"size {tuple(size)} does not fit data of shape {x.shape}")
    if half_pixel and align_corners:
        raise GraphError("half_pixel and align_corners exclude one another")
    told = scales or (None,) * len(size)
    rows = []
    for axis, (out, cells, given) in enumerate(zip(size, x.shape[1:-1], told, strict=True), start=1):
        scale = cells / out if given is None else given
        if align_corners:
            scale = (cells - 1) / (out - 1) if out > 1 else 0.0
        steps = np.arange(out, dtype=np.float64)
        centres = (steps + 0.5) * scale - 0.5 if half_pixel else steps * scale
        rows.append((axis, cells, centres, scale))
    return rows


def _snapped(centres: Floats, grid: int | None) -> Floats:
    """Places whose fraction is a multiple of 1 / grid."""
    if grid is None:
        return centres
    whole = np.floor(centres)
    return whole + np.round((centres - whole) * grid) / grid


def _weighted(
    cells: int, centres: Floats, stretch: float, kernel: tuple[float, Kernel], clamp: bool
) -> Table:
    """The cells within the kernel's radius of each place, and the kernel's value there."""
    radius, weigh = kernel
    first = np.ceil(centres - radius * stretch).astype(np.intp)
    taps = first[:, None] + np.arange(int(2 * radius * stretch) + 1)
    weights = weigh((taps - centres[:, None]) / stretch)
    if not clamp:
        weights = np.where((taps >= 0) & (taps < cells), weights, 0)
    if not clamp or stretch > 1:
        weights = weights / weights.sum(axis=1, keepdims=True)
    return np.clip(taps, 0, cells - 1), weights


def _area(cells: int, out: int, scale: float) -> Table:
    """How much of each cell lies between i * scale and (i + 1) * scale."""
    start = np.arange(out, dtype=np.float64)[:, None] * scale
    taps = np.floor(start).astype(np.intp) + np.arange(int(np.ceil(scale)) + 1)
    shared = np.minimum(taps + 1, start + scale) - np.maximum(taps, start)
    return np.clip(taps, 0, cells - 1), np.maximum(shared, 0) / scale


def _apply(x: Array, axis: int, table: Table) -> Array:
    """The weighted sum along one axis, tap by tap."""
    taps, weights = table
    shape = [-1 if k == axis else 1 for k in range(x.ndim)]
    columns = [k for k in range(taps.shape[1]) if weights[:, k].any()] or [0]
    rows = (x.take(taps[:, k], axis=axis) * weights[:, k].astype(x.dtype).reshape(shape) for k in columns)
    total: Array = next(rows)
    for row in rows:
        total += row
    return total


def _linear(t: Floats) -> Floats:
    return np.asarray(np.maximum(1 - np.abs(t), 0))


def keys_kernel(a: float) -> Kernel:
    """The cubic convolution kernel of R. Keys with radius 2; a is its slope at 1."""

    def weigh(t: Floats) -> Floats:
        t = np.abs(t)
        near = ((a + 2) * t - (a + 3)) * t * t + 1
        far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
        return np.where(t <= 1, near, np.where(t < 2, far, 0))

    return weigh


def _lanczos(radius: int) -> Kernel:
    def weigh(t: Floats) -> Floats:
        return np.where(np.abs(t) < radius, np.sinc(t) * np.sinc(t / radius), 0)

    return weigh


Kernel = Callable[[Floats], Floats]
_KERNELS: Mapping[str, Callable[[float], tuple[float, Kernel]]] = {
    "linear": lambda _: (1.0, _linear),
    "cubic": lambda a: (2.0, keys_kernel(a)),
    "lanczos3": lambda _: (3.0, _lanczos(3)),
    "lanczos5": lambda _: (5.0, _lanczos(5)),
}


def _kernel(method: str, cubic: float) -> tuple[float, Kernel]:
    """The radius and the weights of a method."""
    if method not in _KERNELS:
        raise GraphError(f'a resize is one of {", ".join(_KERNELS)} or area, got "{method}"')
    return _KERNELS[method](cubic)
