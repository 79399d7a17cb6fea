"""Axis strings: every difference of layout as one line of data, applied by one function.

    h w i o            one name for each dimension
    *s i o             any number of axes; stands for `s0 s1 ... i o`
    (i m) 1 h w        a merged axis, row-major; `1` is an axis of size one
    o i ~h ~w          a reversed axis
    ({i f g o} u) c    blocks: an axis of known size (here 4) whose parts lie in the listed order

A `Move` goes from one such string to another: `h w i o -> o i h w`. It can be applied, inverted and
joined with the next one. The notation is read in `axis_notation.py`; only this file permutes and
reshapes weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import count as count_from
from math import prod
from operator import index as whole
from typing import Any

import numpy as np

from porter.axis_notation import Dim, Factor, read_dims
from porter.dataclass import dataclass
from porter.errors import AxesError

Array = np.ndarray[Any, Any]
Sizes = Mapping[str, int]

_NO_SIZES: Sizes = {}
# For factors of one move: the factor as it stands there, and what lies in its place in the other.
_Swaps = dict[str, tuple[Factor, tuple[Factor, ...]]]


@dataclass(frozen=True)
class Axes:
    """The layout of one array."""

    dims: tuple[Dim, ...]

    def __post_init__(self) -> None:
        names = [factor.name for factor in self.factors]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise AxesError(f"axis string '{self}': {_listed(twice)} stands in it more than once")
        if sum(factor.many for factor in self.factors) > 1:
            raise AxesError(f"axis string '{self}': only one `*` axis can be told apart")

    @staticmethod
    def parse(text: str) -> Axes:
        """Read a string such as `o i ~h ~w`."""
        return _parsed(text)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """All factors in order, whatever dimension they are merged in."""
        return tuple(factor for dim in self.dims for factor in dim.factors)

    @property
    def names(self) -> tuple[str, ...]:
        """The named axes in order (`*s` with its star), without blocks and ones."""
        return tuple(factor.name for factor in self.factors if not factor.labels)

    @property
    def rank(self) -> int | None:
        """How many dimensions an array in this layout has; None where `*s` leaves it open."""
        return None if any(dim.open for dim in self.dims) else len(self.dims)

    def position(self, name: str) -> int:
        """The dimension that holds the axis `name`, which may be merged there with others."""
        for index, dim in enumerate(self.dims):
            if any(factor.name == name for factor in dim.factors):
                return index
        raise AxesError(f"axis string '{self}': no axis '{name}' in it")

    def expand(self, rank: int) -> Axes:
        """The same layout for arrays of `rank` dimensions, with `*s` as `s0 s1 ...`."""
        return self.spread(_open_count(self, rank)) if self.rank is None else self

    def spread(self, count: int) -> Axes:
        """The same layout with `count` axes in place of `*s`."""
        return Axes(tuple(part for dim in self.dims for part in dim.expanded(count)))

    def sizes(self, shape: Sequence[int], known: Sizes = _NO_SIZES) -> dict[str, int]:
        """The size of every named axis in an array of `shape`; one a dimension may be unknown."""
        open_rank = self.rank is None or not any(factor.many for factor in self.factors)
        axes = self.expand(len(shape)) if open_rank else self.spread(_told_count(self, known))
        solved = _solve(axes, shape, known, str(self))
        return {name: solved[name] for name in axes.names}

    def shape(self, sizes: Sizes) -> tuple[int, ...]:
        """The shape of an array in this layout whose named axes have these sizes."""
        many = any(factor.many for factor in self.factors)
        axes = self.spread(_told_count(self, sizes)) if many else self
        absent = [name for name in axes.names if name not in sizes]
        if absent:
            raise _misfit(str(self), None, sizes, f"the size of {_listed(absent)} is not known")
        full = {f.name: len(f.labels) or whole(sizes[f.name]) for f in axes.factors}
        return tuple(prod(full[factor.name] for factor in dim.factors) for dim in axes.dims)

    def __str__(self) -> str:
        return " ".join(map(str, self.dims))


@dataclass(frozen=True)
class Move:
    """From one layout to another: the same axes, differently ordered, merged, reversed."""

    source: Axes
    target: Axes

    def __post_init__(self) -> None:
        source, target = ({f.name for f in side.factors} for side in (self.source, self.target))
        if source != target:
            odd = _listed(sorted(source ^ target))
            raise AxesError(f"axis strings '{self}': {odd} stands on one side only")

    @staticmethod
    def parse(text: str) -> Move:
        """Read a string such as `h w i o -> o i h w`."""
        return _parsed_move(text)

    @property
    def is_identity(self) -> bool:
        """Whether nothing moves."""
        return self.source == self.target

    def inverse(self) -> Move:
        """The way back."""
        return Move(self.target, self.source)

    def expand(self, rank: int, sizes: Sizes = _NO_SIZES) -> Move:
        """The same move for arrays of `rank` dimensions, with `*s` as `s0 s1 ...` on both sides.

        Where `*s` is merged with others the rank does not tell: then `sizes` holds `s0`, `s1`, ...
        """
        if not any(factor.many for factor in self.source.factors):
            return self
        if self.source.rank is None:
            return self.spread(_open_count(self.source, rank))
        return self.spread(_told_count(self.source, sizes))

    def spread(self, count: int) -> Move:
        """The same move with `count` axes in place of `*s`."""
        return Move(self.source.spread(count), self.target.spread(count))

    def target_shape(self, shape: Sequence[int], sizes: Sizes = _NO_SIZES) -> tuple[int, ...]:
        """The shape that an array of `shape` gets."""
        move = self.expand(len(shape), sizes)
        return move.target.shape(_solve(move.source, shape, sizes, str(self)))

    def apply(self, array: Array, sizes: Sizes = _NO_SIZES) -> Array:
        """The array in the target's layout; a view of it where that is possible."""
        return self.ordered(array, sizes).reshape(self.target_shape(array.shape, sizes))

    def ordered(self, array: Array, sizes: Sizes = _NO_SIZES) -> Array:
        """A view in the target's order, without merging axes: row by row, it holds what `apply` gives."""
        move = self.expand(array.ndim, sizes)
        known = _solve(move.source, array.shape, sizes, str(self))
        wanted = {factor.name: factor for factor in move.target.factors}
        given = [factor.name for factor in move.source.factors]
        split = array.reshape([known[name] for name in given])
        for axis, factor in enumerate(move.source.factors):
            split = _turned(split, axis, factor, wanted[factor.name])
        return split.transpose([given.index(name) for name in wanted])

    def permutation(self, rank: int) -> tuple[int, ...]:
        """What to give to `transpose`, where this move only orders whole dimensions anew."""
        move = self.expand(rank)
        if len(move.source.dims) != rank:
            raise AxesError(f"axis strings '{self}': cannot be used on {rank} dimensions")
        left = dict(enumerate(move.source.dims))
        order = []
        for dim in move.target.dims:
            found = next((index for index, other in left.items() if other == dim), None)
            if found is None:
                raise AxesError(f"axis strings '{self}': '{dim}' makes it more than a permutation")
            del left[found]
            order.append(found)
        if left:
            raise AxesError(f"axis strings '{self}': it drops a `1`: more than a permutation")
        return tuple(order)

    def then(self, other: Move) -> Move:
        """One move that does this and then `other`, in the names of this one where it has any."""
        first, second = _same_rank(self, other)
        before: _Swaps = {}
        after: _Swaps = {}
        for left, right in zip(first.target.dims, second.source.dims, strict=True):
            if not _unify(left, right, first.source, before, after):
                raise AxesError(f"'{self}', then '{other}': '{left}' and '{right}' do not merge")
        try:
            return _upright(Move(_swap(first.source, before), _swap(second.target, after)))
        except AxesError as error:
            raise AxesError(f"'{self}', then '{other}' do not merge: {error}") from error

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


