"""What the model means: the graph run by NumPy, once exactly and once as roughly as frameworks do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from porter.compare.figures import EPSILON
from porter.dataclass import dataclass
from porter.graph.model import Graph
from porter.graph.run import OWN, run

Array = np.ndarray


@dataclass(frozen=True)
class Reference:
    """One output by the reference: exact, and a witness of the noise that the model's own precision has."""

    exact: Array
    rough: Array


def references(graph: Graph, inputs: Sequence[Array]) -> list[Reference]:
    """Both runs of the graph on these inputs, output by output."""
    exact = run(graph, inputs, "float64")
    rough = run(graph, inputs, OWN)
    return [Reference(settled(a, b), b) for a, b in zip(exact, rough, strict=True)]


def settled(exact: Array, rough: Array) -> Array:
    """The exact values; where the model's own precision overflows, what it overflows to."""
    if exact.dtype.kind != "f" or np.isfinite(rough).all():
        return exact
    return np.where(np.isfinite(rough), exact, rough)


def resolution(graph: Graph) -> float:
    """The spacing of numbers around 1 in the coarsest type through which the graph passes."""
    types = {value.dtype for value in graph.inputs} | {v.dtype for node in graph.nodes for v in node.outputs}
    return max((EPSILON[name] for name in types if name in EPSILON), default=EPSILON["float32"])
