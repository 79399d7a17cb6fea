"""Attention against torch and Keras: masks, causality, and rows that see nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from porter.numerics import attention as att
from tests.numerics.agreement import assert_close, noise

N, HEADS, T, S, D, E = 2, 3, 4, 5, 6, 7
MASK = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool)


def triple(*lead: int) -> tuple[Any, Any, Any]:
    return noise(*lead, T, D), noise(*lead, S, D, seed=1), noise(*lead, S, E, seed=2)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": 0.3},
        {"causal": True},
        {"mask": MASK[:, None, None]},
        {"mask": np.zeros((N, 1, 1, S), bool)},
        {"bias": noise(HEADS, T, S, seed=5)},
    ],
    ids=lambda options: "-".join(options) or "plain",
)
def test_is_torchs(options: dict[str, Any]) -> None:
    arrays = triple(N, HEADS)
    extra = options.get("mask", options.get("bias"))
    want = F.scaled_dot_product_attention(
        *(torch.from_numpy(array) for array in arrays),
        attn_mask=None if extra is None else torch.from_numpy(extra),
        is_causal=options.get("causal", False),
        scale=options.get("scale"),
    )
    got, weights = att.attention(*arrays, **options)
    assert_close(got, want)
    assert_close(weights @ arrays[2], got)


@pytest.mark.parametrize("additive", [False, True])
@pytest.mark.parametrize("mode", ["dot", "concat"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])
def test_attention_layers_are_kerass(additive: bool, mode: str, causal: bool, mask: Any) -> None:
    keras = pytest.importorskip("keras")
    query, key, value = triple(N)
    if additive:
        layer = keras.layers.AdditiveAttention(dtype="float64")
    else:
        layer = keras.layers.Attention(use_scale=True, score_mode=mode, dtype="float64")
    layer.build([query.shape, value.shape, key.shape])
    factors = [noise(*w.shape, seed=8 + k) for k, w in enumerate(layer.weights)]
    layer.set_weights(factors)
    masks = None if mask is None else [None, mask]
    want, scores = layer(
        [query, value, key], mask=masks, return_attention_scores=True, use_causal_mask=causal
    )
    options: dict[str, Any] = {"causal": causal, "penalty": 1e9}
    options["mask"] = None if mask is None else mask[:, None]
    if additive:
        got = att.additive_attention(query, key, value, outer=factors[0], **options)
    elif mode == "dot":
        got = att.attention(query, key, value, scale=factors[0], **options)
    else:
        inner, outer = factors
        got = att.additive_attention(query, key, value, inner=inner, outer=outer, **options)
    assert_close(got[0], np.asarray(want))
    assert_close(got[1], np.asarray(scores))


@pytest.mark.parametrize("mask", [MASK[:, None, None], np.zeros((N, 1, 1, S), bool)])
def test_a_filled_mask_is_kerass(mask: Any) -> None:
    keras = pytest.importorskip("keras")
    query, key, value = (np.swapaxes(array, 1, 2) for array in triple(N, HEADS))
    value = value[..., :D]
    whole = np.broadcast_to(mask, (N, HEADS, T, S))
    want = keras.ops.dot_product_attention(query, key, value, mask=whole, scale=0.5)
    fill = float(np.finfo("float64").min) * 0.7
    heads = (np.swapaxes(array, 1, 2) for array in (query, key, value))
    got, _ = att.attention(*heads, mask=mask, fill=fill, scale=0.5)
    assert_close(np.swapaxes(got, 1, 2), np.asarray(want))


def test_single_precision_stays_single() -> None:
    arrays = (array.astype("float32") for array in triple(N))
    got, weights = att.attention(*arrays, mask=MASK[:, None], causal=True)
    assert got.dtype == weights.dtype == np.float32
    assert (weights[1, 0] == 0).all(), "a query that sees nothing takes nothing"