def permutation(source: str, target: str) -> tuple[int, ...]:
    """What to give to `transpose` to come from the layout `source` to `target`."""
    move = Move(Axes.parse(source), Axes.parse(target))
    if move.source.rank is None:
        raise AxesError(f"axis strings '{move}': the rank is open; use Move.permutation(rank)")
    return move.permutation(move.source.rank)


def merged(history: Sequence[Move]) -> list[Move]:
    """The same moves in as few strings as possible; those that undo one another are gone."""
    result: list[Move] = []
    for move in history:
        if result:
            try:
                move = result[-1].then(move)
            except AxesError:
                pass
            else:
                result.pop()
        if not move.is_identity:
            result.append(move)
    return result


# --- reading a string


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Axes:
    return Axes(read_dims(text))


@lru_cache(maxsize=1024)
def _parsed_move(text: str) -> Move:
    sides = text.split("->")
    if len(sides) != 2:
        raise AxesError(f"axis strings '{text}': wanted two of them with one '->' between")
    return Move(_parsed(sides[0]), _parsed(sides[1]))


# --- fitting a layout to an array


def _open_count(axes: Axes, rank: int) -> int:
    count = rank - len(axes.dims) + 1
    if count < 0:
        least = len(axes.dims) - 1
        raise AxesError(f"axis string '{axes}': wanted {least} dimensions or more, got {rank}")
    return count


def _told_count(axes: Axes, sizes: Sizes) -> int:
    """How many axes `*s` stands for where only the sizes `s0`, `s1`, ... can tell."""
    base = next(factor.name[1:] for factor in axes.factors if factor.many)
    count = next(k for k in count_from() if f"{base}{k}" not in sizes)
    if not count:
        raise _misfit(str(axes), None, sizes, f"the sizes {base}0, {base}1, ... are needed")
    return count


