"""What must hold of every graph. Run after every step, so that a breach is blamed on the step that
made it."""

from __future__ import annotations

from porter.errors import GraphError
from porter.graph.dims import may_equal
from porter.graph.model import Graph, Node, Value


def check(graph: Graph, step: str) -> Graph:
    """The graph itself, if it keeps its promises; else GraphError naming `step`."""
    known: set[Value] = set(graph.inputs)
    if len(known) != len(graph.inputs):
        raise GraphError(f"after {step}: an input is listed twice")
    for node in graph.nodes:
        _check_node(node, known, step)
        known.update(node.outputs)
    for value in graph.outputs:
        if value not in known:
            raise GraphError(f"after {step}: output {value.name} is made by no node")
    return graph


def _check_node(node: Node, known: set[Value], step: str) -> None:
    where = f"after {step}: {type(node.op).__name__} of {node.origin}"
    for value in node.inputs:
        if value not in known:
            raise GraphError(f"{where} uses {value.name} before it is made")
    for value in node.outputs:
        if value in known:
            raise GraphError(f"{where} makes {value.name} a second time")
    inferred = node.op.infer(*(value.spec for value in node.inputs))
    if len(inferred) != len(node.outputs):
        raise GraphError(f"{where} has {len(node.outputs)} outputs, its op {len(inferred)}")
    for value, spec in zip(node.outputs, inferred, strict=True):
        same = len(value.shape) == spec.rank and all(map(may_equal, value.shape, spec.shape))
        if not same or value.dtype != spec.dtype:
            raise GraphError(f"{where} promises {value.spec}, its op makes {spec}")
    allowed = {key.rstrip("?") for key in type(node.op).PARAMS}
    if not set(node.params) <= allowed:
        raise GraphError(f"{where} has parameters {sorted(node.params)}, its op knows {sorted(allowed)}")
