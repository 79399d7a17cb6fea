"""The error function and the gamma family, vectorised, to about 1e-15 relative in float64.

All compute in float64 and round to the dtype of the data. The polynomials are not copied from a
table: they are fitted once, at first use, to the standard library's scalar functions and to series.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Piece = Callable[[Floats], Floats]

# erfc(x) exp(x^2) is fitted as a function of t = (x - c) / (x + c), which maps [0, inf) to [-1, 1).
_CENTRE = 3.0
# So many numbers at a time, that the many passes over them stay in the processor's cache.
_BLOCK = 1 << 14
_ROOT_PI = math.sqrt(math.pi)


def erf(x: Array) -> Array:
    """2 / sqrt(pi) * integral of exp(-t^2) from 0 to x."""
    return _rounded(_erf, x)


def erfc(x: Array) -> Array:
    """1 - erf(x), to full relative precision where it is small."""
    return _rounded(_erfc, x)


def erfinv(y: Array) -> Array:
    """The x with erf(x) = y; infinite at -1 and 1, nan beyond."""
    return _rounded(_erfinv, y)


def lgamma(x: Array) -> Array:
    """log |gamma(x)|; infinite at 0 and the negative whole numbers."""
    return _rounded(_lgamma, x)


def digamma(x: Array) -> Array:
    """The derivative of log gamma(x); nan at the negative whole numbers, -+inf at +-0."""
    return _rounded(_digamma, x)


def _rounded(function: Piece, x: Array) -> Array:
    """Apply a float64 function in float64, silently, and return the dtype that came in."""
    flat = np.ravel(x)
    result = np.empty_like(flat)
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            result[part] = function(flat[part].astype(np.float64))
    return result.reshape(x.shape)


def _polynomial(coefficients: Floats, t: Floats) -> Floats:
    """A Chebyshev series by Clenshaw's recurrence, in place: these arrays can be large."""
    one, two = np.zeros_like(t), np.zeros_like(t)
    twice = 2 * t
    for coefficient in coefficients[:0:-1]:
        two *= -1
        two += coefficient
        two += twice * one
        one, two = two, one
    return np.asarray(coefficients[0] + t * one - two)


def _erf(x: Floats) -> Floats:
    size = np.abs(x)
    return _joined(size < 1, x, _erf_near, lambda far: np.copysign(1 - _erfc_far(np.abs(far)), far))


def _erfc(x: Floats) -> Floats:
    return _joined(np.abs(x) < 0.75, x, lambda near: 1 - _erf_near(near), _erfc_outside)


def _joined(near: np.ndarray[Any, np.dtype[np.bool_]], x: Floats, inside: Piece, outside: Piece) -> Floats:
    """One function where `near` holds, another elsewhere."""
    result = np.empty_like(x)
    result[near] = inside(x[near])
    result[~near] = outside(x[~near])
    return result


def _erf_near(x: Floats) -> Floats:
    """x * 2 / sqrt(pi) * sum of (-x^2)^k / (k! (2k + 1)), for |x| <= 1."""
    square = x * x
    total = np.zeros_like(x)
    for k in range(18, -1, -1):
        total *= square
        total += (-1) ** k * 2 / _ROOT_PI / (math.factorial(k) * (2 * k + 1))
    return x * total


def _erfc_outside(x: Floats) -> Floats:
    far = _erfc_far(np.abs(x))
    return np.where(x < 0, 2 - far, far)


def _erfc_far(x: Floats) -> Floats:
    """erfc(x) for x >= 0.5."""
    fitted = _polynomial(_erfcx_fit(), 1 - 2 * _CENTRE / (x + _CENTRE))
    return fitted * _exp_minus_square(x) / (1 + 2 * x)


def _exp_minus_square(x: Floats) -> Floats:
    """exp(-x^2) without the rounding error of x^2: x is split so that the first square is exact."""
    x = np.minimum(x, 30.0)
    head = np.round(x * 4096) / 4096
    return np.exp(-head * head) * np.exp((head - x) * (head + x))


@cache
def _erfcx_fit() -> Floats:
    """(1 + 2 x) exp(x^2) erfc(x) over t in [-1, 1]."""
    from numpy.polynomial import chebyshev  # six modules, for this one fit

    nodes = chebyshev.chebpts1(35)
    values = [_scaled_erfc(x) * (1 + 2 * x) for x in _CENTRE * (1 + nodes) / (1 - nodes)]
    return np.asarray(chebyshev.chebfit(nodes, values, 34))


def _scaled_erfc(x: float) -> float:
    """exp(x^2) erfc(x): directly, or by Laplace's continued fraction where it converges fast."""
    if x < 2:
        head = round(x * 4096) / 4096
        return math.erfc(x) * math.exp(head * head) * math.exp((x - head) * (x + head))
    below = x
    for k in range(200, 0, -1):
        below = x + k / 2 / below
    return 1 / (_ROOT_PI * below)