def _solve(axes: Axes, shape: Sequence[int], known: Sizes, text: str) -> dict[str, int]:
    """The size of every factor; blocks go by their factor's name."""
    if len(axes.dims) != len(shape):
        raise _misfit(text, shape, known, f"wanted {len(axes.dims)} dimensions, got {len(shape)}")
    solved: dict[str, int] = {}
    for dim, size in zip(axes.dims, shape, strict=True):
        sure = {f.name: len(f.labels) for f in dim.factors if f.labels}
        sure |= {f.name: whole(known[f.name]) for f in dim.factors if f.name in known}
        unsure = [factor.name for factor in dim.factors if factor.name not in sure]
        product = prod(sure.values())
        if len(unsure) > 1:
            why = f"'{dim}' needs the sizes of all but one of {_listed(unsure)}"
            raise _misfit(text, shape, known, why)
        fits = product > 0 and size % product == 0 if unsure else product == size
        if not fits or any(value < 0 for value in sure.values()):
            raise _misfit(text, shape, known, f"'{dim}' cannot be {size}, as {sure or 1}")
        solved |= sure | {name: int(size) // product for name in unsure}
    return solved


def _turned(array: Array, axis: int, source: Factor, target: Factor) -> Array:
    order = [source.labels.index(label) for label in target.labels]
    if order != sorted(order):
        return array.take(order, axis=axis)
    return np.flip(array, axis) if source.reversed != target.reversed else array


def _misfit(text: str, shape: Sequence[int] | None, sizes: Sizes, why: str) -> AxesError:
    on = "" if shape is None else f" on shape {tuple(shape)}"
    given = f" with sizes {dict(sizes)}" if sizes else ""
    return AxesError(f"axis string '{text}'{on}{given}: {why}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


# --- joining two moves


def _same_rank(first: Move, second: Move) -> tuple[Move, Move]:
    left, right = first.target, second.source
    if left.rank is None and right.rank is not None:
        first = first.spread(_open_count(left, right.rank))
    if right.rank is None and left.rank is not None:
        second = second.spread(_open_count(right, left.rank))
    if len(first.target.dims) != len(second.source.dims):
        raise AxesError(f"'{first}', then '{second}': '{left}' and '{right}' differ in rank")
    return first, second


def _unify(left: Dim, right: Dim, source: Axes, before: _Swaps, after: _Swaps) -> bool:
    """Note what the names of one dimension are in terms of the other; False where sizes decide.

    `before` collects what becomes of names of the first move (which comes from `source`), `after`
    of the second. Names that merely agree may be paired: were their sizes to differ, the sizes
    given for the second move would not fit the merged one either.
    """
    if left.open != right.open:
        return False
    ours, theirs = list(left.factors), list(right.factors)
    pairs = _popped_blocks(ours, theirs)
    same = [f.name for f in ours] == [f.name for f in theirs] and not any(f.many for f in ours)
    if left.open or same:
        pairs += zip(ours, theirs, strict=True)
    elif _is_one_name(theirs):
        after[theirs[0].name] = (theirs[0], tuple(ours))
    elif _is_one_name(ours) and (theirs or _is_alone(ours[0], source)):
        before[ours[0].name] = (ours[0], tuple(theirs))
    else:
        return False
    after |= {their.name: (their, (our,)) for our, their in pairs}
    return True


def _popped_blocks(ours: list[Factor], theirs: list[Factor]) -> list[tuple[Factor, Factor]]:
    """Blocks of equal number at either end: their size is known, so what is left lines up too."""
    pairs = []
    for end in (0, -1):
        while ours and theirs and len(ours[end].labels) == len(theirs[end].labels) > 0:
            pairs.append((ours.pop(end), theirs.pop(end)))
    return pairs


def _is_one_name(factors: Sequence[Factor]) -> bool:
    return len(factors) == 1 and not factors[0].labels and not factors[0].many


def _is_alone(factor: Factor, axes: Axes) -> bool:
    # Only a dimension of its own keeps the check that the size is one.
    return len(axes.dims[axes.position(factor.name)].factors) == 1


def _swap(axes: Axes, table: _Swaps) -> Axes:
    """The layout with every factor of the table replaced by what lies in its place."""
    return Axes(
        tuple(
            replace(dim, factors=tuple(part for f in dim.factors for part in _swapped(f, table)))
            for dim in axes.dims
        )
    )


def _swapped(factor: Factor, table: _Swaps) -> tuple[Factor, ...]:
    if factor.name not in table:
        return (factor,)
    old, new = table[factor.name]
    if factor.labels:
        return (Factor.blocks(new[0].labels[old.labels.index(name)] for name in factor.labels),)
    return new if factor.reversed == old.reversed else tuple(part.flipped() for part in new)


def _upright(move: Move) -> Move:
    """The same move without the reversals that both sides share."""
    shared = {f.name for f in move.source.factors if f.reversed}
    shared &= {f.name for f in move.target.factors if f.reversed}
    table: _Swaps = {name: (Factor(name, reversed=True), (Factor(name),)) for name in shared}
    return Move(_swap(move.source, table), _swap(move.target, table))
