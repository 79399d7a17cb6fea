"""Python expressions as values, which writers build and `render` turns into text.

Nothing from an input file can become code here: names are checked, values are repr'd literals.
Plain Python values given to the lower-case helpers (`call`, `index`, ...) become literals; only
where a name is wanted (what is called or indexed) is a `str` a name.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable
from typing import Any

import numpy as np

from porter.dataclass import dataclass
from porter.errors import GraphError


class Expression:
    """Anything that has a value."""


@dataclass(frozen=True)
class Name(Expression):
    """A variable, or a path such as `F.relu`."""

    path: str

    def __post_init__(self) -> None:
        for part in self.path.split("."):
            check_identifier(part)


@dataclass(frozen=True)
class Literal(Expression):
    """A constant: None, a bool, a number, a text, bytes, or containers and slices of these."""

    value: object

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _constant(self.value))

    @property
    def display(self) -> Expression | None:
        """A container as the expression that spells it; None for a single value."""
        return _DISPLAYS[type(self.value)](self.value) if type(self.value) in _DISPLAYS else None


@dataclass(frozen=True)
class Call(Expression):
    """`func(*args, **kwargs)`; see `call`."""

    func: Expression
    args: tuple[Expression, ...] = ()
    kwargs: tuple[tuple[str, Expression], ...] = ()

    def __post_init__(self) -> None:
        for name, _ in self.kwargs:
            check_identifier(name)


@dataclass(frozen=True)
class Attr(Expression):
    """`obj.name`."""

    obj: Expression
    name: str

    def __post_init__(self) -> None:
        check_identifier(self.name)


@dataclass(frozen=True)
class Index(Expression):
    """`obj[items]`; see `index`."""

    obj: Expression
    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Slice(Expression):
    """`lower:upper:step`, each of which may be missing; outside an index it reads `slice(...)`."""

    lower: Expression | None = None
    upper: Expression | None = None
    step: Expression | None = None


# Of Python's operators the higher number binds more tightly.
PRECEDENCE = {
    "or": 2,
    "and": 3,
    **dict.fromkeys(("<", ">", "<=", ">=", "==", "!=", "is", "is not", "in", "not in"), 5),
    "|": 6,
    "^": 7,
    "&": 8,
    **dict.fromkeys(("<<", ">>"), 9),
    **dict.fromkeys(("+", "-"), 10),
    **dict.fromkeys(("*", "/", "//", "%", "@"), 11),
    "**": 13,
}
UNARY_PRECEDENCE = {"not": 4, "-": 12, "+": 12, "~": 12}


@dataclass(frozen=True)
class Binary(Expression):
    """`left op right`, with parentheses only where Python needs them."""

    op: str
    left: Expression
    right: Expression

    def __post_init__(self) -> None:
        if self.op not in PRECEDENCE:
            raise GraphError(f"no such operator: {self.op!r}")


@dataclass(frozen=True)
class Compare(Binary):
    """`left == right` and its like."""


@dataclass(frozen=True)
class Unary(Expression):
    """`-operand`, `not operand`."""

    op: str
    operand: Expression

    def __post_init__(self) -> None:
        if self.op not in UNARY_PRECEDENCE:
            raise GraphError(f"no such unary operator: {self.op!r}")


@dataclass(frozen=True)
class Tuple(Expression):
    """`(a, b)`; without parentheses as a target and after `return`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class List(Expression):
    """`[a, b]`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Dict(Expression):
    """`{key: value}`."""

    items: tuple[tuple[Expression, Expression], ...]


@dataclass(frozen=True)
class IfElse(Expression):
    """`then if test else other`."""

    then: Expression
    test: Expression
    other: Expression


@dataclass(frozen=True)
class Star(Expression):
    """`*value`, in a call or a display."""

    value: Expression


@dataclass(frozen=True)
class Each(Expression):
    """`[element for target in items]`."""

    element: Expression
    target: Expression
    items: Expression


# --- helpers that take plain values


def express(value: object) -> Expression:
    """An expression as it is, anything else as a literal."""
    if isinstance(value, Expression):
        return value
    return _DISPLAYS[type(value)](value) if type(value) in _DISPLAYS else Literal(value)


def call(func: str | Expression, *args: object, **kwargs: object) -> Call:
    """`call("nn.Conv2d", 3, 64, kernel_size=3)`."""
    pairs = tuple((name, express(value)) for name, value in kwargs.items())
    return Call(named(func), tuple(express(value) for value in args), pairs)


def attr(obj: str | Expression, name: str) -> Attr:
    """`attr(x, "shape")`."""
    return Attr(named(obj), name)


def index(obj: str | Expression, *items: object) -> Index:
    """`index("x", slice(None), 0, ...)` for `x[:, 0, ...]`."""
    return Index(named(obj), tuple(express(item) for item in items))


def binary(op: str, left: object, right: object) -> Binary:
    """`binary("+", Name("x"), 1)`; for comparisons too."""
    return Binary(op, express(left), express(right))


def check_identifier(text: str) -> None:
    """Refuse what is not a plain ASCII identifier: a promise of the caller."""
    if not (text.isascii() and text.isidentifier()) or keyword.iskeyword(text):
        raise GraphError(f"not an identifier: {text!r}; names of input files go through `names`")


def named(value: str | Expression) -> Expression:
    """An expression as it is, a `str` as a name."""
    return Name(value) if isinstance(value, str) else value


# What a constant may be; subclasses (NumPy's, enums) become the plain type that they stand for.
_SCALARS: dict[type, Callable[[Any], object]] = {
    bool: bool,
    int: int,
    float: float,
    str: str.__str__,
    bytes: bytes,
}


def _constant(value: object) -> object:
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or value is ...:
        return value
    if type(value) in _DISPLAYS:
        _DISPLAYS[type(value)](value)
        return value
    for kind, plain in _SCALARS.items():
        if isinstance(value, kind):
            return plain(value)
    raise GraphError(f"{type(value).__name__} cannot be written as a literal: {value!r:.80}")


def _slice(value: slice) -> Slice:
    ends = (value.start, value.stop, value.step)
    return Slice(*(None if end is None else express(end) for end in ends))


_DISPLAYS: dict[type, Any] = {
    tuple: lambda value: Tuple(tuple(map(express, value))),
    list: lambda value: List(tuple(map(express, value))),
    dict: lambda value: Dict(tuple((express(k), express(v)) for k, v in value.items())),
    slice: _slice,
}
