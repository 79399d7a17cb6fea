"""Zeros that a layer of their own puts around an image, taken over by the convolution or pooling that
follows.

    Pad(1) -> Conv(padding 0)                 becomes   Conv(padding 1)
    Relu -> Pad(1) -> MaxPool(padding 0)      becomes   Relu -> MaxPool(padding 1)

The second is exact because padding never wins a maximum, zeros never win against what a relu has let through,
and every window sees at least one real cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from porter.graph.builder import prune
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.activation import Relu
from porter.graph.ops.convolution import SAME, Conv, Pads
from porter.graph.ops.op import Op
from porter.graph.ops.pooling import MaxPool
from porter.graph.ops.reshaping import Pad


def absorb_padding(graph: Graph) -> Graph:
    """The graph with such pads taken over."""
    producers, users = graph.producers(), graph.consumers()
    nodes = []
    for node in graph.nodes:
        pad = producers.get(node.inputs[0]) if node.inputs else None
        if pad is None or not isinstance(pad.op, Pad) or not _alone(pad, users, graph):
            nodes.append(node)
            continue
        taken = _taken_over(node.op, pad, producers)
        inputs = (pad.inputs[0], *node.inputs[1:])
        nodes.append(node if taken is None else replace(node, op=taken, inputs=inputs))
    return prune(replace(graph, nodes=tuple(nodes)))


def _alone(pad: Node, users: Mapping[Value, Sequence[Node]], graph: Graph) -> bool:
    return len(users.get(pad.outputs[0], [])) == 1 and pad.outputs[0] not in graph.outputs


def _taken_over(op: Op, pad: Node, producers: Mapping[Value, Node]) -> Op | None:
    assert isinstance(pad.op, Pad)
    if not isinstance(op, Conv | MaxPool) or op.padding == SAME:
        return None
    if pad.op.mode != "constant" or pad.op.value != 0:
        return None
    around, others = _spatial(pad.op.pads, op.orientation)
    if any(amount for pair in others for amount in pair) or any(min(pair) < 0 for pair in around):
        return None
    if isinstance(op, MaxPool) and not _harmless(op, around, producers.get(pad.inputs[0])):
        return None
    rows = zip(op.padding, around, strict=True)
    padding = tuple((low + more_low, high + more_high) for (low, high), (more_low, more_high) in rows)
    return replace(op, padding=padding)


def _spatial(pads: Pads, orientation: str) -> tuple[Pads, Pads]:
    if orientation == "first":
        return pads[2:], pads[:2]
    return pads[1:-1], (pads[0], pads[-1])


def _harmless(op: MaxPool, around: Pads, source: Node | None) -> bool:
    clear = source is not None and isinstance(source.op, Relu) and _never_negative(source.op)
    unpadded = op.padding != SAME and not any(amount for pair in op.padding for amount in pair)
    covered = all(max(pair) < window for pair, window in zip(around, op.window, strict=True))
    return clear and unpadded and covered and set(op.dilations) == {1}


def _never_negative(op: Relu) -> bool:
    return op.negative_slope == 0 and op.threshold >= 0 and (op.max_value is None or op.max_value >= 0)
