"""Pooling of `(n, *s, c)` data over sliding and over adaptive windows."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from porter.numerics.spatial import Array, Pairs, Sizes, pad, shifted_views

Fold = Callable[..., Array]


def max_pool(x: Array, window: Sizes, strides: Sizes, padding: Pairs, dilation: Sizes | None = None) -> Array:
    """Largest value per window; padding never wins (it is -inf, or the smallest integer)."""
    steps = dilation or (1,) * len(window)
    return _fold(pad(x, padding, lowest(x.dtype)), window, strides, steps, np.maximum)


def avg_pool(
    x: Array,
    window: Sizes,
    strides: Sizes,
    padding: Pairs,
    count_padding: bool,
    *,
    uncounted: Sizes | None = None,
    divisor: int | None = None,
) -> Array:
    """Sum per window over zeros-padded data, divided by a number of cells.

    That number is `divisor` where given; else the cells of the window that lie in the data
    (`count_padding` False), or in the data and its padding (True) except the last `uncounted`
    cells of the high padding of each axis, which only exist to complete a window.
    """
    steps = (1,) * len(window)
    total = _fold(pad(x, padding), window, strides, steps, np.add)
    if divisor is not None:
        total /= total.dtype.type(divisor)
        return total
    cells = _cells(x.shape[1:-1], padding, count_padding, uncounted or (0,) * len(window))
    count = _fold(cells.astype(total.dtype), window, strides, steps, np.add)
    total /= np.maximum(count, 1)
    return total


def lp_pool(
    x: Array,
    window: Sizes,
    strides: Sizes,
    p: float,
    *,
    padding: Pairs | None = None,
    uncounted: Sizes | None = None,
) -> Array:
    """(mean of x ** p over the window * prod(window)) ** (1 / p); nan for roots of negatives.

    Where no cell is `uncounted` this is the plain power sum: (sum of x ** p) ** (1 / p).
    """
    power = x.dtype.type(p)
    sides = padding or ((0, 0),) * len(window)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean = avg_pool(np.power(x, power), window, strides, sides, True, uncounted=uncounted)
        root: Array = np.power(mean * x.dtype.type(prod(window)), 1 / power)
        return root


def adaptive_avg_pool(x: Array, output_size: Sizes) -> Array:
    """Mean over cells floor(i * size / out) to ceil((i + 1) * size / out) for output cell i."""
    for axis, out in enumerate(output_size, start=1):
        x = _adapt(x, axis, out, lambda part, at: part.mean(axis=at, dtype=part.dtype))
    return x


def adaptive_max_pool(x: Array, output_size: Sizes) -> Array:
    """Largest over cells floor(i * size / out) to ceil((i + 1) * size / out) for output cell i."""
    for axis, out in enumerate(output_size, start=1):
        x = _adapt(x, axis, out, lambda part, at: part.max(axis=at))
    return x


def lowest(dtype: np.dtype[Any]) -> Any:
    """The value no other is below: -inf, or the smallest integer."""
    return np.iinfo(dtype).min if np.issubdtype(dtype, np.integer) else -np.inf


def _fold(x: Array, window: Sizes, strides: Sizes, dilation: Sizes, combine: Fold) -> Array:
    """Combine each window's cells, one axis after the other (sums and maxima allow it)."""
    rank = len(window)
    for axis, along in enumerate(zip(window, strides, dilation, strict=True)):
        here = (tuple(step if at == axis else 1 for at in range(rank)) for step in along)
        views = [view for _, view in shifted_views(x, *here)]
        total = views[0].copy()
        for view in views[1:]:
            combine(total, view, out=total)
        x = total
    return x


def _cells(sizes: Sizes, padding: Pairs, count_padding: bool, uncounted: Sizes) -> Array:
    """1 for each cell of the padded data that counts, 0 elsewhere; shape `(1, *s, 1)`."""
    counted = np.ones((1, *sizes, 1))
    if not count_padding:
        return pad(counted, padding)
    inner = [(lo, hi - out) for (lo, hi), out in zip(padding, uncounted, strict=True)]
    return pad(pad(counted, inner, 1), [(0, out) for out in uncounted])


def _adapt(x: Array, axis: int, out: int, reduce: Callable[[Array, int], Array]) -> Array:
    """Reduce one axis to `out` cells of nearly equal, possibly overlapping width."""
    size = x.shape[axis]
    along = np.moveaxis(x, axis, 0)
    bounds = [(i * size // out, -(-(i + 1) * size // out)) for i in range(out)]
    return np.stack([reduce(along[lo:hi], 0) for lo, hi in bounds], axis=axis)
