"""Padding, cropping and strided views of `(n, *s, c)` arrays, shared by windowed operations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from porter.errors import GraphError

Array = np.ndarray[Any, Any]
Sizes = Sequence[int]
Pairs = Sequence[tuple[int, int]]


def spread(window: int, dilation: int) -> int:
    """How many cells a window covers: `(window - 1) * dilation + 1`."""
    return (window - 1) * dilation + 1


def window_count(size: int, window: int, stride: int, dilation: int = 1) -> int:
    """How many whole windows fit: `(size - spread) // stride + 1`, never below 0."""
    return max((size - spread(window, dilation)) // stride + 1, 0)


def same_padding(size: int, window: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Zeros before and after, so that `ceil(size / stride)` windows fit; an odd one goes after.

    total = max((ceil(size / stride) - 1) * stride + spread(window) - size, 0); lo = total // 2.
    """
    covered = (-(-size // stride) - 1) * stride + spread(window, dilation)
    total = max(covered - size, 0)
    return total // 2, total - total // 2


def pad(x: Array, padding: Pairs, value: Any = 0) -> Array:
    """Add `(lo, hi)` cells of `value` to each spatial axis; negative numbers take cells away."""
    if len(padding) != x.ndim - 2:
        raise GraphError(f"padding {tuple(padding)} does not fit data of shape {x.shape}")
    cut = tuple(
        slice(max(-lo, 0), max(size - max(-hi, 0), 0))
        for (lo, hi), size in zip(padding, x.shape[1:-1], strict=True)
    )
    x = x[(slice(None), *cut)]
    grow = [(max(lo, 0), max(hi, 0)) for lo, hi in padding]
    if not any(lo or hi for lo, hi in grow):
        return x
    return np.pad(x, [(0, 0), *grow, (0, 0)], constant_values=value)


def shifted_views(
    x: Array, window: Sizes, strides: Sizes, dilation: Sizes
) -> Iterator[tuple[tuple[int, ...], Array]]:
    """For each window position: its index and the strided view `(n, *out, c)` of what it sees."""
    sizes = x.shape[1:-1]
    if not len(sizes) == len(window) == len(strides) == len(dilation):
        raise GraphError(
            f"window {tuple(window)}, strides {tuple(strides)} and dilation {tuple(dilation)} "
            f"do not fit data of shape {x.shape}"
        )
    counts = [window_count(*row) for row in zip(sizes, window, strides, dilation, strict=True)]
    for index in product(*map(range, window)):
        cuts = tuple(
            slice(at * step, at * step + (count - 1) * stride + 1 if count else at * step, stride)
            for at, step, count, stride in zip(index, dilation, counts, strides, strict=True)
        )
        yield index, x[(slice(None), *cuts)]
