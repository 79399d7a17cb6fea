"""What the machine works with besides numbers and graph values, and how a refusal is said."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from porter.dataclass import dataclass
from porter.errors import PorterError

if TYPE_CHECKING:
    from converters.keras.lambdas.decoding import Program

MOST_DIGITS = 256
MOST_ITEMS = 4096
MOST_STEPS, DEEPEST_CALL = 6_000, 12


class NotFollowed(PorterError):
    """A step that cannot be followed; `offset` and `program` say which."""

    offset = 0
    program: Program | None = None


@dataclass(frozen=True)
class Reference:
    """Something outside the function, by its dotted name: a module, a function of one, a value's method."""

    path: tuple[str, ...]
    owner: Any = None  # the value whose attribute it is

    def __str__(self) -> str:
        return ".".join(self.path)


class World(Protocol):
    """What values and outside names mean."""

    def is_tensor(self, value: Any) -> bool: ...
    def binary(self, sign: str, left: Any, right: Any) -> Any: ...
    def unary(self, sign: str, value: Any) -> Any: ...
    def index(self, value: Any, key: Any) -> Any: ...
    def attribute(self, value: Any, name: str) -> Any: ...
    def known(self, reference: Reference) -> Any: ...
    def call(self, function: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any: ...


class _Nothing:
    """The mark that newer Pythons push beside a function to be called, and that a variable without a value
    leaves."""


NOTHING = _Nothing()


@dataclass
class Items:
    """A run through a list."""

    held: Sequence[Any]
    place: int = 0


@dataclass(frozen=True)
class Cell:
    """A variable that a function within shares with the one around it."""

    holder: dict[str, Any]
    name: str


@dataclass
class Budget:
    """How much of a function is followed before it is given up."""

    steps: int = MOST_STEPS
    depth: int = 0

    def spend(self) -> None:
        """One step more."""
        self.steps -= 1
        if self.steps < 0:
            raise NotFollowed(f"it takes more than {MOST_STEPS:,} steps")


@dataclass
class Function:
    """A function that the function itself makes: one within, a lambda, a comprehension."""

    program: Program
    run: Callable[[Function, Sequence[Any], Mapping[str, Any]], Any]
    defaults: tuple[Any, ...] = ()
    named_defaults: Mapping[str, Any] = field(default_factory=dict)
    cells: tuple[Any, ...] = ()

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.run(self, arguments, named)


NUMBERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
}


def number(sign: str, left: Any, right: Any) -> Any:
    """Arithmetic of plain numbers, of a sane size."""
    whole = sign == "**" and isinstance(left, int) and isinstance(right, int)
    if whole and abs(right) * max(abs(left).bit_length(), 1) > MOST_DIGITS:
        raise NotFollowed(f"{left} ** {right} is too large")
    try:
        result = NUMBERS[sign](left, right)
    except (ArithmeticError, ValueError) as error:
        raise NotFollowed(f"{left} {sign} {right}: {error}") from error
    if isinstance(result, complex) or (isinstance(result, int) and result.bit_length() > MOST_DIGITS):
        raise NotFollowed(f"{left} {sign} {right} is no ordinary number")
    return result


def plain_slice(key: Any) -> bool:
    """Whether it is a slice with whole numbers for ends."""
    ends = (key.start, key.stop, key.step) if isinstance(key, slice) else (key,)
    return isinstance(key, slice) and all(end is None or isinstance(end, int) for end in ends)


def text(value: Any) -> Any:
    """Python 2's text constants as text."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


def name_of(value: Any) -> str:
    """The name of an argument."""
    value = text(value)
    if not isinstance(value, str):
        raise NotFollowed("the name of an argument is no text")
    return value


def kind(value: Any) -> str:
    """A value for people."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)[:40]
    return f"{value}" if isinstance(value, Reference) else f"a {type(value).__name__}"


def bounded(items: Any) -> Any:
    """A list or tuple, unless it is too long."""
    if len(items) > MOST_ITEMS:
        raise NotFollowed(f"it makes a list of more than {MOST_ITEMS:,} items")
    return items
