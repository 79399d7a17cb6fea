"""The divergence curve: relative error over depth, against the rounding floor, as points for a drawing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from porter.compare.verdict import LAYER_LIMIT
from porter.dataclass import dataclass

WIDTH, HEIGHT = 960, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 30, 26
LOWEST, HIGHEST = -17, 1

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Dot:
    """One layer in the drawing."""

    x: float
    y: float
    row: int  # its place in the list of layers
    label: str
    off: bool


@dataclass(frozen=True)
class Curve:
    """Everything that is drawn; paths are in the syntax of SVG."""

    ticks: tuple[tuple[float, str], ...]
    floor: str
    limit: str
    source: str
    target: str
    down: tuple[Dot, ...]
    alone: tuple[Dot, ...]
    begins: tuple[float, str] | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def curve(layers: Sequence[Row], diverges: str) -> Curve | None:
    """The drawing of these layers; None where there are too few for a curve."""
    rows = [(place, row) for place, row in enumerate(layers) if row["scale"]]
    if len(rows) < 2:
        return None
    shares = [share for _, row in rows for share in _shares(row)]
    low = max(LOWEST, math.floor(math.log10(min(shares))))
    high = max(math.ceil(math.log10(max(shares))), low + 2)

    def x(place: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * place / (len(rows) - 1), 1)

    def y(share: float) -> float:
        part = (math.log10(max(share, 10.0**low)) - low) / (high - low)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(1.0, max(0.0, part)), 1)

    def path(value: Callable[[Row], float | None]) -> str:
        points = [(x(place), value(row)) for place, (_, row) in enumerate(rows)]
        return "M" + " L".join(f"{px},{y(share)}" for px, share in points if share is not None)

    def dots(side: str) -> tuple[Dot, ...]:
        found = ((place, k, row, _share(row, side)) for place, (k, row) in enumerate(rows))
        return tuple(
            Dot(x(place), y(share), k, f"{row['name']}: {share:.1e}", not row["equivalent"])
            for place, k, row, share in found
            if share is not None
        )

    starts = [(place, row) for place, (_, row) in enumerate(rows) if diverges and row["name"] == diverges]
    step = max(1, (high - low) // 6)
    return Curve(
        ticks=tuple((y(10.0**power), f"1e{power}") for power in range(low, high + 1, step)),
        floor=f"{path(_floor)} L{WIDTH - RIGHT},{HEIGHT - BOTTOM} L{LEFT},{HEIGHT - BOTTOM} Z",
        limit=path(lambda row: _floor(row) * LAYER_LIMIT),
        source=path(lambda row: _share(row, "a")),
        target=path(lambda row: _share(row, "b")),
        down=dots("b"),
        alone=dots("isolated"),
        begins=(x(starts[0][0]), starts[0][1]["name"]) if starts else None,
    )


def _floor(row: Row) -> float:
    return float(row["noise"] / row["scale"])


def _share(row: Row, side: str) -> float | None:
    """An error as a share of the layer's largest number."""
    distance = row[side]
    if distance is None:
        return None
    if distance["largest"] is None:
        return float(10.0**HIGHEST)
    return max(float(distance["largest"] / row["scale"]), float(10.0**LOWEST))


def _shares(row: Row) -> Iterator[float]:
    if row["noise"]:
        yield _floor(row)
        yield _floor(row) * LAYER_LIMIT
    for side in ("a", "b", "isolated"):
        share = _share(row, side)
        if share:
            yield share
