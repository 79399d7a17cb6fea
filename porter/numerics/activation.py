"""Activations: elementwise but for the softmax family and `glu`, which run along an axis.

All are stable: no overflow and no warning for any input, and nan only where the formula has none
to offer (an infinite value times zero). Constants take the dtype of the data.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from porter.errors import GraphError
from porter.numerics.special import erfc

Array = np.ndarray[Any, Any]

# The fixed point (mean 0, variance 1) of self-normalising networks, to more digits than a double.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def relu(
    x: Array,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Array:
    """x where x > threshold, at most max_value, else negative_slope * (x - threshold).

    With a max_value the upper branch is clipped to [0, max_value], which matters for x between a
    negative threshold and 0.
    """
    kept = np.where(x > threshold, x, 0) if threshold else np.maximum(x, 0)
    if max_value is not None:
        kept = np.clip(kept, 0, max_value)
    if negative_slope:
        kept = kept - negative_slope * np.maximum(threshold - x, 0)
    return kept.astype(x.dtype, copy=False)


def relu6(x: Array) -> Array:
    """min(max(x, 0), 6)."""
    return np.clip(x, 0, 6)


def leaky_relu(x: Array, negative_slope: float = 0.01) -> Array:
    """x where x > 0, else negative_slope * x."""
    return prelu(x, np.asarray(negative_slope, x.dtype))


def prelu(x: Array, slope: Array) -> Array:
    """x where x > 0, else slope * x; the slope broadcasts against x."""
    return np.where(x > 0, x, slope * x)


def elu(x: Array, alpha: float = 1.0) -> Array:
    """x where x > 0, else alpha * (exp(x) - 1)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


@np.errstate(over="ignore")
def selu(x: Array) -> Array:
    """1.0507009873554805 * elu(x, 1.6732632423543772)."""
    return _SELU_SCALE * elu(x, _SELU_ALPHA)


def celu(x: Array, alpha: float = 1.0) -> Array:
    """max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1)."""
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0) / alpha)


@np.errstate(over="ignore", invalid="ignore")
def gelu(x: Array, approximate: bool = False) -> Array:
    """x * (1 + erf(x / sqrt(2))) / 2; approximate: x * (1 + tanh(u)) / 2.

    u = sqrt(2 / pi) * (x + 0.044715 * x^3). The exact form is computed as
    x * erfc(-x / sqrt(2)) / 2, which keeps its digits for negative x.
    """
    if approximate:
        u = math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))
        return _array(0.5 * x * (1 + np.tanh(u)))
    return _array(0.5 * x * erfc(x * -math.sqrt(0.5)))


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    small = np.exp(-np.abs(x))
    return _array(np.where(x >= 0, 1, small) / (1 + small))


@np.errstate(invalid="ignore")
def silu(x: Array) -> Array:
    """x * sigmoid(x)."""
    return x * sigmoid(x)


@np.errstate(invalid="ignore")
def mish(x: Array) -> Array:
    """x * tanh(softplus(x))."""
    return x * np.tanh(softplus(x))


@np.errstate(over="ignore")
def softplus(x: Array, beta: float = 1.0, threshold: float | None = None) -> Array:
    """log(1 + exp(beta * x)) / beta; with a threshold: x itself where beta * x is above it."""
    scaled = beta * x
    smooth = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(scaled))) / beta
    return smooth if threshold is None else np.where(scaled > threshold, x, smooth)


@np.errstate(invalid="ignore")
def softsign(x: Array) -> Array:
    """x / (1 + |x|)."""
    return _array(x / (1 + np.abs(x)))


def log_sigmoid(x: Array) -> Array:
    """log(1 / (1 + exp(-x))) = -softplus(-x)."""
    return -softplus(-x)


def exponential(x: Array) -> Array:
    """exp(x), infinite where the dtype ends."""
    with np.errstate(over="ignore"):
        return np.exp(x)


def hard_sigmoid(x: Array) -> Array:
    """min(max(x + 3, 0), 6) / 6."""
    return _array(relu6(x + 3) / 6)


def hard_sigmoid_02(x: Array) -> Array:
    """min(max(0.2 * x + 0.5, 0), 1), the older definition."""
    return np.clip(0.2 * x + 0.5, 0, 1)


@np.errstate(invalid="ignore")
def hard_silu(x: Array) -> Array:
    """x * min(max(x + 3, 0), 6) / 6."""
    return x * hard_sigmoid(x)


def hard_tanh(x: Array, lower: float = -1.0, upper: float = 1.0) -> Array:
    """min(max(x, lower), upper)."""
    return np.clip(x, lower, upper)


