"""Every mistake that a step can hold, as data: in its weights, in its attributes, in what it is given."""

from __future__ import annotations

from collections.abc import Iterator

from porter.diagnosis.hypothesis import Hypothesis
from porter.diagnosis.wrong_attributes import in_attributes
from porter.diagnosis.wrong_inputs import in_inputs
from porter.diagnosis.wrong_steps import in_steps
from porter.diagnosis.wrong_weights import in_weights
from porter.graph.model import Graph, Node


def hypotheses(node: Node, graph: Graph, first: bool) -> Iterator[Hypothesis]:
    """The mistakes of one step; `first`: it sees the model's inputs."""
    if node.params:
        yield from in_weights(node, graph)
    yield from in_attributes(node)
    yield from in_steps(node)
    if first:
        yield from in_inputs(node)
