"""`nn.MultiheadAttention` while it is captured: the same numbers, in steps that people and frameworks use.

torch's own function projects queries, keys and values in one product, folds heads into the batch and cuts
everything out of views, steps first. Captured, that is a page of reshapes; what stands here reads as three
projections, heads side by side, attention, and a projection of its result.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

from porter.axes import permutation

BATCH_FIRST = permutation("t n c", "n t c")
STEPS_FIRST = permutation("n t c", "t n c")
HEADS_FIRST = permutation("n t h d", "n h t d")
HEADS_LAST = permutation("n h t d", "n t h d")
TURNED = permutation("n h s d", "n h d s")

UNUSUAL = ("bias_k", "bias_v", "static_k", "static_v")
"""Arguments of torch's function that are left to it."""


@contextlib.contextmanager
def plain_heads() -> Iterator[None]:
    """Within, `nn.MultiheadAttention` is captured so wherever it does nothing unusual."""
    import torch.nn.functional

    F: Any = torch.nn.functional
    before = F.multi_head_attention_forward

    def forward(query: Any, key: Any, value: Any, width: int, heads: int, *args: Any, **told: Any) -> Any:
        names = ("in_proj_weight", "in_proj_bias", "bias_k", "bias_v", "add_zero_attn", "dropout_p")
        given = {**dict(zip((*names, "out_proj_weight", "out_proj_bias"), args, strict=False)), **told}
        unusual = given.get("add_zero_attn") or any(given.get(name) is not None for name in UNUSUAL)
        if unusual or len(args) > len(names) + 2 or query.dim() != 3 or given.get("training"):
            return before(query, key, value, width, heads, *args, **told)
        return _attend(query, key, value, heads, given)

    F.multi_head_attention_forward = forward
    try:
        yield
    finally:
        F.multi_head_attention_forward = before


def _attend(query: Any, key: Any, value: Any, heads: int, given: dict[str, Any]) -> tuple[Any, Any]:
    import torch
    import torch.nn.functional as F

    turned = {id(side): side.permute(BATCH_FIRST) for side in (query, key, value)}
    sides = (turned[id(side)] for side in (query, key, value))
    projected = [F.linear(x, *weights) for x, weights in zip(sides, _projections(given), strict=True)]
    q, k, v = (x.unflatten(-1, (heads, -1)).permute(HEADS_FIRST) for x in projected)
    needed = given.get("need_weights", True)
    padding, mask = given.get("key_padding_mask"), given.get("attn_mask")
    causal = bool(given.get("is_causal")) and padding is None and not needed
    if causal:
        mask = None
    if mask is not None and mask.dim() == 3:
        mask = mask.unflatten(0, (-1, heads))
    if padding is not None:
        padding = padding[:, None, None, :]
    if not needed:
        out = F.scaled_dot_product_attention(q, k, v, _seen(mask, padding, q.dtype), 0.0, causal)
        weights = None
    else:
        scores = torch.matmul(q, k.permute(TURNED)) * math.sqrt(1.0 / q.shape[-1])
        for hidden in (mask, padding):
            if hidden is not None:
                scores = scores.masked_fill(hidden, -math.inf) if _is_bool(hidden) else scores + hidden
        weights = torch.softmax(scores, dim=-1)
        out = torch.matmul(weights, v)
        if given.get("average_attn_weights", True):
            weights = weights.mean(dim=1)
    out = F.linear(out.permute(HEADS_LAST).flatten(2), given["out_proj_weight"], given["out_proj_bias"])
    return out.permute(STEPS_FIRST), weights


def _projections(given: dict[str, Any]) -> list[tuple[Any, Any]]:
    packed, bias = given["in_proj_weight"], given["in_proj_bias"]
    if given.get("use_separate_proj_weight"):
        weights = [given[f"{side}_proj_weight"] for side in "qkv"]
    else:
        weights = list(packed.chunk(3))
    biases = [None] * 3 if bias is None else list(bias.chunk(3))
    return list(zip(weights, biases, strict=True))


def _seen(mask: Any, padding: Any, dtype: Any) -> Any:
    """Two masks as torch joins them: truths that are True where a key may be seen, or numbers to add."""
    import torch

    given = [one for one in (mask, padding) if one is not None]
    if not given:
        return None
    if all(map(_is_bool, given)):
        hidden = given[0] if len(given) == 1 else torch.logical_or(*given)
        return torch.logical_not(hidden)
    told = [torch.zeros_like(x, dtype=dtype).masked_fill(x, -math.inf) if _is_bool(x) else x for x in given]
    return told[0] if len(told) == 1 else torch.add(*told)


def _is_bool(mask: Any) -> bool:
    return str(mask.dtype) == "torch.bool"
