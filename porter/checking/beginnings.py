"""In which layer a difference between two runs begins: both runs layer by layer, as the model itself gives
them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from porter.dataclass import dataclass
from porter.graph.model import Graph
from porter.workers import Layer, Worker

Array = np.ndarray

NOTICEABLE = 1e-4
"""Of a layer's largest number: from here on a difference is more than rounding."""


@dataclass(frozen=True)
class Beginning:
    """A layer and its class, as far as they are known."""

    layer: str
    kind: str = ""


def first_difference(
    worker: Worker,
    graph: Graph,
    inputs: tuple[Sequence[Array], Sequence[Array]],
    shared: Sequence[tuple[int, int]],
    *,
    exactly: bool,
) -> Beginning | None:
    """The first layer whose outputs differ in the rows that both runs share; `exactly`: in any digit."""
    worker.feed([inputs[0]], capture=0)
    worker.result()
    known = {layer.path: np.array(layer.read()) for layer in _firsts(worker)}
    worker.feed([inputs[1]], capture=0)
    worker.result()
    mine, theirs = ([pair[side] for pair in shared] for side in (0, 1))
    for layer in _firsts(worker):
        before, after = known.get(layer.path), layer.read()
        if before is None or not before.ndim or len(before) <= max(mine) or len(after) <= max(theirs):
            continue
        if before.shape[1:] == after.shape[1:] and _differ(before[mine], after[theirs], exactly):
            return Beginning(layer.path, _kind(graph, layer.path))
    return None


def _firsts(worker: Worker) -> list[Layer]:
    found = worker.result().layers
    return [layer for layer in found if layer.call == layer.output == 0]


def _differ(before: Array, after: Array, exactly: bool) -> bool:
    if exactly or before.dtype.kind != "f":
        return not np.array_equal(before, after, equal_nan=before.dtype.kind == "f")
    scale = np.abs(before[np.isfinite(before)]).max(initial=0.0)
    return not np.allclose(before, after, rtol=0.0, atol=NOTICEABLE * float(scale), equal_nan=True)


def _kind(graph: Graph, path: str) -> str:
    """The class of the layer in the source, where the path is one of the graph's."""
    parts = tuple(path.replace("/", ".").split("."))
    for node in graph.nodes:
        if node.origin.path == parts or node.origin.label.replace("/", ".") == ".".join(parts):
            return node.origin.kind
    return ""
