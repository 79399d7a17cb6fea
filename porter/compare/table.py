"""A comparison as a compact table for terminals and logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from porter.compare.comparison import Comparison, GradientRow, LayerRow
from porter.compare.difference import Distance
from porter.compare.verdict import within_layer_limit

OUTPUTS = ("output", "inputs", "a to reference", "b to reference", "a to b", "noise", "times", "passes", "")
LAYERS = ("layer", "class", "a", "b", "b alone", "noise", "times", "")
GRADIENTS = ("training", "of", "a", "b", "noise", "times", "")


def lines(comparison: Comparison, *, per_layer: bool = False) -> Iterator[str]:
    """The verdict, the three distances of each output, and layers where asked for or where they are off.

    A row passes with any tolerance from `passes` on, taken as both the absolute and the relative one.
    """
    yield comparison.verdict
    yield f"a: {comparison.a}   b: {comparison.b}"
    yield from _aligned([OUTPUTS, *_outputs(comparison)])
    shown = list(_layers(comparison, per_layer))
    if shown:
        yield ""
        yield from _aligned([LAYERS, *shown])
    if comparison.layers and not per_layer:
        yield _furthest(comparison.layers)
    yield from _gradients(comparison, per_layer)
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
            "-" if row.apart is None else f"{row.apart.both:.1e}",
            "" if row.equivalent else "NOT EQUIVALENT",
        )


def _layers(comparison: Comparison, all_of_them: bool) -> Iterator[Sequence[str]]:
    for row in comparison.layers:
        if all_of_them or not row.equivalent:
            begins = row.name == comparison.diverges
            yield (
                row.name,
                row.kind,
                _largest(row.a),
                _largest(row.b),
                _largest(row.isolated),
                f"{row.noise:.1e}",
                f"{row.times:.3g}" if row.b is not None else "-",
                "" if row.equivalent else "BEGINS HERE" if begins else "OFF",
            )


def _furthest(layers: Sequence[LayerRow]) -> str:
    compared = [row for row in layers if row.b is not None]
    if not compared:
        return f"{len(layers)} layers of a compared with the reference"
    worst = max(compared, key=lambda row: row.times)
    least = f"the furthest off is {worst.name}, {worst.times:.3g} times its noise"
    return f"{len(compared)} layers compared; {least}"


def _gradients(comparison: Comparison, all_of_them: bool) -> Iterator[str]:
    rows = comparison.gradients
    shown = [row for row in rows if all_of_them or not row.equivalent]
    if shown:
        yield ""
        table = [
            (
                row.kind,
                row.name,
                _largest(row.a),
                _largest(row.b),
                f"{row.noise:.1e}",
                f"{row.times:.3g}",
                "OFF" if not row.equivalent else "N - 1" if _is_counted(row) else "",
            )
            for row in shown
        ]
        yield from _aligned([GRADIENTS, *table])
    if rows:
        worst = max((row.times for row in rows if not _is_counted(row)), default=0.0)
        yield f"{len(rows)} gradients and trained weights; the furthest is {worst:.3g} times its noise off"


def _is_counted(row: GradientRow) -> bool:
    """Whether a row is off by how a variance counts and by nothing else, of which a note tells."""
    return row.equivalent and not within_layer_limit(row.a, row.b)


def _largest(distance: Distance | None) -> str:
    if distance is None:
        return "-"
    return "none" if distance.problem else f"{distance.largest:.1e}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  " + "  ".join(cells).rstrip()
