"""Convolutions of `(n, *s, c)` data: plain, grouped, transposed and with unshared weights."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from porter.axes import Move
from porter.errors import GraphError
from porter.numerics.spatial import (
    Array,
    Pairs,
    Sizes,
    pad,
    same_padding,
    shifted_views,
    spread,
    window_count,
)

__all__ = ["conv", "conv_transpose", "local_conv", "same_padding", "transpose_crop"]

# With fewer channels than this, one large product over gathered patches beats one per position.
_FEW_CHANNELS = 16

# How kernels lie in memory for the products below.
_GROUPED = Move.parse("(g o) i *s -> *s g i o")
_TRANSPOSED = Move.parse("(g i) o *s -> *s g i o")
_DEPTHWISE = Move.parse("(g m) 1 *s -> *s g m")
_GROUP_OUTER = Move.parse("rows g i -> g rows i")
_BATCH_INNER = Move.parse("n *p f -> *p n f")
_GATHERED = Move.parse("o i *s -> (*s i) o")


def conv(x: Array, w: Array, *, strides: Sizes, dilation: Sizes, padding: Pairs, groups: int = 1) -> Array:
    """Cross-correlate `x` `(n, *s, i)` with `w` `(o, i/groups, *k)`.

    y[n, p, o] = sum over c, q of xp[n, p * strides + q * dilation, g * i/groups + c] * w[o, c, q],
    where xp is x with `(lo, hi)` zeros per axis and g = o // (o/groups) is the group of o.
    """
    _check_channels(x, w.shape[1] * groups, w.shape[0], groups)
    x = pad(x, padding)
    window = w.shape[2:]
    if not prod(window):
        raise GraphError(f"a kernel needs at least one window position, got {w.shape}")
    if groups > 1 and w.shape[1] == 1:
        return _depthwise(x, w, strides, dilation)
    if groups == 1 and w.shape[1] < _FEW_CHANNELS and prod(window) > 1:
        return _gathered(x, w, strides, dilation)
    kernel = _GROUPED.apply(w, {"g": groups})
    views = shifted_views(x, window, strides, dilation)
    return _sum(_grouped_product(view, kernel[index]) for index, view in views)


def conv_transpose(
    x: Array,
    w: Array,
    *,
    strides: Sizes,
    dilation: Sizes,
    crop: Pairs,
    extra: Sizes | None = None,
    groups: int = 1,
) -> Array:
    """Spread `x` `(n, *s, i)` through `w` `(i, o/groups, *k)`: the adjoint of `conv`.

    full[n, p * strides + q * dilation, o] += x[n, p, i] * w[i, o, q] over a size per axis of
    (s - 1) * stride + (k - 1) * dilation + 1; then `extra` cells are kept (or, past the end, added
    as zeros) at the high side, and `crop` `(lo, hi)` cells are taken off; negative ones add zeros.
    """
    _check_channels(x, w.shape[0], w.shape[1] * groups, groups)
    window = w.shape[2:]
    sizes = [
        (size - 1) * stride + spread(k, step) if size else 0
        for size, stride, k, step in zip(x.shape[1:-1], strides, window, dilation, strict=True)
    ]
    full = np.zeros((x.shape[0], *sizes, w.shape[1] * groups), np.result_type(x, w))
    kernel = _TRANSPOSED.apply(w, {"g": groups})
    for index, view in shifted_views(full, window, strides, dilation):
        view += _grouped_product(x, kernel[index])
    keep = extra or (0,) * len(sizes)
    return pad(full, [(-lo, more - hi) for (lo, hi), more in zip(crop, keep, strict=True)])


def local_conv(x: Array, w: Array, *, window: Sizes, strides: Sizes) -> Array:
    """Convolve with a kernel of its own at every output position, without padding.

    `w` is `(*positions, features, o)`; features run over the window row-major and then the
    channels: y[n, p, o] = sum over q, c of x[n, p * strides + q, c] * w[p, (q c), o].
    """
    counts = tuple(map(window_count, x.shape[1:-1], window, strides))
    if w.shape[:-1] != (*counts, prod(window) * x.shape[-1]):
        raise GraphError(f"local kernel {w.shape} does not fit data {x.shape} with window {tuple(window)}")
    patches = _patches(x, window, strides, (1,) * len(window))
    return _BATCH_INNER.inverse().apply(np.matmul(_BATCH_INNER.apply(patches), w))


def transpose_crop(
    window: int, stride: int, dilation: int, padding: str, output_padding: int | None
) -> tuple[int, int]:
    """What a "same" or "valid" transposed convolution takes off its full output (one axis).

    The output is the input of the forward convolution, so the forward rule decides the low side.
    With k = spread(window), the part taken off in all is
    valid: -output_padding, by default -(max(k, stride) - k);
    same:  k - k % 2 - output_padding, by default k - stride;
    lo = max(all, 0) // 2 for "same" and 0 for "valid"; hi = all - lo, below 0 to add zeros.
    """
    k = spread(window, dilation)
    if padding == "valid":
        return 0, -(max(k, stride) - k if output_padding is None else output_padding)
    if padding != "same":
        raise GraphError(f'a transposed convolution pads "same" or "valid", got {padding!r}')
    total = k - stride if output_padding is None else k - k % 2 - output_padding
    lo = max(total, 0) // 2
    return lo, total - lo


def _check_channels(x: Array, inputs: int, outputs: int, groups: int) -> None:
    """Refuse kernels that do not belong to the data, before NumPy broadcasts them."""
    if x.shape[-1] != inputs or inputs % groups or outputs % groups:
        raise GraphError(
            f"data of shape {x.shape} does not fit a kernel of {inputs} input and {outputs} "
            f"output channels in {groups} groups"
        )


def _grouped_product(x: Array, kernel: Array) -> Array:
    """`(n, *s, i)` times `(groups, i/groups, o/groups)`, each group on its own channels."""
    groups, inputs, outputs = kernel.shape
    rows = x.reshape(-1, groups, inputs)
    total: Array
    if groups == 1:
        total = rows[:, 0] @ kernel[0]
    else:
        total = _GROUP_OUTER.inverse().apply(np.matmul(_GROUP_OUTER.apply(rows), kernel))
    return total.reshape(*x.shape[:-1], groups * outputs)


def _sum(parts: Iterator[Array]) -> Array:
    """Add fresh arrays up in the first one, one at a time."""
    total = next(parts)
    for part in parts:
        total += part
    return total


def _depthwise(x: Array, w: Array, strides: Sizes, dilation: Sizes) -> Array:
    """One input channel per group: products channel by channel, no matrices."""
    kernel = _DEPTHWISE.apply(w, {"g": x.shape[-1]})
    views = shifted_views(x, w.shape[2:], strides, dilation)
    total = _sum(view[..., None] * kernel[index] for index, view in views)
    return total.reshape(*total.shape[:-2], w.shape[0])


def _gathered(x: Array, w: Array, strides: Sizes, dilation: Sizes) -> Array:
    """Few channels: gather whole patches of one row of the batch, then one matrix product."""
    kernel = _GATHERED.apply(w)
    rows = [_patches(row[None], w.shape[2:], strides, dilation) @ kernel for row in x]
    if rows:
        return np.concatenate(rows)
    return _patches(x, w.shape[2:], strides, dilation) @ kernel


def _patches(x: Array, window: Sizes, strides: Sizes, dilation: Sizes) -> Array:
    """`(n, *out, prod(window) * c)`: what each window sees, row-major, channels fastest."""
    views = [view for _, view in shifted_views(x, window, strides, dilation)]
    return np.concatenate(views, axis=-1)
