"""What the reader knows while it goes through a program."""

from __future__ import annotations

from dataclasses import field

from porter.dataclass import dataclass
from porter.graph.model import Value
from porter.reading import Traced


@dataclass(frozen=True)
class Failed:
    """Stands for a result that could not be read: what uses it is not reported again."""


@dataclass(frozen=True)
class Random:
    """Stands for the state of a stream of random numbers, which nothing but a draw can use."""


@dataclass(frozen=True)
class Window:
    """How windows were laid over a value, to tell sums that belong to one another."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]


@dataclass
class Context(Traced):
    """What the reader knows."""

    slim: dict[Value, Value] = field(default_factory=dict)  # a value before it was repeated along axes
    counts: dict[Value, int] = field(default_factory=dict)  # 0, 1, 2, ... along this axis
    sums: dict[Value, tuple[Value, Window]] = field(default_factory=dict)  # of windows: the value summed
    cells: dict[Value, Window] = field(default_factory=dict)  # how many cells each window has
