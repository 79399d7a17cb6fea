"""Attention: scores between queries and keys, weights over the keys, a weighted sum of values.

query `(..., t, d)`, key `(..., s, d)`, value `(..., s, e)`; heads are leading axes. A mask is True
where a query may look at a key, and broadcasts to `(..., t, s)`.
"""

from __future__ import annotations

import numpy as np

from porter.axes import Move
from porter.numerics.activation import softmax
from porter.numerics.spatial import Array

_KEYS_LAST = Move.parse("*lead s d -> *lead d s")


def attention(
    query: Array,
    key: Array,
    value: Array,
    *,
    scale: float | Array | None = None,
    bias: Array | None = None,
    mask: Array | None = None,
    causal: bool = False,
    fill: float | None = None,
    penalty: float | None = None,
) -> tuple[Array, Array]:
    """weights = softmax(query key^T * scale + bias); the output is weights value.

    Returns output and weights; `scale` None means 1 / sqrt(d). For masks see `attend`.
    """
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    scores = np.matmul(query, _KEYS_LAST.apply(key)) * np.asarray(factor, query.dtype)
    if bias is not None:
        scores = scores + bias
    return attend(scores, value, mask=mask, causal=causal, fill=fill, penalty=penalty)


def additive_attention(
    query: Array,
    key: Array,
    value: Array,
    *,
    inner: float | Array = 1.0,
    outer: float | Array = 1.0,
    mask: Array | None = None,
    causal: bool = False,
    fill: float | None = None,
    penalty: float | None = None,
) -> tuple[Array, Array]:
    """`attention` with scores sum over d of outer * tanh(inner * (query + key))."""
    pairs = query[..., :, None, :] + key[..., None, :, :]
    inner, outer = (np.asarray(factor, query.dtype) for factor in (inner, outer))
    scores = (outer * np.tanh(inner * pairs)).sum(axis=-1, dtype=query.dtype)
    return attend(scores, value, mask=mask, causal=causal, fill=fill, penalty=penalty)


def attend(
    scores: Array,
    value: Array,
    *,
    mask: Array | None = None,
    causal: bool = False,
    fill: float | None = None,
    penalty: float | None = None,
) -> tuple[Array, Array]:
    """weights = softmax(scores) over the keys; returns weights value, and the weights.

    `causal` also hides key j from query i < j. What is hidden has its score lowered by `penalty`,
    or replaced by `fill`, where one is given (which matters where a row hides everything);
    otherwise it weighs 0, and a row that hides everything gives zeros.
    """
    seen = _seen(scores.shape, mask, causal)
    if seen is None:
        weights = softmax(scores)
    elif penalty is not None:
        weights = softmax(np.where(seen, scores, scores - scores.dtype.type(penalty)))
    elif fill is not None:
        weights = softmax(np.where(seen, scores, scores.dtype.type(fill)))
    else:
        lowest = np.finfo(scores.dtype).min
        weights = np.where(seen, softmax(np.where(seen, scores, lowest)), 0)
    return np.matmul(weights, value), weights


def _seen(shape: tuple[int, ...], mask: Array | None, causal: bool) -> Array | None:
    """Which keys each query sees, or None for all."""
    seen = None if mask is None else np.broadcast_to(np.asarray(mask, bool), shape)
    if not causal:
        return seen
    below = np.tril(np.ones(shape[-2:], bool))
    return below if seen is None else seen & below
