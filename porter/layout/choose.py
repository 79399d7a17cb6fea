"""Which transposes of the source are written out: those that spare others.

A transpose of the source is as a rule taken for another name of its axes, and made only where somebody needs
the order that it gives. Where many do, one after another (the steps of a transformer behind an image), each
would turn for itself. So both are tried, and what leaves fewer transposes is taken.
"""

from __future__ import annotations

import re

from porter.graph.layouts import Orientation
from porter.graph.model import Graph, Node
from porter.graph.ops.reshaping import Transpose
from porter.layout.plan import Io, LaidOut, walked

MOST_STEPS = 200_000
"""Nodes that all trials together may lay out."""


def lay_out(graph: Graph, target: Orientation, io: Io = "native") -> LaidOut:
    """The graph in the target's axis order; `io` says whether images change order at inputs and
    outputs too."""
    best = walked(graph, target, io)
    written: frozenset[Node] = frozenset()
    budget = MOST_STEPS
    for family in _families(graph):
        budget -= len(graph.nodes)
        if budget < 0 or not _turns(best):
            break
        trial = walked(graph, target, io, written | family)
        if _turns(trial) < _turns(best):
            best, written = trial, written | family
    return best


def _families(graph: Graph) -> list[frozenset[Node]]:
    """The transposes of the source; those that stand at the same place of blocks alike are one choice."""
    found: dict[object, list[Node]] = {}
    for node in graph.nodes:
        if isinstance(node.op, Transpose):
            place = re.sub(r"\d+", "#", ".".join(node.origin.path))
            found.setdefault((place, node.op.perm), []).append(node)
    return [frozenset(nodes) for nodes in found.values()]


def _turns(laid: LaidOut) -> int:
    return sum(isinstance(node.op, Transpose) for node in laid.graph.nodes)