def hard_shrink(x: Array, threshold: float = 0.5) -> Array:
    """x where |x| > threshold, else 0."""
    return np.where(np.abs(x) > threshold, x, np.zeros_like(x))


def soft_shrink(x: Array, threshold: float = 0.5) -> Array:
    """x - threshold above threshold, x + threshold below -threshold, else 0."""
    moved = np.where(x > threshold, x - threshold, x + threshold)
    return np.where(np.abs(x) > threshold, moved, np.zeros_like(x))


@np.errstate(invalid="ignore")
def tanh_shrink(x: Array) -> Array:
    """x - tanh(x)."""
    return x - np.tanh(x)


def threshold(x: Array, threshold: float, value: float) -> Array:
    """x where x > threshold, else value."""
    return np.where(x > threshold, x, np.asarray(value, x.dtype))


def squareplus(x: Array, b: float = 4.0) -> Array:
    """(x + sqrt(x^2 + b)) / 2; for negative x as b / (sqrt(x^2 + b) - x) / 2, the same number."""
    root = np.hypot(x, np.asarray(math.sqrt(b), x.dtype))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return _array(np.where(x >= 0, x / 2 + root / 2, b / 2 / (root - x)))


def sparse_plus(x: Array) -> Array:
    """0 up to -1, (x + 1)^2 / 4 up to 1, x above."""
    inner = np.clip(x, -1, 1)
    return np.where(x < 1, (inner + 1) * (inner + 1) / 4, x)


def sparse_sigmoid(x: Array) -> Array:
    """min(max((x + 1) / 2, 0), 1)."""
    return np.clip((x + 1) / 2, 0, 1)


def softmax(x: Array, axis: int | tuple[int, ...] | None = -1) -> Array:
    """exp(x) / sum of exp(x) along `axis` (None: over everything), shifted by the maximum."""
    with np.errstate(invalid="ignore", over="ignore"):
        raised = np.exp(x - x.max(axis=axis, keepdims=True))
    return _array(raised / raised.sum(axis=axis, keepdims=True))


def log_softmax(x: Array, axis: int | tuple[int, ...] | None = -1) -> Array:
    """x - log(sum of exp(x)) along `axis` (None: over everything), shifted by the maximum."""
    with np.errstate(invalid="ignore", over="ignore"):
        shifted = x - x.max(axis=axis, keepdims=True)
    return _array(shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)))


def sparsemax(x: Array, axis: int = -1) -> Array:
    """The point of the probability simplex nearest to x: max(x - tau, 0), where it sums to 1.

    With z the values in descending order and k the largest count for which
    1 + k * z_k > z_1 + ... + z_k, tau = (z_1 + ... + z_k - 1) / k.
    """
    total, support = _support(x, axis)
    k = support.sum(axis=-1, keepdims=True)
    tau = (np.take_along_axis(total, k - 1, axis=-1) - 1) / k.astype(x.dtype)
    return _array(np.maximum(x - np.moveaxis(tau, -1, axis), 0))


def sparsemax_of_sums(x: Array, axis: int = -1) -> Array:
    """`sparsemax` with another tau, which one framework ships: its rows need not sum to 1.

    tau = (S_1 + ... + S_k - 1) / k with the partial sums S_j = z_1 + ... + z_j.
    """
    total, support = _support(x, axis)
    k = support.sum(axis=-1, keepdims=True, dtype=x.dtype)
    tau = (np.where(support, total, 0).sum(axis=-1, keepdims=True, dtype=x.dtype) - 1) / k
    return _array(np.maximum(x - np.moveaxis(tau, -1, axis), 0))


def _support(x: Array, axis: int) -> tuple[Array, Array]:
    """Partial sums of the sorted values, on the last axis, and which of them lie in the support."""
    z = np.flip(np.sort(np.moveaxis(x, axis, -1), axis=-1), axis=-1)
    count = np.arange(1, z.shape[-1] + 1, dtype=x.dtype)
    total = np.cumsum(z, axis=-1)
    return total, 1 + count * z > total


def glu(x: Array, axis: int = -1) -> Array:
    """First half of `axis` times the sigmoid of its second half."""
    if x.shape[axis] % 2:
        raise GraphError(f"glu needs an even size on axis {axis}, got {x.shape}")
    first, second = np.split(x, 2, axis=axis)
    return _array(first * sigmoid(second))


def _array(x: Any) -> Array:
    """Tell the type checker what NumPy's arithmetic forgot."""
    return np.asarray(x)
