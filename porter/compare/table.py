"""A comparison as a compact table for terminals and logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from porter.compare.comparison import Comparison
from porter.compare.difference import Distance

OUTPUTS = ("output", "inputs", "a to reference", "b to reference", "a to b", "noise", "times", "")
LAYERS = ("layer", "class", "distance", "relative", "noise", "times", "")


def lines(comparison: Comparison, *, per_layer: bool = False) -> Iterator[str]:
    """The verdict, the three distances of each output, and layers where asked for or where they are off."""
    yield comparison.verdict
    yield f"a: {comparison.a}   b: {comparison.b}"
    yield from _aligned([OUTPUTS, *_outputs(comparison)])
    shown = list(_layers(comparison, per_layer))
    if shown:
        yield ""
        yield from _aligned([LAYERS, *shown])
    if comparison.layers and not per_layer:
        worst = max(comparison.layers, key=lambda row: row.b.times)
        least = f"the furthest off is {worst.name}, {worst.b.times:.3g} times its noise"
        yield f"{len(comparison.layers)} layers compared; {least}"
    yield from (f"weight {row.name}: {row.problem}" for row in comparison.weights)
    yield from (f"note: {note}" for note in comparison.notes)


def _outputs(comparison: Comparison) -> Iterator[Sequence[str]]:
    for row in comparison.outputs:
        yield (
            row.name,
            row.inputs,
            _largest(row.a),
            _largest(row.b),
            "-" if row.between is None else f"{row.between:.1e}",
            f"{row.noise:.1e}",
            f"{row.b.times:.3g}",
            "" if row.equivalent else "NOT EQUIVALENT",
        )


def _layers(comparison: Comparison, all_of_them: bool) -> Iterator[Sequence[str]]:
    for row in comparison.layers:
        if all_of_them or not row.equivalent:
            yield (
                row.name,
                row.kind,
                _largest(row.b),
                f"{row.b.relative:.1e}",
                f"{row.noise:.1e}",
                f"{row.b.times:.3g}",
                "" if row.equivalent else "OFF",
            )


def _largest(distance: Distance | None) -> str:
    if distance is None:
        return "-"
    return "none" if distance.problem else f"{distance.largest:.1e}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  " + "  ".join(cells).rstrip()
