"""Pooling and resampling for generated code. Never imported by porter: the text is copied."""

import jax
import jax.numpy as jnp
import numpy as np


def unit_norm(x, axis, floor):
    """x over its Euclidean length along `axis`, a length of at least `floor`."""
    return x / jnp.maximum(jnp.linalg.norm(x, axis=axis, keepdims=True), floor)


def dilated_max_pool(x, window, strides=None, padding="VALID", dilation=None):
    """`nnx.max_pool` with gaps between the cells of a window."""
    padding = padding if isinstance(padding, str) else ((0, 0), *padding, (0, 0))
    strides, dilation = ((1, *(n or [1] * len(window)), 1) for n in (strides, dilation))
    return jax.lax.reduce_window(
        x, -jnp.inf, jax.lax.max, (1, *window, 1), strides, padding, window_dilation=dilation
    )


def adaptive_pool(x, size, function):
    """Windows for an output of `size` cells: cell k spans floor(k n / size) to ceil((k + 1) n / size)."""
    for axis, cells in enumerate(size, 1):
        n = x.shape[axis]
        if cells is not None and cells != n:
            ends = [(k * n // cells, -(-(k + 1) * n // cells)) for k in range(cells)]
            parts = [jax.lax.slice_in_dim(x, start, stop, axis=axis) for start, stop in ends]
            x = jnp.concatenate([function(part, axis=axis, keepdims=True) for part in parts], axis=axis)
    return x


def resize_weights(cells, size, kernel, antialias, half_pixel):
    """How much each of `size` output cells takes of each input cell: a matrix `(size, cells)`."""
    scale = cells / size
    steps, cell = np.arange(size), np.arange(cells)
    if kernel == "area":
        start = (steps * scale)[:, None]
        return np.clip(np.minimum(cell + 1, start + scale) - np.maximum(cell, start), 0, None) / scale
    place = (steps + 0.5) * scale - 0.5 if half_pixel else steps * scale
    if kernel == "cubic" and not antialias:  # TensorFlow keeps this kernel in a table of 1024 steps
        place = np.floor(place) + np.round((place - np.floor(place)) * 1024) / 1024
    t = np.abs((cell - place[:, None]) / (max(scale, 1.0) if antialias else 1.0))
    if kernel == "linear":
        weights = np.clip(1 - t, 0, None)
    elif kernel == "cubic":
        far = np.where(t < 2, ((-0.5 * t + 2.5) * t - 4) * t + 2, 0.0)
        weights = np.where(t <= 1, (1.5 * t - 2.5) * t * t + 1, far)
    else:
        radius = {"lanczos3": 3, "lanczos5": 5}[kernel]
        weights = np.where(t < radius, np.sinc(t) * np.sinc(t / radius), 0.0)
    return weights / weights.sum(1, keepdims=True)


def resize(x, size, kernel, antialias=False, half_pixel=True):
    """Resample the spatial axes to `size`; what a kernel would see beyond the ends is left out."""
    for axis, cells in enumerate(size, 1):
        weights = resize_weights(x.shape[axis], cells, kernel, antialias, half_pixel)
        x = jnp.moveaxis(jnp.tensordot(x, jnp.asarray(weights, x.dtype), (axis, 1)), -1, axis)
    return x


def resize_nearest(x, size):
    """Take the cell in which the middle of each output cell lies."""
    for axis, cells in enumerate(size, 1):
        scale = np.float32(x.shape[axis] / cells)
        places = np.floor((np.arange(cells, dtype=np.float32) + np.float32(0.5)) * scale)
        x = jnp.take(x, np.minimum(places, x.shape[axis] - 1).astype(int), axis=axis)
    return x
