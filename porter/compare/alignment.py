"""Which layer of one model is which of another, and how their axes stand to one another.

Two models that different people wrote name and order things as they like. What they compute shows which step
is which: each step leaves a sketch, a few numbers that no order of axes changes, and the sketches of both are
laid side by side, in order, so that as much as can be agrees: name, kind of operation, shape, numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations

import numpy as np

from porter.dataclass import dataclass
from porter.graph.model import Graph, Node
from porter.graph.ops.elementwise import Cast, Dropout
from porter.graph.ops.reshaping import Reshape, Transpose
from porter.graph.ops.sources import Constant
from porter.graph.run import OWN, steps

Array = np.ndarray

LOOKED_AT = 1 << 16
"""Numbers that are looked at to tell two orders of axes apart."""

ROWS = 3
"""Rows of inputs that are enough for a sketch."""

SAME_NAME, SAME_KIND, SAME_NUMBERS, ENOUGH = 3.0, 2.0, 6.0, 2.0
"""What agreement is worth, and how much of it makes a pair; shapes have to agree in any case."""

CLOSE = 1e-3
"""How near the numbers of two sketches are, relatively, where both computed the same."""

NO_STEPS = (Cast, Dropout, Reshape, Transpose, Constant)
"""What moves numbers about and changes none of them."""


@dataclass(frozen=True, eq=False)
class Sketch:
    """What one step of a network left: numbers that stay the same in any order of axes, and how they lie."""

    node: Node
    sizes: tuple[int, ...]
    moments: Array
    margins: tuple[Array, ...]  # along each axis, the means over all others

    @property
    def name(self) -> str:
        return self.node.origin.label.replace("/", ".")


@dataclass(frozen=True)
class Pair:
    """Two steps that are one; `turn` brings the axes of theirs to the order of ours."""

    ours: Node
    theirs: Node
    turn: tuple[int, ...]
    matched: str


def align(ours: Sequence[Sketch], theirs: Sequence[Sketch]) -> list[Pair]:
    """Pairs in the order of the networks; what has no partner is left out."""
    return [
        Pair(ours[i].node, theirs[j].node, _turn(ours[i], theirs[j]), _how(ours[i], theirs[j]))
        for i, j in _best(_scores(ours, theirs))
    ]


def sketches(graph: Graph, inputs: Sequence[Array]) -> list[Sketch]:
    """A sketch of each step of a graph that makes real numbers of its own."""
    few = [array[:ROWS] for array in inputs]
    found = []
    for node, outputs in steps(graph, few, OWN):
        array = outputs[0]
        if array.dtype.kind == "f" and array.size > 1 and not isinstance(node.op, NO_STEPS):
            found.append(_sketch(node, array))
    return found


def _sketch(node: Node, array: Array) -> Sketch:
    plain = np.where(np.isfinite(array), array, 0.0).astype("float64")
    size = float(np.abs(plain).max()) or 1.0
    part = plain / size
    powers = (part.mean(), np.abs(part).mean(), np.square(part).mean(), (part**3).mean(), (part**4).mean())
    margins = tuple(
        plain.mean(axis=tuple(other for other in range(plain.ndim) if other != axis))
        for axis in range(plain.ndim)
    )
    return Sketch(node, array.shape, np.array([np.log(size), *powers]), margins)


def _scores(ours: Sequence[Sketch], theirs: Sequence[Sketch]) -> Array:
    """How well each of ours agrees with each of theirs; 0 where they are no pair."""
    moments = np.array([one.moments for one in theirs]).reshape(len(theirs), -1)
    kinds = np.array([type(one.node.op).__name__ for one in theirs])
    names = np.array([one.name for one in theirs])
    sizes = _numbered([*ours, *theirs])
    their_sizes = np.array([sizes[tuple(sorted(one.sizes))] for one in theirs])
    rows = np.zeros([len(ours), len(theirs)])
    for place, one in enumerate(ours):
        near = (np.abs(moments - one.moments) <= CLOSE * (1 + np.abs(one.moments))).all(axis=1)
        score = SAME_NUMBERS * near + SAME_KIND * (kinds == type(one.node.op).__name__)
        score = score + SAME_NAME * (names == one.name)
        fits = (their_sizes == sizes[tuple(sorted(one.sizes))]) & (score >= ENOUGH)
        rows[place] = np.where(fits, score, 0.0)
    return rows


def _numbered(listed: Sequence[Sketch]) -> Mapping[tuple[int, ...], int]:
    numbers: dict[tuple[int, ...], int] = {}
    for one in listed:
        numbers.setdefault(tuple(sorted(one.sizes)), len(numbers))
    return numbers


def _best(scores: Array) -> list[tuple[int, int]]:
    """The pairs, rising on both sides, whose scores together are the most."""
    rows, columns = scores.shape
    best = np.zeros([rows + 1, columns + 1])
    for row in range(rows):
        with_pair = np.maximum(best[row, 1:], np.where(scores[row] > 0, best[row, :-1] + scores[row], 0.0))
        best[row + 1, 1:] = np.maximum.accumulate(with_pair)
    pairs = []
    row, column = rows, columns
    while row and column:
        if best[row, column] == best[row - 1, column]:
            row -= 1
        elif best[row, column] == best[row, column - 1]:
            column -= 1
        else:
            row, column = row - 1, column - 1
            pairs.append((row, column))
    return pairs[::-1]


def _how(ours: Sketch, theirs: Sketch) -> str:
    if ours.name == theirs.name:
        return "name"
    near = np.abs(theirs.moments - ours.moments) <= CLOSE * (1 + np.abs(ours.moments))
    return "what it computes" if near.all() else "its place and shape"


def _turn(ours: Sketch, theirs: Sketch) -> tuple[int, ...]:
    """The order of their axes in which each of them has our sizes and, as near as can be, our means."""
    fitting = list(_turns(theirs.sizes, ours.sizes))
    if len(fitting) == 1:
        return fitting[0]

    def apart(turn: tuple[int, ...]) -> float:
        pairs = ((theirs.margins[axis], ours.margins[place]) for place, axis in enumerate(turn))
        return float(sum(np.abs(x - y).mean() for x, y in pairs))

    return min(fitting, key=apart)


def turned_to_match(given: Array, exact: Array) -> Array | None:
    """`given` with its axes in the order of `exact`, as near to it as can be; None where none fits."""
    fitting = list(_turns(given.shape, exact.shape))
    if not fitting:
        return None
    if len(fitting) == 1:
        return given.transpose(fitting[0])
    return given.transpose(min(fitting, key=lambda turn: _apart(given.transpose(turn), exact)))


def _turns(ours: tuple[int, ...], theirs: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Orders of our axes that give their shape; the batch stays where it is, if it can."""
    if len(ours) != len(theirs) or sorted(ours) != sorted(theirs):
        return
    if not ours or len(ours) > 5:
        if ours == theirs:
            yield tuple(range(len(ours)))
        return
    whole = [turn for turn in permutations(range(len(ours))) if tuple(ours[axis] for axis in turn) == theirs]
    yield from [turn for turn in whole if turn[0] == 0] or whole


def _apart(ours: Array, theirs: Array) -> float:
    rows = max(1, LOOKED_AT // max(1, theirs[0].size))
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(ours[:rows].astype("float64") - theirs[:rows].astype("float64"))
    return float(np.nanmean(off)) if np.isfinite(off).any() else 0.0
