"""Sizes of axes: plain integers, or named symbols where only running the model can tell."""

from __future__ import annotations

import re
from collections.abc import Iterable

from porter.dataclass import dataclass
from porter.errors import GraphError


@dataclass(frozen=True)
class Sym:
    """A size known by an expression over names only (`batch`, `(h + 1) // 2`)."""

    text: str

    def __str__(self) -> str:
        return self.text


Dim = int | Sym
Shape = tuple[Dim, ...]

BATCH = Sym("batch")

ENDING = re.compile(r"(.+) ([+-]) (\d+)")
"""A sum or difference with a number last, as `add` writes it; nothing binds weaker, so it splits there."""


def _operand(dim: Dim) -> str:
    text = str(dim)
    return text if text.isidentifier() or text.isdigit() else f"({text})"


def _factor(dim: Sym) -> tuple[Dim, int]:
    """`(h + 1) * 4` as its two factors; anything else times one."""
    base, sign, number = dim.text.rpartition(" * ")
    if not sign or not number.isdigit():
        return dim, 1
    if base.isidentifier():
        return Sym(base), int(number)
    inner = base[1:-1]
    depth = 0
    for letter in inner:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth < 0:
            return dim, 1
    return (Sym(inner), int(number)) if base.startswith("(") and not depth else (dim, 1)


def add(dim: Dim, amount: int) -> Dim:
    """`dim + amount`."""
    if isinstance(dim, int):
        return dim + amount
    ending = ENDING.fullmatch(dim.text)
    if ending is not None:
        dim, amount = Sym(ending[1]), amount + int(ending[2] + ending[3])
    if amount == 0:
        return dim
    return Sym(f"{dim} {'+' if amount > 0 else '-'} {abs(amount)}")


def times(dim: Dim, factor: Dim) -> Dim:
    """`dim * factor`."""
    if isinstance(dim, int) and isinstance(factor, int):
        return dim * factor
    if dim == 1:
        return factor
    if factor == 1:
        return dim
    if isinstance(dim, Sym) and isinstance(factor, int):
        base, known = _factor(dim)
        return Sym(f"{_operand(base)} * {known * factor}")
    return Sym(f"{_operand(dim)} * {_operand(factor)}")


def floor_divide(dim: Dim, divisor: int) -> Dim:
    """`dim // divisor`."""
    if isinstance(dim, int):
        return dim // divisor
    base, known = _factor(dim)
    if known % divisor == 0:
        return times(base, known // divisor)
    return dim if divisor == 1 else Sym(f"{_operand(dim)} // {divisor}")


def multiple(dim: Dim, unit: Dim) -> int | None:
    """How often a size holds another one, where their expressions tell."""
    (base, count), (other, step) = (_factor(d) if isinstance(d, Sym) else (1, d) for d in (dim, unit))
    return count // step if base == other and step and count % step == 0 else None


def part(dim: Dim, count: int) -> Dim | None:
    """One of `count` equal parts of a size; None where it is not known to have them."""
    base, known = _factor(dim) if isinstance(dim, Sym) else (1, dim)
    return None if known % count else times(base, known // count)


def ceil_divide(dim: Dim, divisor: int) -> Dim:
    """`dim / divisor`, rounded up."""
    if isinstance(dim, int):
        return -(-dim // divisor)
    return dim if divisor == 1 else floor_divide(add(dim, divisor - 1), divisor)


def product(dims: Iterable[Dim]) -> Dim:
    """All of them multiplied; 1 for none."""
    result: Dim = 1
    for dim in dims:
        result = times(result, dim)
    return result


def total(dims: Iterable[Dim]) -> Dim:
    """All of them added; 0 for none."""
    known = 0
    counts: dict[Dim, int] = {}
    for dim in dims:
        if isinstance(dim, int):
            known += dim
        else:
            base, count = _factor(dim)
            counts[base] = counts.get(base, 0) + count
    if not counts:
        return known
    names = [str(times(base, count)) for base, count in counts.items()]
    return Sym(" + ".join([*names, *([str(known)] if known else [])]))


def may_equal(a: Dim, b: Dim) -> bool:
    """Whether two sizes can be the same: symbols may be anything."""
    return a == b or isinstance(a, Sym) or isinstance(b, Sym)


def unify(a: Dim, b: Dim) -> Dim:
    """The better known of two sizes that must be equal."""
    if not may_equal(a, b):
        raise GraphError(f"sizes {a} and {b} must be equal")
    return b if isinstance(a, Sym) and isinstance(b, int) else a


def broadcast(*shapes: Shape) -> Shape:
    """The common shape of right-aligned shapes, as NumPy broadcasts."""
    rank = max((len(shape) for shape in shapes), default=0)
    result: list[Dim] = []
    for place in range(-rank, 0):
        dim: Dim = 1
        for shape in shapes:
            if len(shape) >= -place and shape[place] != 1:
                if dim != 1 and not may_equal(dim, shape[place]):
                    raise GraphError(f"shapes {show(*shapes)} do not broadcast")
                dim = shape[place] if dim == 1 else unify(dim, shape[place])
        result.append(dim)
    return tuple(result)


def show(*shapes: Shape) -> str:
    """Shapes as text for messages: `(batch, 8, 8, 3)`."""
    return " and ".join("(" + ", ".join(map(str, shape)) + ")" for shape in shapes)


def static(shape: Shape) -> tuple[int, ...] | None:
    """The shape as integers, or None where any size is symbolic."""
    known = tuple(dim for dim in shape if isinstance(dim, int))
    return known if len(known) == len(shape) else None
