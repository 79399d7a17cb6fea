"""Lazy tensors: where a parameter's numbers lie and what is done to them on the way, without reading them.

A conversion describes all parameters first and reads them one at a time while writing, so that its
peak memory is bounded by the largest tensor and not by the model. Every tensor knows from which stored
arrays it comes (`origins`) and how (`steps`), which is what the weight ledger prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import accumulate, pairwise
from typing import Any, Protocol

import numpy as np

from porter.axes import Move
from porter.dataclass import dataclass

Array = np.ndarray


class Tensor(Protocol):
    """What every lazy tensor offers."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> str: ...
    @property
    def origins(self) -> tuple[Stored, ...]: ...
    @property
    def steps(self) -> tuple[str, ...]: ...
    def read(self) -> Array: ...


@dataclass(frozen=True, eq=False)
class Stored:
    """An array in a file: `file` and `key` name it to a person, `load` reads it."""

    file: str
    key: str
    shape: tuple[int, ...]
    dtype: str
    load: Callable[[], Array] = field(repr=False)

    @property
    def origins(self) -> tuple[Stored, ...]:
        return (self,)

    @property
    def steps(self) -> tuple[str, ...]:
        return ()

    def read(self) -> Array:
        return self.load()


@dataclass(frozen=True, eq=False)
class Constant:
    """Numbers that stand in the architecture itself and in no weight file."""

    array: Array

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> str:
        return str(self.array.dtype)

    @property
    def origins(self) -> tuple[Stored, ...]:
        return ()

    @property
    def steps(self) -> tuple[str, ...]:
        return ()

    def read(self) -> Array:
        return self.array


@dataclass(frozen=True, eq=False)
class Moved:
    """A tensor with its axes rearranged by an axis string; consecutive moves are merged by `moved`."""

    base: Tensor
    move: Move
    sizes: Mapping[str, int]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.move.target_shape(self.base.shape, self.sizes)

    @property
    def dtype(self) -> str:
        return self.base.dtype

    @property
    def origins(self) -> tuple[Stored, ...]:
        return self.base.origins

    @property
    def steps(self) -> tuple[str, ...]:
        return (*self.base.steps, str(self.move))

    def read(self) -> Array:
        return self.move.apply(self.base.read(), self.sizes)

    def read_unmerged(self) -> Array:
        """The same numbers in the same order, by more axes: a view, where merging them would copy."""
        return self.move.ordered(self.base.read(), self.sizes)


@dataclass(frozen=True, eq=False)
class Derived:
    """A tensor computed from others (`formula` says how, for people): a sum of biases, a square root."""

    bases: tuple[Tensor, ...]
    formula: str
    shape: tuple[int, ...]
    dtype: str
    compute: Callable[..., Array] = field(repr=False)

    @property
    def origins(self) -> tuple[Stored, ...]:
        return tuple(origin for base in self.bases for origin in base.origins)

    @property
    def steps(self) -> tuple[str, ...]:
        return (*(step for base in self.bases for step in base.steps), self.formula)

    def read(self) -> Array:
        return self.compute(*(base.read() for base in self.bases))


@dataclass(frozen=True, eq=False)
class Recast:
    """Real numbers in another precision; anything else passes through as it is."""

    base: Tensor
    to: str

    @property
    def shape(self) -> tuple[int, ...]:
        return self.base.shape

    @property
    def dtype(self) -> str:
        return self.to if "float" in self.base.dtype else self.base.dtype

    @property
    def origins(self) -> tuple[Stored, ...]:
        return self.base.origins

    @property
    def steps(self) -> tuple[str, ...]:
        told = (f"{self.base.dtype} -> {self.dtype}",) if self.dtype != self.base.dtype else ()
        return (*self.base.steps, *told)

    def read(self) -> Array:
        array = self.base.read()
        return array if self.dtype == self.base.dtype else array.astype(number_type(self.dtype))


@dataclass(frozen=True, eq=False)
class Stacked:
    """Tensors of one shape side by side along a new first axis."""

    bases: tuple[Tensor, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.bases), *self.bases[0].shape)

    @property
    def dtype(self) -> str:
        return self.bases[0].dtype

    @property
    def origins(self) -> tuple[Stored, ...]:
        return tuple(dict.fromkeys(origin for base in self.bases for origin in base.origins))

    @property
    def steps(self) -> tuple[str, ...]:
        told = (f"row {place}: {' '.join(base.steps) or 'as it is'}" for place, base in enumerate(self.bases))
        return tuple(told)

    def read(self) -> Array:
        return np.stack([base.read() for base in self.bases])


