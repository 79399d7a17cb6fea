"""Special functions against the standard library and torch, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from porter.numerics import special
from tests.numerics.agreement import Array, noise

WIDE = np.concatenate([noise(400) * 2, np.linspace(-6, 26, 400), 10.0 ** np.linspace(-300, 0, 60)])
POSITIVE = np.concatenate([np.linspace(0.01, 30, 700), 10.0 ** np.linspace(-300, 300, 60)])
NEGATIVE = -np.linspace(0.013, 30, 701)
INNER = np.concatenate(
    [
        np.linspace(-0.999, 0.999, 600),
        1 - 10.0 ** np.linspace(-14, -1, 40),
        10.0 ** np.linspace(-90, 0, 40),
    ]
)

ROWS: list[tuple[Callable[[Array], Array], Any, Array, float]] = [
    (special.erf, math.erf, WIDE, 1e-15),
    (special.erfc, math.erfc, WIDE, 2e-15),
    (special.erfinv, torch.special.erfinv, INNER[INNER < 1], 3e-15),
    (special.lgamma, math.lgamma, POSITIVE, 2e-15),
    (special.lgamma, math.lgamma, NEGATIVE[np.floor(NEGATIVE) != NEGATIVE], 2e-15),
    (special.digamma, torch.special.digamma, POSITIVE, 5e-15),
    (special.digamma, torch.special.digamma, NEGATIVE, 1e-11),  # torch's own error near its poles
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].__name__)
def test_against_others(row: tuple[Callable[[Array], Array], Any, Array, float]) -> None:
    ours, theirs, x, tolerance = row
    if isinstance(theirs, type(math.erf)) and theirs.__module__ == "math":
        want = np.array([theirs(value) for value in x])
    else:
        want = theirs(torch.from_numpy(x)).numpy()
    # The gamma family crosses 0, where only absolute closeness is on offer from the others.
    absolute = 0 if ours in (special.erf, special.erfc, special.erfinv) else tolerance
    np.testing.assert_allclose(ours(x), want, rtol=tolerance, atol=absolute)


def test_erfinv_inverts_erf() -> None:
    x = np.linspace(-2.5, 2.5, 301)
    np.testing.assert_allclose(special.erfinv(special.erf(x)), x, rtol=1e-13, atol=1e-16)


def test_digamma_differences_are_reciprocals() -> None:
    x = np.linspace(0.1, 40, 500)
    np.testing.assert_allclose(special.digamma(x + 1) - special.digamma(x), 1 / x, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_ends_and_poles(dtype: str) -> None:
    inf, nan = math.inf, math.nan
    rows: list[tuple[Callable[[Array], Array], list[float], list[float]]] = [
        (special.erf, [nan, inf, -inf, 0.0, -0.0], [nan, 1, -1, 0.0, -0.0]),
        (special.erfc, [nan, inf, -inf, 0.0, 40.0], [nan, 0, 2, 1, 0]),
        (special.erfinv, [nan, 1, -1, 0, 2], [nan, inf, -inf, 0, nan]),
        (special.lgamma, [nan, inf, -inf, 0, -3, 1, 2], [nan, inf, inf, inf, inf, 0, 0]),
        (special.digamma, [nan, inf, 0.0, -0.0, -3], [nan, inf, -inf, inf, nan]),
    ]
    for function, x, want in rows:
        got = function(np.array(x, dtype))
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, want)
