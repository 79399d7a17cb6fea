"""Layers of a running model against the reference, one at a time, so that memory holds one and not all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from porter.compare.comparison import LayerRow
from porter.compare.difference import Yardstick
from porter.compare.reference import settled
from porter.compare.verdict import layer_row
from porter.graph.model import Graph, Node
from porter.graph.run import OWN, run

Array = np.ndarray


class Kept(Protocol):
    """An array that lies on disk until it is read."""

    def read(self) -> Array: ...


def compare_layers(
    graph: Graph,
    inputs: Sequence[Array],
    modules: Mapping[str, Node],
    seen: Mapping[str, Kept],
    spacing: float,
    folder: Path,
) -> tuple[LayerRow, ...]:
    """A row for each module in `seen`. `folder` keeps the witness's values until the exact ones are known."""
    wanted = {node: path for path, node in modules.items() if path in seen}
    rough: dict[Node, Path] = {}

    def keep(node: Node, outputs: tuple[Array, ...]) -> None:
        if node in wanted:
            rough[node] = folder / f"rough{len(rough)}.npy"
            np.save(rough[node], outputs[0])

    rows: list[LayerRow] = []

    def compare(node: Node, outputs: tuple[Array, ...]) -> None:
        if node not in wanted:
            return
        witness = np.load(rough[node], mmap_mode="r")
        stick = Yardstick(settled(outputs[0], witness), witness, spacing)
        path = wanted[node]
        given = seen[path].read()
        if given.size == outputs[0].size and given.shape != outputs[0].shape:
            return  # the generated code hands the module another view of the same numbers
        rows.append(layer_row(node.origin.label, path, node.origin.kind, stick, given))
        rough[node].unlink()

    run(graph, inputs, OWN, keep)
    run(graph, inputs, "float64", compare)
    return tuple(rows)