@dataclass(frozen=True, eq=False)
class Summed:
    """Two tensors of one shape added up."""

    bases: tuple[Tensor, Tensor]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.bases[0].shape

    @property
    def dtype(self) -> str:
        return self.bases[0].dtype

    @property
    def origins(self) -> tuple[Stored, ...]:
        return tuple(dict.fromkeys(origin for base in self.bases for origin in base.origins))

    @property
    def steps(self) -> tuple[str, ...]:
        return (*(step for base in self.bases for step in base.steps), "sum of both")

    def read(self) -> Array:
        first, second = self.bases
        total: Array = first.read() + second.read()
        return total


@dataclass(frozen=True, eq=False)
class Row:
    """One of the tensors that lie side by side along the first axis of another."""

    base: Tensor
    place: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.base.shape[1:]

    @property
    def dtype(self) -> str:
        return self.base.dtype

    @property
    def origins(self) -> tuple[Stored, ...]:
        return self.base.origins

    @property
    def steps(self) -> tuple[str, ...]:
        return (*self.base.steps, f"row {self.place}")

    def read(self) -> Array:
        found: Array = self.base.read()[self.place]
        return found


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of another tensor that follow one another."""

    base: Tensor
    start: int
    stop: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.stop - self.start, *self.base.shape[1:])

    @property
    def dtype(self) -> str:
        return self.base.dtype

    @property
    def origins(self) -> tuple[Stored, ...]:
        return self.base.origins

    @property
    def steps(self) -> tuple[str, ...]:
        return (*self.base.steps, f"rows {self.start}:{self.stop}")

    def read(self) -> Array:
        return self.base.read()[self.start : self.stop]


@dataclass(frozen=True, eq=False)
class Joined:
    """Tensors one behind the other along the first axis; see `joined`."""

    bases: tuple[Tensor, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (sum(base.shape[0] for base in self.bases), *self.bases[0].shape[1:])

    @property
    def dtype(self) -> str:
        return self.bases[0].dtype

    @property
    def origins(self) -> tuple[Stored, ...]:
        return tuple(dict.fromkeys(origin for base in self.bases for origin in base.origins))

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(
            f"rows {start}:{stop}: {' '.join(base.steps) or 'as it is'}"
            for base, (start, stop) in zip(self.bases, self.places(), strict=True)
        )

    def places(self) -> list[tuple[int, int]]:
        """Which rows each of them has."""
        ends = list(accumulate(base.shape[0] for base in self.bases))
        return list(pairwise([0, *ends]))

    def read(self) -> Array:
        return np.concatenate([base.read() for base in self.bases])


def joined(parts: Sequence[Tensor]) -> Tensor:
    """The parts one behind the other: what they were cut from, where that is just this."""
    together = Joined(tuple(parts))
    rows = [part for part in parts if isinstance(part, Rows)]
    whole = {identity(one.base): one.base for one in rows}
    in_order = [(one.start, one.stop) for one in rows] == together.places()
    (base,) = whole.values() if len(whole) == 1 and in_order else (together,)
    return base if base.shape == together.shape else together


def number_type(dtype: str) -> np.dtype[Any]:
    """NumPy's type of that name, bfloat16 included."""
    kind: Any = dtype
    if dtype == "bfloat16":
        import ml_dtypes

        kind = ml_dtypes.bfloat16
    found: np.dtype[Any] = np.dtype(kind)
    return found


def identity(tensor: Tensor) -> object:
    """Equal for tensors that hold the same numbers because they come from the same arrays in the same way."""
    stored = tuple((origin.file, origin.key) for origin in tensor.origins)
    return (stored, tensor.steps, tuple(_computations(tensor))) if stored else id(tensor)


def _computations(tensor: Tensor) -> Iterator[object]:
    """What computes it: formulas are for people, and one may stand for several parts of an array."""
    if isinstance(tensor, Derived):
        yield tensor.compute
    one = getattr(tensor, "base", None)
    for base in getattr(tensor, "bases", ()) if one is None else (one,):
        yield from _computations(base)


def moved(base: Tensor, move: str | Move, **sizes: int) -> Tensor:
    """`base` rearranged by `move`, e.g. `moved(kernel, "h w i o -> o i h w")`; identity moves vanish."""
    step = Move.parse(move) if isinstance(move, str) else move
    if step.is_identity:
        return base
    return Moved(base, step, sizes)
