"""How far two arrays are from one another: figures, and no judgement.

Numbers are only as good as what they are measured in. A yardstick is made of the exact reference and of
a witness, the same graph in the model's own precision: where the witness is off by much, any faithful run
is. It is kept for the whole array and, where there are enough numbers for the witness to tell, for each
channel, so that a channel of small numbers is not judged by the noise of a channel of large ones.

    noise of a group  =  the largest of  max |witness - exact|           as measured
                                         SPACINGS * spacing * max |exact|  no run does better
                                         a fraction of the median group    channels that happen to be silent
    times the noise   =  the largest of  max |x - exact| / noise          over all groups
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from porter.compare.figures import Figures, figures
from porter.dataclass import dataclass

Array = np.ndarray

SPACINGS = 4.0
"""Spacings of numbers at the size of the largest one that even the shortest computation may be off by."""

ENOUGH = 64
"""Numbers in a group from which its witness can be trusted."""

SILENT = 0.1
"""Of the median group's noise, what every group has at least."""


@dataclass(frozen=True)
class Distance:
    """From an array to the exact one. `times` is in units of noise; inf where they cannot be compared."""

    largest: float
    mean: float
    relative: float  # the largest over the largest exact number
    times: float
    where: tuple[int, ...] = ()
    problem: str = ""
    figures: Figures | None = None

    @staticmethod
    def none(problem: str) -> Distance:
        """No distance, because the two cannot be compared."""
        return Distance(np.inf, np.inf, np.inf, np.inf, (), problem)


@dataclass(frozen=True)
class Yardstick:
    """The exact values of one array and the noise that is natural in it."""

    exact: Array
    rough: Array
    spacing: float
    dtype: str = "float32"  # of what is measured, for units in the last place
    known: Mapping[int | None, Array] | None = None  # noises that were measured before, by group
    least: float = 0.0  # noise that there is in any case

    @property
    def scale(self) -> float:
        """The largest finite number."""
        return _largest(np.abs(_finite(self.exact)))

    @property
    def noise(self) -> float:
        """The noise of the array as a whole."""
        return float(self._noises(None)[0])

    def without_arrays(self) -> Yardstick:
        """The noises alone, to be kept until there is something to measure."""
        groups: list[int | None] = list(self._groups()) if self.exact.dtype.kind == "f" else [None]
        noises = {group: self._noises(group) for group in groups}
        return replace(self, exact=_NOTHING, rough=_NOTHING, known=noises)

    def with_exact(self, exact: Array) -> Yardstick:
        """The yardstick again, for the values of which it knows the noises."""
        return replace(self, exact=exact, rough=exact)

    def measure(self, given: Array) -> Distance:
        """How far `given` is from the exact values."""
        problem = self._mismatch(given)
        if problem:
            return Distance.none(problem)
        if self.exact.dtype.kind != "f":
            return self._whole_numbers(given)
        off = _off(given, self.exact)
        times = max((_times(off, group, self._noises(group)) for group in self._groups()), default=0.0)
        largest = _largest(off)
        where = (
            tuple(int(place) for place in np.unravel_index(int(off.argmax()), off.shape)) if off.size else ()
        )
        scale = self.scale
        relative = largest / scale if scale else (np.inf if largest else 0.0)
        mean = float(off.mean()) if off.size else 0.0
        return Distance(largest, mean, relative, times, where, "", figures(given, self.exact, self.dtype))

    def _mismatch(self, given: Array) -> str:
        if given.shape != self.exact.shape:
            return f"its shape is {given.shape}, that of the reference {self.exact.shape}"
        if (given.dtype.kind == "f") != (self.exact.dtype.kind == "f"):
            return f"it holds {given.dtype}, the reference {self.exact.dtype}"
        if given.dtype.kind != "f":
            return ""
        for name, test in (("NaN", np.isnan), ("+inf", np.isposinf), ("-inf", np.isneginf)):
            differing = int((test(given) != test(self.exact)).sum())
            if differing:
                return f"{name} in {differing} place(s) where the other has none"
        return ""

    def _whole_numbers(self, given: Array) -> Distance:
        """Choices, counts and truths: the same, or the one that rounding makes of it."""
        other = (given != self.exact) & (given != self.rough)
        wrong = int(other.sum())
        where = tuple(int(place) for place in np.argwhere(other)[0]) if wrong else ()
        largest = _largest(np.abs(given.astype("float64") - self.exact.astype("float64")))
        times = np.inf if wrong else 0.0
        every = figures(given, self.exact, self.dtype)
        return Distance(largest, wrong / max(1, other.size), largest, times, where, "", every)

    def _groups(self) -> Iterator[int | None]:
        """Over which axes there are channels with enough numbers in each; None is the whole."""
        yield None
        shape = self.exact.shape
        for axis in {1, len(shape) - 1} if len(shape) >= 3 else set[int]():
            if shape[axis] > 1 and self.exact.size // shape[axis] >= ENOUGH:
                yield axis

    def _noises(self, group: int | None) -> Array:
        if self.known is not None:
            return self.known[group]
        measured = _over(_off(self.rough, self.exact), group)
        least = SPACINGS * self.spacing * _over(np.abs(_finite(self.exact)), group)
        noise: Array = np.maximum(np.maximum(measured, least), self.least)
        if group is not None:
            noise = np.maximum(noise, SILENT * np.median(noise))
        return noise


_NOTHING = np.zeros(0)


def _times(off: Array, group: int | None, noises: Array) -> float:
    largest = _over(off, group)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(largest == 0, 0.0, largest / noises)
    return _largest(ratio)


def _over(array: Array, group: int | None) -> Array:
    """The largest number of each group."""
    if not array.size:
        return np.zeros(1)
    if group is None:
        return np.full(1, array.max())
    rest = tuple(axis for axis in range(array.ndim) if axis != group)
    found: Array = array.max(axis=rest)
    return found


def _off(a: Array, b: Array) -> Array:
    """Absolute differences where both are finite, 0 elsewhere."""
    both = np.isfinite(a) & np.isfinite(b)
    with np.errstate(invalid="ignore", over="ignore"):
        found: Array = np.where(both, np.abs(a.astype("float64") - b.astype("float64")), 0.0)
    return found


def _finite(array: Array) -> Array:
    found: Array = np.where(np.isfinite(array), array, 0)
    return found


def _largest(array: Array) -> float:
    return float(array.max()) if array.size else 0.0


def between(a: Array, b: Array) -> float:
    """The largest difference of two arrays; inf where their shapes or their gaps differ."""
    if a.shape != b.shape:
        return float("inf")
    gaps = np.isfinite(a) != np.isfinite(b)
    return float("inf") if gaps.any() else _largest(_off(a, b))


def tells_nothing(exact: Sequence[Array]) -> str:
    """Why one output, known from several runs, would look the same whatever the model did; or ''."""
    values = [array for array in exact if array.size]
    if not values:
        return "it is empty"
    if not any(np.isfinite(array).any() for array in values):
        return "it is not finite anywhere"
    batches = [array for array in values if array.ndim and array.shape[0] > 1]
    if batches and all(_same_rows(array) for array in batches):
        return "it is the same for all inputs"
    return ""


def _same_rows(array: Array) -> bool:
    first = array[:1]
    if array.dtype.kind != "f":
        return bool((array == first).all())
    size = np.maximum(np.abs(_finite(array)), np.abs(_finite(first)))
    return bool((_off(array, np.broadcast_to(first, array.shape)) <= 1e-6 * size).all())
