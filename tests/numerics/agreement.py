"""Random arrays and the one comparison that all numerics tests use."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[Any]


def noise(*shape: int, seed: int = 0, dtype: str = "float64") -> Array:
    """Normal noise, the same for the same seed."""
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def channels_first(x: Array) -> torch.Tensor:
    """`(n, *s, c)` as a contiguous torch tensor `(n, c, *s)`."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))


def channels_last(x: torch.Tensor) -> Array:
    """A torch tensor `(n, c, *s)` as an array `(n, *s, c)`."""
    return np.moveaxis(x.detach().numpy(), 1, -1)


def assert_close(got: Array, want: Any, relative: float = 1e-13) -> None:
    """Same shape, and within `relative` of the largest wanted magnitude (and nan where nan)."""
    want = np.asarray(want)
    assert got.shape == want.shape, f"shape {got.shape} instead of {want.shape}"
    assert got.dtype == want.dtype, f"dtype {got.dtype} instead of {want.dtype}"
    finite = want[np.isfinite(want)]
    scale = float(np.abs(finite).max()) if finite.size else 1.0
    np.testing.assert_allclose(got, want, rtol=relative, atol=relative * scale)
