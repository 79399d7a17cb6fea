"""The company that rows are put in, as data: which rows of the pool are run together, and what that asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from porter.compare.inputs import InputSet, make_inputs, telling_inputs
from porter.compare.sizes import AFFORDABLE, most_rows, rows_for, sizes_for
from porter.dataclass import dataclass
from porter.graph.dims import BATCH
from porter.graph.model import Graph
from porter.verification.settings import Settings

Array = np.ndarray

BASE = 8
"""Rows of the batch that everything is compared with."""

SINGLES = 3
"""Rows that are run alone."""

SIZES = (2, 3, 32)
"""Other batch sizes."""


@dataclass(frozen=True)
class Experiment:
    """Rows of the pool that are run together."""

    name: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Pool:
    """The rows that there are, and how many of them make the batch that is compared with."""

    arrays: tuple[Array, ...]
    batched: tuple[bool, ...]  # whether an input has a batch axis at all
    base: int
    fixed: bool  # the model takes batches of this size only

    @property
    def size(self) -> int:
        """How many rows there are."""
        pairs = zip(self.arrays, self.batched, strict=True)
        return max((len(array) for array, batched in pairs if batched), default=0)

    def of(self, rows: Sequence[int]) -> tuple[Array, ...]:
        """The inputs that consist of these rows."""
        pairs = zip(self.arrays, self.batched, strict=True)
        return tuple(array[list(rows)] if batched else array for array, batched in pairs)

    def experiments(self) -> Iterator[Experiment]:
        """Every company that a row can be put in."""
        base = tuple(range(self.base))
        if not self.fixed:
            for row in base[:SINGLES]:
                yield Experiment("a row alone", (row,))
            for size in SIZES:
                if size <= self.size and size != self.base:
                    yield Experiment(f"in a batch of {size}", tuple(range(size)))
        if self.base > 1:
            yield Experiment("rows in another order", base[::-1])
        others = tuple(range(self.base, min(self.size, 2 * self.base - 1)))
        if len(others) == self.base - 1 > 0:
            yield Experiment("a row among other rows", (0, *others))


def pool_for(graph: Graph, given: InputSet | None, settings: Settings, only: int | None) -> Pool:
    """Rows to run the graph on, in its own order of axes: those given, or made ones. `only` is the batch size
    of a model that takes no other."""
    seed, memory = settings.seed, settings.memory
    batched = tuple(bool(value.rank) and value.shape[0] == BATCH for value in graph.inputs)
    if given is not None:
        arrays = given.arrays
    elif not any(batched):
        arrays = telling_inputs(graph, seed, memory)[0].arrays
    else:
        arrays = _many(graph, batched, seed, memory)
    rows = max((len(a) for a, b in zip(arrays, batched, strict=True) if b), default=0)
    fixed = not any(batched)
    if fixed:
        rows = _rows(arrays)
        return Pool(arrays, tuple(array.ndim > 0 and len(array) == rows for array in arrays), rows, True)
    return Pool(arrays, batched, min(only or BASE, rows), only is not None)


def _rows(arrays: Sequence[Array]) -> int:
    """The batch size that a model fixes: the length that its inputs share, if they do."""
    lengths = {len(array) for array in arrays if array.ndim}
    return lengths.pop() if len(lengths) == 1 else 0


def _many(graph: Graph, batched: Sequence[bool], seed: int, memory: float) -> tuple[Array, ...]:
    """As many rows as are wanted, or as the machine can afford."""
    first = telling_inputs(graph, seed, memory)[0]
    affordable = max(rows_for(graph, sizes_for(graph)), AFFORDABLE // max(1, _cells(first)))
    wanted = min(max(SIZES), most_rows(graph, memory), max(affordable, 2 * first.rows))
    scale = _scale(graph, first, seed, memory)
    sets = [first.arrays]
    while sum(len(arrays[batched.index(True)]) for arrays in sets) < wanted:
        sets.append(make_inputs(graph, seed + len(sets), scale, memory)[0].arrays)
    columns = zip(zip(*sets, strict=True), batched, strict=True)
    return tuple(np.concatenate(parts)[:wanted] if rows else parts[0] for parts, rows in columns)


def _cells(made: InputSet) -> int:
    return sum(array[:1].size for array in made.arrays)


def _scale(graph: Graph, first: InputSet, seed: int, memory: float) -> float:
    """How large the chosen inputs are over those of ordinary size."""
    plain = make_inputs(graph, seed, 1.0, memory)[0]
    pairs = [(a, b) for a, b in zip(first.arrays, plain.arrays, strict=True) if a.dtype.kind == "f"]
    return max((float(np.abs(a).max() / max(np.abs(b).max(), 1e-30)) for a, b in pairs), default=1.0)
