"""Attention in generated code beside torch's own. Never imported by porter: text to copy."""

import torch


def seen_keys(query, key, causal=True, window=None):
    """Which keys each query may look at: none that comes later, none that is `window` steps away or
    further."""
    seen = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool, device=query.device)
    if window is not None:
        seen = seen.tril(window - 1).triu(1 - window)
    return seen.tril() if causal else seen


def hide(mask, dtype, penalty=None):
    """What to add to scores: nothing where the mask is True, else a number so low that a key does not count.

    It is finite, so that a query that may look at no key looks at all, as in Keras, and does not become NaN.
    """
    penalty = -0.7 * torch.finfo(dtype).min if penalty is None else penalty
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, -penalty)
