"""What values are to the attention that they end in: its query, key or value.

    transpose_2 = unbind.swapaxes(1, 2)     becomes     key = key.swapaxes(1, 2)

Only values that nobody named: those that the source called after a layer keep its name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from porter.graph.model import Node, Value
from porter.graph.ops.activation import Softmax
from porter.graph.ops.attention import Attention, SplitHeads
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.indexing import Expand
from porter.graph.ops.linear import Linear, MatMul
from porter.graph.ops.normalisation import LayerNorm, RmsNorm
from porter.graph.ops.reshaping import Reshape, Slice, Transpose
from porter.graph.ops.sources import Constant

ROLES = ("query", "key", "value")

CARRYING = (Binary, Expand, LayerNorm, Linear, Reshape, RmsNorm, Slice, SplitHeads, Transpose)
"""Ops of whose result one can speak as of what they are given."""


def roles(
    items: Sequence[object], uses: Mapping[Value, int], fixed: Collection[Value]
) -> dict[Value, str]:
    """The role of every value that has one; `fixed` are those that no step makes."""
    nodes = [item for item in items if isinstance(item, Node)]
    still = set(fixed)
    for node in nodes:
        if isinstance(node.op, Constant) or still.issuperset(node.inputs):
            still.update(node.outputs)
    carried = {node.outputs[0]: taken for node in nodes if (taken := _carried(node, still)) is not None}
    found: dict[Value, str] = {}
    for node in reversed(nodes):
        pairs = _given(node, nodes, carried)
        found.update({value: role for value, role in pairs if uses[value] == 1})
        taken = carried.get(node.outputs[0])
        if taken is not None and node.outputs[0] in found and uses[taken] == 1:
            found[taken] = found[node.outputs[0]]
    return found


def _carried(node: Node, still: Collection[Value]) -> Value | None:
    """What a step makes its result of, where one can speak of the result as of that."""
    given = [value for value in node.inputs if value not in still]
    return given[0] if isinstance(node.op, CARRYING) and len(given) == 1 else None


def _given(
    node: Node, nodes: Sequence[Node], carried: Mapping[Value, Value]
) -> Iterator[tuple[Value, str]]:
    """What attention takes, also where it is spelled out: softmax(q k) v."""
    if isinstance(node.op, Attention):
        yield from zip(node.inputs, ROLES, strict=False)
    if not isinstance(node.op, MatMul):
        return
    made = {value: other for other in nodes for value in other.outputs}
    weights = made.get(_begun(node.inputs[0], carried))
    if weights is None or not isinstance(weights.op, Softmax):
        return
    scores = made.get(_begun(weights.inputs[0], carried))
    if scores is not None and isinstance(scores.op, MatMul):
        yield from zip((*scores.inputs, node.inputs[1]), ROLES, strict=True)


def _begun(value: Value, carried: Mapping[Value, Value]) -> Value:
    while value in carried:
        value = carried[value]
    return value


def is_unnamed(node: Node) -> bool:
    """Whether the source has no name for a step but that of what it does."""
    return re.sub(r"_\d+$", "", node.origin.layer) == node.origin.kind.rstrip("_")
