"""One framework's tables: how its layers are read into ops, and how ops are written in it.

A cell that is neither a rule nor an explicit `unsupported` with its reason is a hole, and a test names it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, TypeVar

from porter.dataclass import dataclass
from porter.errors import GraphError

Rule = Callable[..., Any]
R = TypeVar("R", bound=Rule)


@dataclass(frozen=True)
class Unsupported:
    """An explicit refusal, with the reason that users are told and, where there is one, the way out."""

    because: str
    hint: str = ""


@dataclass(frozen=True)
class Families:
    """The package whose modules hold the rules, and where in it a thing's rule is looked for first."""

    package: str
    likely: Callable[[Any, str], bool]

    def modules(self) -> Iterator[str]:
        """The names of all families."""
        yield from (found.name for found in pkgutil.iter_modules(import_module(self.package).__path__))


def by_module(op: Any, family: str) -> bool:
    """For op classes: the family of the same name as theirs in the core."""
    return bool(op.__module__.rpartition(".")[2] == family)


class Table(Mapping[Any, Rule | Unsupported]):
    """Rules by what they are about. A family is imported when a rule of it is first asked for: starting fast
    is worth more to `porter inspect` than all rules at hand."""

    def __init__(self, framework: str, families: Families | None) -> None:
        self._framework = framework
        self._families = families
        self._entries: dict[Any, Rule | Unsupported] = {}
        self._waiting: set[str] | None = None

    def __getitem__(self, thing: Any) -> Rule | Unsupported:
        if thing not in self._entries:
            self._import(lambda family: self._families is not None and self._families.likely(thing, family))
        if thing not in self._entries:
            self._import(lambda family: True)
        return self._entries[thing]

    def __iter__(self) -> Iterator[Any]:
        self._import(lambda family: True)
        return iter(self._entries)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def enter(self, things: Iterable[Any], entry: Rule | Unsupported) -> None:
        """Add a rule; a second one for the same thing is refused, naming both."""
        for thing in things:
            if thing in self._entries:
                known = self._entries[thing]
                raise GraphError(f"{self._framework} has two rules for {thing}: {known} and {entry}")
            self._entries[thing] = entry

    def _import(self, wanted: Callable[[str], bool]) -> None:
        if self._families is None:
            return
        if self._waiting is None:
            self._waiting = set(self._families.modules())
        for family in sorted(filter(wanted, self._waiting)):
            self._waiting.discard(family)
            import_module(f"{self._families.package}.{family}")


class Rules:
    """The two tables of a framework."""

    def __init__(self, framework: str, read: Families | None = None, written: Families | None = None) -> None:
        self.framework = framework
        self.reading = Table(framework, read)
        self.writing = Table(framework, written)

    def reads(self, *things: Any) -> Callable[[R], R]:
        """Mark a function as the reader of these layer classes or functions."""
        return _entering(self.reading, things)

    def writes(self, *ops: Any) -> Callable[[R], R]:
        """Mark a function as the writer of these op classes."""
        return _entering(self.writing, ops)

    def cannot_read(self, *things: Any, because: str, hint: str = "") -> None:
        """Say why these are refused."""
        self.reading.enter(things, Unsupported(because, hint))

    def cannot_write(self, *ops: Any, because: str, hint: str = "") -> None:
        """Say why these ops are refused."""
        self.writing.enter(ops, Unsupported(because, hint))


def _entering(table: Table, things: Iterable[Any]) -> Callable[[R], R]:
    def enter(rule: R) -> R:
        table.enter(things, rule)
        return rule

    return enter
