"""The notation of axis strings: text to factors and dimensions, and back to text.

`axes.py` explains the notation and says what it does to arrays; here it is only read and written.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from porter.dataclass import dataclass
from porter.errors import AxesError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(r"[(){}~]|[^(){}~\s]+")


@dataclass(frozen=True)
class Factor:
    """The smallest part of a layout: a named axis, a `*s`, or a set of blocks in their order."""

    name: str
    reversed: bool = False
    labels: tuple[str, ...] = ()

    @classmethod
    def blocks(cls, labels: Iterable[str]) -> Factor:
        """A set of blocks; its name does not depend on the order, its labels do."""
        labels = tuple(labels)
        return cls("{" + " ".join(sorted(labels)) + "}", labels=labels)

    @property
    def many(self) -> bool:
        """Whether this is a `*s`, which stands for any number of axes."""
        return self.name.startswith("*")

    def flipped(self) -> Factor:
        """The same axis counted from the other end."""
        if self.labels:
            return Factor.blocks(self.labels[::-1])
        return replace(self, reversed=not self.reversed)

    def expanded(self, count: int) -> tuple[Factor, ...]:
        """`*s` as `s0 s1 ...`; anything else as it is."""
        if not self.many:
            return (self,)
        return tuple(replace(self, name=f"{self.name[1:]}{k}") for k in range(count))

    def __str__(self) -> str:
        if self.labels:
            return "{" + " ".join(self.labels) + "}"
        return "~" * self.reversed + self.name


@dataclass(frozen=True)
class Dim:
    """One dimension: the factors merged in it, outermost first; none of them makes it a `1`.

    `open` marks a `*s` outside parentheses, which is not one dimension but any number of them.
    """

    factors: tuple[Factor, ...] = ()
    open: bool = False

    def expanded(self, count: int) -> tuple[Dim, ...]:
        """This dimension with `count` axes in place of every `*s`."""
        factors = tuple(part for factor in self.factors for part in factor.expanded(count))
        return tuple(Dim((part,)) for part in factors) if self.open else (Dim(factors),)

    def __str__(self) -> str:
        text = " ".join(map(str, self.factors)) or "1"
        merged = len(self.factors) > 1 or (not self.open and any(f.many for f in self.factors))
        return f"({text})" if merged else text


def read_dims(text: str) -> tuple[Dim, ...]:
    """The dimensions that a string such as `o i ~h ~w` names."""
    return tuple(_Reader(text).dims())


class _Reader:
    """Reads one axis string from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.tokens: deque[str] = deque(_TOKEN.findall(text))
        self.readers: Mapping[str, Callable[[], Dim]] = {
            "~": self.turned,
            "(": self.group,
            "{": self.blocks,
            "1": Dim,
        }

    def dims(self) -> Iterator[Dim]:
        while self.tokens:
            yield self.item(self.take())

    def item(self, token: str) -> Dim:
        if token in self.readers:
            return self.readers[token]()
        if not _NAME.fullmatch(token.removeprefix("*")):
            raise self.error(f"'{token}' is out of place")
        return Dim((Factor(token),), open=token.startswith("*"))

    def turned(self) -> Dim:
        dim = self.item(self.take())
        return replace(dim, factors=tuple(factor.flipped() for factor in dim.factors))

    def group(self) -> Dim:
        dims = [self.item(token) for token in self.until(")")]
        return Dim(tuple(factor for dim in dims for factor in dim.factors))

    def blocks(self) -> Dim:
        labels = tuple(self.until("}"))
        if len(set(filter(_NAME.fullmatch, labels))) < len(labels):
            raise self.error("blocks are distinct plain names")
        return Dim((Factor.blocks(labels),))

    def until(self, end: str) -> Iterator[str]:
        token = self.take()
        if token == end:
            raise self.error(f"nothing before '{end}' (an axis of size one is written `1`)")
        while token != end:
            yield token
            token = self.take()

    def take(self) -> str:
        if not self.tokens:
            raise self.error("it ends too early")
        return self.tokens.popleft()

    def error(self, why: str) -> AxesError:
        return AxesError(f"axis string '{self.text}': {why}")
