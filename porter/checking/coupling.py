"""Which layer mixes rows: the reference, exact, for a batch and for its first row alone, step by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from porter.dataclass import dataclass
from porter.graph.model import Graph, Node
from porter.graph.ops.batch_statistics import BatchStatisticsNorm
from porter.graph.run import steps

Array = np.ndarray

EXACT = 1e-9
"""What two exact runs may differ by, relative to the larger number."""

STATISTICS = (
    "the layer normalises by the mean and variance of the batch at hand, so that rows change one another's "
    "results and a row alone becomes the layer's bias; use the stored statistics (inference, training=False)"
)


@dataclass(frozen=True)
class Mixing:
    """The first step at which a row's values depend on the rows beside it."""

    layer: str
    kind: str
    why: str = ""


def mixing(graph: Graph, batch: Sequence[Array], alone: Sequence[Array]) -> Mixing | None:
    """Where the first row of a batch parts from the same row alone; None where it never does."""
    together, apart = steps(graph, batch), steps(graph, alone)
    for (node, many), (_, one) in zip(together, apart, strict=True):
        if any(_differ(x, y) for x, y in zip(many, one, strict=True)):
            return _described(node)
    return None


def _differ(many: Array, one: Array) -> bool:
    if many.ndim != one.ndim or many.ndim == 0:
        return False
    first = many[tuple(slice(size) for size in one.shape)]  # the batch may have been moved off the front
    if first.shape != one.shape or not one.size:
        return True
    if one.dtype.kind != "f":
        return bool((first != one).any())
    scale = np.abs(one[np.isfinite(one)]).max(initial=0.0)
    return not np.allclose(first, one, rtol=0.0, atol=EXACT * max(scale, 1e-30), equal_nan=True)


def _described(node: Node) -> Mixing:
    kind = node.origin.kind or type(node.op).__name__
    why = STATISTICS if isinstance(node.op, BatchStatisticsNorm) else ""
    return Mixing(node.origin.label or node.outputs[0].name, kind, why)
