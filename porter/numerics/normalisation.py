"""Normalizations: by given statistics, or by those of each example; variances are biased (1 / n).

Scale and shift may be None. Statistics are taken in the dtype of the data.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from porter.errors import GraphError
from porter.numerics.spatial import Array


def batch_norm(
    x: Array,
    mean: Array,
    variance: Array,
    scale: Array | None,
    shift: Array | None,
    epsilon: float,
    axis: int = -1,
) -> Array:
    """(x - mean) / sqrt(variance + epsilon) * scale + shift, all of size x.shape[axis].

    Computed as x * k + (shift - mean * k) with k = scale / sqrt(variance + epsilon).
    """
    factor = 1 / np.sqrt(variance + epsilon)
    if scale is not None:
        factor = factor * scale
    offset = -mean * factor
    if shift is not None:
        offset = offset + shift
    return _same(x * _along(factor, x, axis) + _along(offset, x, axis), x)


def layer_norm(
    x: Array, axes: Sequence[int], scale: Array | None, shift: Array | None, epsilon: float
) -> Array:
    """(x - mean) / sqrt(variance + epsilon) * scale + shift, with statistics over `axes`.

    scale and shift have the sizes of `axes`, in ascending order of the axes.
    """
    return _affine(_standard(x, tuple(axes), epsilon), x, axes, scale, shift)


def rms_norm(x: Array, axes: Sequence[int], scale: Array | None, epsilon: float) -> Array:
    """x / sqrt(mean(x^2 over axes) + epsilon) * scale."""
    square = np.mean(x * x, axis=tuple(axes), keepdims=True, dtype=x.dtype)
    return _affine(x / np.sqrt(square + epsilon), x, axes, scale, None)


def group_norm(
    x: Array,
    groups: int,
    axis: int,
    scale: Array | None,
    shift: Array | None,
    epsilon: float,
) -> Array:
    """Split `axis` into `groups` runs; normalise each run together with all axes but the first.

    (x - mean) / sqrt(variance + epsilon) * scale + shift, where scale and shift have the size of
    the whole axis.
    """
    axis %= x.ndim
    if x.shape[axis] % groups:
        raise GraphError(f"{groups} groups do not divide axis {axis} of shape {x.shape}")
    runs = x.reshape(*x.shape[:axis], groups, -1, *x.shape[axis + 1 :])
    over = tuple(k for k in range(1, runs.ndim) if k != axis)
    return _affine(_standard(runs, over, epsilon).reshape(x.shape), x, (axis,), scale, shift)


def instance_norm(x: Array, axis: int, scale: Array | None, shift: Array | None, epsilon: float) -> Array:
    """`group_norm` with a group per channel: statistics over all axes but the first and `axis`."""
    return group_norm(x, x.shape[axis], axis, scale, shift, epsilon)


def unit_norm(x: Array, axes: Sequence[int], floor: float = 1e-12, order: float = 2) -> Array:
    """x / max(norm, floor), norm = (sum of |x|^order over axes)^(1 / order)."""
    size = np.abs(x)
    if order == np.inf:
        norm = size.max(axis=tuple(axes), keepdims=True)
    elif order == 2:
        norm = np.sqrt((size * size).sum(axis=tuple(axes), keepdims=True))
    else:
        norm = (size**order).sum(axis=tuple(axes), keepdims=True) ** (1 / order)
    return _same(x / np.maximum(norm, floor), x)


def local_response_norm(
    x: Array,
    before: int,
    after: int,
    *,
    alpha: float = 1.0,
    beta: float = 0.5,
    bias: float = 1.0,
    axis: int = -1,
) -> Array:
    """x / (bias + alpha * s)^beta, s the sum of x^2 over the channels from -before to +after.

    Channels beyond the ends count as zeros. Where a definition divides alpha by the window's size,
    the caller does.
    """
    square = np.moveaxis(x * x, axis, -1)
    padded = np.pad(square, [(0, 0)] * (x.ndim - 1) + [(before, after)])
    views = np.lib.stride_tricks.sliding_window_view(padded, before + after + 1, axis=-1)
    near = np.moveaxis(views.sum(axis=-1, dtype=x.dtype), -1, axis)
    return _same(x / (bias + alpha * near) ** beta, x)


def _standard(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    """(x - mean) / sqrt(variance + epsilon) over `axes`, the variance by two passes."""
    centred = x - x.mean(axis=axes, keepdims=True, dtype=x.dtype)
    variance = np.mean(centred * centred, axis=axes, keepdims=True, dtype=x.dtype)
    return _same(centred / np.sqrt(variance + epsilon), x)


def _affine(y: Array, x: Array, axes: Sequence[int], scale: Array | None, shift: Array | None) -> Array:
    """y * scale + shift, both with the sizes of `axes` (ascending), broadcast along the rest."""
    kept = {axis % x.ndim for axis in axes}
    shape = [size if k in kept else 1 for k, size in enumerate(x.shape)]
    if scale is not None:
        y = y * scale.reshape(shape)
    if shift is not None:
        y = y + shift.reshape(shape)
    return _same(y, x)


def _along(vector: Array, x: Array, axis: int) -> Array:
    """A vector as an array that broadcasts along one axis of x."""
    return vector.reshape([-1 if k == axis % x.ndim else 1 for k in range(x.ndim)])


def _same(y: Array, x: Array) -> Array:
    """y in the dtype of x."""
    return y.astype(x.dtype, copy=False)
