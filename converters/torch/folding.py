"""Values that no input has a part in: their numbers, and parameters made of them at conversion.

A module may compute a weight from its parameters each time it runs (weight normalization, standardised
kernels, tables of positions). Layers want the weight itself: the part of the graph that computes it is run
once, when the weight is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from zlib import crc32

import numpy as np

from porter.graph.builder import Builder
from porter.graph.model import Graph, Node, Param, Value
from porter.graph.ops.sources import Constant
from porter.graph.run import OWN, run
from porter.weights.tensor import Constant as Numbers
from porter.weights.tensor import Derived, Tensor

Makers = Mapping[Value, Node]


def part_for(value: Value, makers: Makers, builder: Builder) -> list[Node] | None:
    """The nodes that compute a value from nothing, in order; None where an input has a part in it."""
    found: dict[Node, None] = {}
    todo = [(value, False)]
    while todo:
        wanted, ready = todo.pop()
        node = makers.get(wanted)
        if node is None:
            if builder.known(wanted) is None:
                return None
            node = next(one for one in reversed(builder.nodes) if wanted in one.outputs)
        if node in found:
            continue
        if ready or not node.inputs:
            found[node] = None
        else:
            todo.append((wanted, True))
            todo += [(one, False) for one in node.inputs]
    return list(found)


def numbers_of(value: Value, makers: Makers, builder: Builder, *, look: bool = False) -> np.ndarray | None:
    """The numbers of a value, None where an input has a part in it. With `look`: whether there are any."""
    known = builder.known(value)
    if known is not None:
        return known
    nodes = part_for(value, makers, builder)
    if nodes is None:
        return None
    if look:
        return np.zeros(0)
    return np.asarray(run(Graph("", (), (value,), tuple(nodes)), (), OWN)[0])


def folded(value: Value, makers: Makers, builder: Builder) -> Param | None:
    """A computed value as a parameter; None where an input has a part in it."""
    nodes = part_for(value, makers, builder)
    if nodes is None:
        return None
    sources = [node for node in nodes if isinstance(node.op, Constant)]
    bases = [node.params["value"].tensor for node in sources]
    shape = tuple(size for size in value.shape if isinstance(size, int))
    formula = " -> ".join(filter(None, map(_told, nodes)))
    tensor = Derived(tuple(bases), formula, shape, value.dtype, _computed(value, nodes, sources))
    trainable = any(node.params["value"].trainable for node in sources)
    return Param(tensor, trainable)


def _told(node: Node) -> str:
    """One step for people; constants by a digest, so that equal formulas mean the same."""
    if not isinstance(node.op, Constant):
        return repr(node.op)
    tensor = node.params["value"].tensor
    return f"constant {crc32(tensor.array.tobytes()):08x}" if isinstance(tensor, Numbers) else ""


def _computed(value: Value, nodes: Sequence[Node], sources: Sequence[Node]) -> Callable[..., np.ndarray]:
    def compute(*arrays: np.ndarray) -> np.ndarray:
        given: dict[Node, Tensor] = dict(zip(sources, map(Numbers, arrays), strict=True))
        swapped = [
            Node(node.op, node.inputs, node.outputs, {"value": Param(given[node])}, node.origin)
            if node in given
            else node
            for node in nodes
        ]
        found = run(Graph("", (), (value,), tuple(swapped)), (), OWN)[0]
        return np.asarray(found, value.dtype if value.dtype != "bfloat16" else None)

    return compute
