"""Which layer of one model is which of another, and how their axes stand to one another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np

Array = np.ndarray

LOOKED_AT = 1 << 16
"""Numbers that are looked at to tell two orders of axes apart."""


def turned_to_match(given: Array, exact: Array) -> Array | None:
    """`given` with its axes in the order of `exact`, as near to it as can be; None where none fits."""
    turn = turn_to_match(given, exact)
    return None if turn is None else given.transpose(turn)


def turn_to_match(given: Array, exact: Array) -> tuple[int, ...] | None:
    """That order; the order that they have, where others are no better."""
    fitting = list(_turns(given.shape, exact.shape))
    if len(fitting) <= 1:
        return fitting[0] if fitting else None
    return min(fitting, key=lambda turn: _apart(given.transpose(turn), exact))


def _turns(ours: tuple[int, ...], theirs: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Orders of our axes that give their shape; the batch stays where it is. As it is comes first."""
    if len(ours) != len(theirs) or sorted(ours) != sorted(theirs):
        return
    if not ours or len(ours) > 5:
        yield tuple(range(len(ours)))
        return
    for rest in permutations(range(1, len(ours))):
        turn = (0, *rest)
        if tuple(ours[axis] for axis in turn) == theirs:
            yield turn


def _apart(ours: Array, theirs: Array) -> float:
    rows = max(1, LOOKED_AT // max(1, theirs[0].size))
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(ours[:rows].astype("float64") - theirs[:rows].astype("float64"))
    return float(np.nanmean(off)) if np.isfinite(off).any() else 0.0
