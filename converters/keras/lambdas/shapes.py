"""Sizes of tensors in a Lambda's function: numbers where they are known, else a mark of whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from porter.dataclass import dataclass
from porter.graph.model import Value


@dataclass(frozen=True)
class Extent:
    """The size of an axis that is known only when running."""

    value: Value
    axis: int


@dataclass(frozen=True)
class Shape:
    """A tensor's shape, as `K.shape(x)`, `x.shape` and `x.get_shape()` give it."""

    value: Value

    def sizes(self) -> tuple[int | Extent, ...]:
        """Every axis."""
        return tuple(
            size if isinstance(size, int) else Extent(self.value, axis)
            for axis, size in enumerate(self.value.shape)
        )

    def static(self) -> tuple[int | None, ...]:
        """Every axis as Keras knew it: None for what it did not."""
        return tuple(size if isinstance(size, int) else None for size in self.value.shape)


def flat_sizes(told: Any) -> list[Any]:
    """A shape given as one list, as several arguments, or as another tensor's shape."""
    if isinstance(told, Shape):
        return list(told.sizes())
    if isinstance(told, Sequence) and len(told) == 1 and isinstance(told[0], (tuple, list, Shape)):
        return flat_sizes(told[0])
    return list(told) if isinstance(told, (tuple, list)) else [told]
