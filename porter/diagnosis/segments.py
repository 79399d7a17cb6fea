"""The part of a graph between values that are known and one that is asked for, with mistakes in its steps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field

import numpy as np

from porter.dataclass import dataclass
from porter.diagnosis.hypothesis import FAULTS, Hypothesis, computed
from porter.graph.model import Graph, Node, Value

Array = np.ndarray
Known = Mapping[Value, Array]
Mistakes = Mapping[Node, Sequence[Hypothesis]]


@dataclass(frozen=True, eq=False)
class Segment:
    """Steps in order, from known values to `end`."""

    nodes: tuple[Node, ...]
    needs: tuple[Value, ...]
    end: Value
    read: dict[Node, Mapping[str, Array]] = field(default_factory=dict)  # weights, once they were needed

    def value(self, known: Known, mistakes: Mistakes, dtype: str = "float64") -> Array | None:
        """What comes out at the end with these mistakes in it; None where it cannot be computed."""
        try:
            return self.values(known, mistakes, dtype)[self.end]
        except FAULTS:
            if not mistakes:
                raise
            return None

    def values(self, known: Known, mistakes: Mistakes, dtype: str = "float64") -> dict[Value, Array]:
        """All values on the way."""
        held = {value: _held(known[value], dtype) for value in self.needs}
        with np.errstate(all="ignore"):
            for node in self.nodes:
                params = {name: _held(array, dtype) for name, array in self._params(node).items()}
                given = [held[value] for value in node.inputs]
                results = computed(node, given, params, mistakes.get(node, ()))
                held.update((v, _held(x, dtype)) for v, x in zip(node.outputs, results, strict=True))
        return held

    def _params(self, node: Node) -> Mapping[str, Array]:
        if node not in self.read:
            self.read[node] = {name: param.tensor.read() for name, param in node.params.items()}
        return self.read[node]


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


def _held(array: Array, dtype: str) -> Array:
    return array.astype(dtype) if array.dtype.kind in "fV" else array
