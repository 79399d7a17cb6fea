"""What a traced program says twice, said once: equal steps on the same values, and equal numbers."""

from __future__ import annotations

from dataclasses import replace

from porter.graph.model import Graph, Node, Value
from porter.graph.ops import elementwise, indexing, reshaping
from porter.graph.ops.sources import Constant
from porter.weights.tensor import Constant as Numbers

FAMILIES = frozenset(module.__name__ for module in (elementwise, indexing, reshaping))


def share_steps(graph: Graph) -> Graph:
    """The graph with equal steps and numbers of one call of a module as one; layers stay what they are."""
    kept: dict[object, tuple[Value, ...]] = {}
    renamed: dict[Value, Value] = {}
    nodes: list[Node] = []
    outputs = set(graph.outputs)
    for given in graph.nodes:
        node = replace(given, inputs=tuple(renamed.get(value, value) for value in given.inputs))
        content = _content(node)
        key = node.origin.scopes, node.op, node.inputs, content
        if content is None or not outputs.isdisjoint(node.outputs):
            nodes.append(node)
        elif key in kept:
            renamed.update(zip(node.outputs, kept[key], strict=True))
        else:
            kept[key] = node.outputs
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


def _content(node: Node) -> bytes | None:
    """The numbers of a constant, nothing for a plain step; None for what is never shared: parameters,
    layers, random numbers, and the zeros that several states begin with, as a cell takes one for each."""
    if isinstance(node.op, Constant):
        held = node.params["value"]
        if held.trainable or not isinstance(held.tensor, Numbers):
            return None
        numbers = held.tensor.array
        begins = numbers.ndim > 0 and numbers.size > 1 and bool((numbers == numbers.flat[0]).all())
        return None if begins else numbers.tobytes()
    drawn = isinstance(node.op, elementwise.Dropout)
    plain = bool(node.inputs) and not node.params and not drawn and type(node.op).__module__ in FAMILIES
    return b"" if plain else None
