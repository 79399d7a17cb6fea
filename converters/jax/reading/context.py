"""What the reader knows while it goes through a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from porter.dataclass import dataclass
from porter.graph.model import Param, Value
from porter.graph.ops.op import Op
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


@dataclass(frozen=True)
class Walk:
    """A state after every step of a recurrent layer, steps first."""

    op: Op
    inputs: tuple[Value, ...]
    params: Mapping[str, Param]
    state: int


@dataclass
class Context(Traced):
    """What the reader knows."""

    slim: dict[Value, Value] = field(default_factory=dict)  # a value before it was repeated along axes
    counts: dict[Value, int] = field(default_factory=dict)  # 0, 1, 2, ... along this axis
    sums: dict[Value, tuple[Value, Window]] = field(default_factory=dict)  # of windows: the value summed
    cells: dict[Value, Window] = field(default_factory=dict)  # how many cells each window has
    walks: dict[Value, Walk] = field(default_factory=dict)  # states after every step
    ends: dict[tuple[Value, ...], list[tuple[Value, list[Value]]]] = field(default_factory=dict)
    """States after the last step of each row, by the inputs of the layer and the last steps."""
