"""One framework's tables: how its layers are read into ops, and how ops are written in it.

A cell that is neither a rule nor an explicit `unsupported` with its reason is a hole, and a test names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from porter.errors import GraphError

Rule = Callable[..., Any]
R = TypeVar("R", bound=Rule)


@dataclass(frozen=True)
class Unsupported:
    """An explicit refusal, with the reason that users are told and, where there is one, the way out."""

    because: str
    hint: str = ""


class Rules:
    """The two tables of a framework; a second rule for the same thing is refused, naming both."""

    def __init__(self, framework: str) -> None:
        self.framework = framework
        self.reading: dict[Any, Rule | Unsupported] = {}
        self.writing: dict[Any, Rule | Unsupported] = {}

    def reads(self, *things: Any) -> Callable[[R], R]:
        """Mark a function as the reader of these layer classes or functions."""
        return self._fill(self.reading, things)

    def writes(self, *ops: Any) -> Callable[[R], R]:
        """Mark a function as the writer of these op classes."""
        return self._fill(self.writing, ops)

    def cannot_read(self, *things: Any, because: str, hint: str = "") -> None:
        """Say why these are refused."""
        self._enter(self.reading, things, Unsupported(because, hint))

    def cannot_write(self, *ops: Any, because: str, hint: str = "") -> None:
        """Say why these ops are refused."""
        self._enter(self.writing, ops, Unsupported(because, hint))

    def _fill(self, table: dict[Any, Rule | Unsupported], things: Iterable[Any]) -> Callable[[R], R]:
        def enter(rule: R) -> R:
            self._enter(table, things, rule)
            return rule

        return enter

    def _enter(
        self, table: dict[Any, Rule | Unsupported], things: Iterable[Any], entry: Rule | Unsupported
    ) -> None:
        for thing in things:
            if thing in table:
                raise GraphError(f"{self.framework} has two rules for {thing}: {table[thing]} and {entry}")
            table[thing] = entry
