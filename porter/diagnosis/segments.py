"""The part of a graph between values that are known and one that is asked for, with one step changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from porter.dataclass import dataclass
from porter.diagnosis.hypotheses import Hypothesis
from porter.errors import GraphError
from porter.graph.model import Graph, Node, Value

Array = np.ndarray

FAULTS = (GraphError, ValueError, TypeError, IndexError, KeyError, ZeroDivisionError)
"""What a step raises whose attributes do not fit: the hypothesis is no possible mistake then."""


@dataclass(frozen=True)
class Segment:
    """Steps in order, from known values to `end`."""

    nodes: tuple[Node, ...]
    needs: tuple[Value, ...]
    end: Value

    def value(
        self, known: Mapping[Value, Array], changed: Node | None = None, by: Hypothesis | None = None
    ) -> Array | None:
        """What comes out at the end, exactly, with `changed` as a hypothesis has it; None where it cannot."""
        held = {value: _exact(known[value]) for value in self.needs}
        try:
            with np.errstate(all="ignore"):
                for node in self.nodes:
                    given = [held[value] for value in node.inputs]
                    hypothesis = by if node is changed else None
                    results = _computed(node, given, hypothesis)
                    held.update(zip(node.outputs, results, strict=True))
        except FAULTS:
            if changed is None:
                raise
            return None
        return held[self.end]


def segment(graph: Graph, end: Value, known: Collection[Value]) -> Segment:
    """The steps that lead from known values and the graph's inputs to `end`."""
    producers = graph.producers()
    needed: set[Node] = set()
    needs: dict[Value, None] = {}
    todo = [end]
    while todo:
        value = todo.pop()
        node = producers.get(value)
        if node is None or (value in known and value is not end):
            needs[value] = None
        elif node not in needed:
            needed.add(node)
            todo += node.inputs
    return Segment(tuple(node for node in graph.nodes if node in needed), tuple(needs), end)


def _computed(node: Node, given: Sequence[Array], hypothesis: Hypothesis | None) -> Sequence[Array]:
    params = {name: _exact(param.tensor.read()) for name, param in node.params.items()}
    if hypothesis is None:
        return node.op.meaning(given, params)
    if hypothesis.inputs is not None:
        given = [hypothesis.inputs(given[0]), *given[1:]]
    if hypothesis.change is not None:
        params = {name: _exact(array) for name, array in hypothesis.change(params).items()}
    return hypothesis.op.meaning(given, params)


def _exact(array: Array) -> Array:
    return array.astype("float64") if array.dtype.kind in "fV" else array
