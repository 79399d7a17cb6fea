"""All figures of a difference of two arrays, in one pass over pieces of them, so that memory stays small."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from porter.dataclass import dataclass

Array = np.ndarray

PIECE = 1 << 18
"""Numbers that are looked at together."""

EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
SMALLEST = {"float64": -1022, "float32": -126, "float16": -14, "bfloat16": -126}
"""Spacing of numbers around 1, and the exponent of the smallest normal number, by type."""

CLASSES = 3
"""Columns from which an output of rank 2 is taken for scores of classes."""


@dataclass(frozen=True)
class Figures:
    """From one array to another that is taken for right. Gaps (NaN, infinities) are counted, not measured."""

    largest: float  # absolute differences
    mean: float
    where: tuple[int, ...]  # of the largest
    largest_relative: float  # each over the size of the right number
    mean_relative: float
    ulps: float  # the largest difference in units in the last place of the right number
    mean_ulps: float
    cosine: float  # of the angle between the two
    sqnr: float  # signal to noise, in decibels; inf where they are the same
    gaps: int  # places that are NaN or infinite on one side, or otherwise so on the other
    atol: float  # the smallest absolute tolerance that would pass, without a relative one
    rtol: float  # the smallest relative one, without an absolute one
    both: float  # the smallest t that would pass as both
    top1: float | None = None  # share of rows whose largest score is of the same class
    top5: float | None = None  # share of rows whose five largest are of the same classes


def figures(given: Array, right: Array, dtype: str = "float32") -> Figures | None:
    """The figures, or None where shapes differ or there is nothing to measure."""
    if given.shape != right.shape or not right.size:
        return None
    sums = _Sums(dtype if dtype in EPSILON else "float32")
    for start, x, y in _pieces(given, right):
        sums.add(start, x, y)
    return sums.figures(right, *_agreement(given, right))


def _pieces(given: Array, right: Array) -> Iterator[tuple[int, Array, Array]]:
    x, y = given.reshape(-1), right.reshape(-1)
    for start in range(0, x.size, PIECE):
        part = slice(start, start + PIECE)
        yield start, x[part].astype("float64"), y[part].astype("float64")


class _Sums:
    def __init__(self, dtype: str) -> None:
        self.epsilon, self.smallest = EPSILON[dtype], SMALLEST[dtype]
        self.count = self.gaps = self.place = 0
        self.largest = self.relative = self.ulps = self.both = 0.0
        self.off = self.off_relative = self.off_ulps = 0.0
        self.noise = self.xx = self.yy = self.xy = 0.0

    def add(self, start: int, x: Array, y: Array) -> None:
        same_gap = (np.isnan(x) & np.isnan(y)) | (~np.isfinite(x) & (x == y))
        plain = np.isfinite(x) & np.isfinite(y)
        self.gaps += int((~plain & ~same_gap).sum())
        x, y = np.where(plain, x, 0.0), np.where(plain, y, 0.0)
        with np.errstate(all="ignore"):
            off, size = np.abs(x - y), np.abs(y)
            relative = np.where(off == 0, 0.0, off / size)
            spacing = np.ldexp(self.epsilon, np.maximum(np.frexp(size)[1] - 1, self.smallest))
            ulps = off / spacing
            self.noise += float(np.square(off).sum())
            self.xx += float(np.square(x).sum())
            self.yy += float(np.square(y).sum())
            self.xy += float((x * y).sum())
        if off.max() > self.largest:
            self.largest, self.place = float(off.max()), start + int(off.argmax())
        self.relative = max(self.relative, float(relative.max()))
        self.ulps = max(self.ulps, float(ulps.max()))
        self.both = max(self.both, float((off / (1 + size)).max()))
        self.count += x.size
        self.off += float(off.sum())
        self.off_relative += float(relative[np.isfinite(relative)].sum())
        self.off_ulps += float(ulps.sum())

    def figures(self, right: Array, top1: float | None, top5: float | None) -> Figures:
        count = max(1, self.count)
        sizes = math.sqrt(self.xx) * math.sqrt(self.yy)
        closed = math.inf if self.gaps else 0.0
        return Figures(
            largest=self.largest,
            mean=self.off / count,
            where=tuple(int(place) for place in np.unravel_index(self.place, right.shape)),
            largest_relative=self.relative,
            mean_relative=self.off_relative / count,
            ulps=self.ulps,
            mean_ulps=self.off_ulps / count,
            cosine=min(1.0, self.xy / sizes) if sizes else float(self.xx == self.yy),
            sqnr=_decibels(self.yy, self.noise),
            gaps=self.gaps,
            atol=max(closed, self.largest),
            rtol=max(closed, self.relative),
            both=max(closed, self.both),
            top1=top1,
            top5=top5,
        )


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def _agreement(given: Array, right: Array) -> tuple[float | None, float | None]:
    """Of scores of classes: how many rows choose the same class, and the same five."""
    if right.ndim != 2 or right.shape[1] < CLASSES or right.dtype.kind != "f" or given.dtype.kind != "f":
        return None, None
    top1 = float((given.argmax(1) == right.argmax(1)).mean())
    if right.shape[1] <= 5:
        return top1, None
    ours, theirs = (np.sort(np.argsort(-array, axis=1)[:, :5], axis=1) for array in (given, right))
    return top1, float((ours == theirs).all(axis=1).mean())
