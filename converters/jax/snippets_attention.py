"""Attention for generated code, with heads before steps. Never imported by porter: text to copy."""

import jax.numpy as jnp
from flax import nnx


def split_heads(x, heads):
    """`(..., t, heads * d)` as `(..., heads, t, d)`."""
    return x.reshape(*x.shape[:-1], heads, -1).swapaxes(-3, -2)


def merge_heads(x):
    """`(..., heads, t, d)` as `(..., t, heads * d)`."""
    x = x.swapaxes(-3, -2)
    return x.reshape(*x.shape[:-2], -1)


def seen_keys(query, key, causal=True, window=None):
    """Which keys each query may look at: none that comes later, none `window` steps away or further."""
    distance = jnp.arange(query.shape[-2])[:, None] - jnp.arange(key.shape[-2])
    seen = distance >= 0 if causal else jnp.ones(distance.shape, bool)
    return seen if window is None else seen & (abs(distance) < window)


def hide(scores, mask, penalty=None):
    """Scores so low where the mask is False that a key does not count.

    They are finite: a query that may look at no key looks at all, and does not become NaN.
    """
    low = 0.6 * jnp.finfo(scores.dtype).min if penalty is None else scores - penalty
    return jnp.where(mask, scores, low)


def attention(
    query, key, value, mask=None, scale=None, causal=False, penalty=None, blank=False, groups=1, dropout=None
):
    """softmax(query key^T * scale) value, over `(..., t, d)`; the scale is 1 / sqrt(d) unless told.

    `mask` is True where a query may look at a key; with `blank`, a query that may look at none gets zeros.
    `groups` heads of queries share one of keys and values.
    """
    if groups > 1:
        key, value = jnp.repeat(key, groups, axis=-3), jnp.repeat(value, groups, axis=-3)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = query @ key.swapaxes(-1, -2) * scale
    if causal:
        scores = hide(scores, seen_keys(query, key))
    if mask is not None:
        scores = hide(scores, mask, penalty)
    weights = nnx.softmax(scores)
    if blank:
        weights = jnp.where(mask, weights, 0)
    return (weights if dropout is None else dropout(weights)) @ value