def _erfinv(y: Floats) -> Floats:
    """Halley's method from Winitzki's estimate, on erfc near 1 where erf has no digits left."""
    size = np.abs(y)
    rest = 1 - size
    log = np.log1p(-size * size)
    term = 2 / (math.pi * 0.147) + log / 2
    x = np.sqrt(np.maximum(np.sqrt(term * term - log / 0.147) - term, 0))
    x = np.where(size < 1e-3, size * _ROOT_PI / 2, x)
    for _ in range(3):
        error = np.where(size < 0.5, _erf(x) - size, rest - _erfc(x))
        step = error * (_ROOT_PI / 2) * np.exp(x * x)
        x = x - step / (1 + x * step)
    x = np.where(size == 1, np.inf, np.where(size > 1, np.nan, x))
    return np.copysign(x, y)


def _lgamma(x: Floats) -> Floats:
    reflected = x < 0
    positive = np.where(reflected, 1 - x, x)
    result = _lgamma_positive(positive)
    mirror = math.log(math.pi) - np.log(np.abs(_sin_pi(x))) - result
    return np.where(np.isinf(x), np.inf, np.where(reflected, mirror, result))


def _lgamma_positive(x: Floats) -> Floats:
    """By Stirling's series from 10 on; below, moved to between 1.5 and 2.5, by series around 2."""
    result = _stirling(np.maximum(x, 10))
    near_two, near_one, below = ((lo <= x) & (x < hi) for lo, hi in ((1.5, 10), (0.5, 1.5), (0.0, 0.5)))
    moved = x[near_two]
    product = np.ones_like(moved)
    while (high := moved > 2.5).any():
        moved[high] -= 1
        product[high] *= moved[high]
    result[near_two] = _around_two(moved - 2) + np.log(product)
    z = x[near_one] - 1
    result[near_one] = _around_two(z) - np.log1p(z)
    tiny = x[below]
    result[below] = _around_two(tiny) - np.log1p(tiny) - np.log(tiny)
    return result


def _around_two(z: Floats) -> Floats:
    """log gamma(2 + z) = (1 - euler) z + sum over k > 1 of (zeta(k) - 1) (-z)^k / k, |z| <= 0.5."""
    total = np.zeros_like(z)
    for k in range(30, 1, -1):
        total = total * z + _zeta_less_one(k) / k * (-1) ** k
    return z * (1 - np.euler_gamma + z * total)


@cache
def _zeta_less_one(k: int) -> float:
    """The sum of n^-k over n >= 2, its tail by the Euler-Maclaurin formula."""
    n = 100.0
    tail = n ** (1 - k) / (k - 1) + n**-k / 2 + k * n ** (-k - 1) / 12
    tail -= k * (k + 1) * (k + 2) * n ** (-k - 3) / 720
    tail += k * (k + 1) * (k + 2) * (k + 3) * (k + 4) * n ** (-k - 5) / 30240
    return math.fsum([*(m**-k for m in map(float, range(2, 100))), tail])


# B(2k) / (2k (2k - 1)) and B(2k) / (2k): the Bernoulli numbers in Stirling's series.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


def _stirling(x: Floats) -> Floats:
    """log gamma(x) for x >= 10."""
    inverse = 1 / (x * x)
    series = np.zeros_like(x)
    for k in range(len(_BERNOULLI), 0, -1):
        series = series * inverse + _BERNOULLI[k - 1] / (2 * k * (2 * k - 1))
    return (x - 0.5) * np.log(x) - x + math.log(2 * math.pi) / 2 + series / x


def _digamma(x: Floats) -> Floats:
    reflected = x < 0
    moved = np.where(reflected, 1 - x, x)
    shift, steps = np.zeros_like(x), 0
    while steps < 10 and (low := moved < 10).any():
        shift[low] -= 1 / moved[low]
        moved[low] += 1
        steps += 1
    inverse = 1 / (moved * moved)
    series = np.zeros_like(x)
    for k in range(len(_BERNOULLI), 0, -1):
        series = (series + _BERNOULLI[k - 1] / (2 * k)) * inverse
    result = np.log(moved) - 0.5 / moved - series + shift
    whole = reflected & (x == np.floor(x))
    mirror = result - math.pi * _cos_pi(x) / _sin_pi(x)
    return np.where(whole, np.nan, np.where(reflected, mirror, result))


def _sin_pi(x: Floats) -> Floats:
    """sin(pi x), exactly 0 at whole numbers."""
    part = np.fmod(np.abs(x), 2)
    folded = np.where(part > 1, part - 2, part)
    near = np.where(np.abs(folded) > 0.5, np.copysign(1, folded) - folded, folded)
    return np.copysign(1, x) * np.sin(math.pi * near)


def _cos_pi(x: Floats) -> Floats:
    """cos(pi x), exactly 0 at half numbers."""
    return _sin_pi(x + 0.5)
