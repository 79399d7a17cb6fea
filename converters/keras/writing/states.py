"""Recurrent convolutions whose state is padded on Theano's side, as Keras can say them.

Keras pads the state of an even kernel with more zeros behind; Theano put more in front. A kernel with zeros
added behind is odd, pads alike on both sides and computes the same; the input's kernel, which has the same
size, grows too, and the input gets as many zeros behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from porter.graph.builder import Builder
from porter.graph.model import Graph, Node, Param, Value
from porter.graph.ops.convolution import Pads, explicit
from porter.graph.ops.recurrent_convolution import ConvLstm
from porter.graph.ops.reshaping import Pad
from porter.weights.tensor import Derived


def odd_kernels(graph: Graph) -> Graph:
    """The graph with such kernels made odd; what no zeros can mend stays as it is."""
    nodes: list[Node] = []
    for node in graph.nodes:
        nodes += _grown(node, node.op) if isinstance(node.op, ConvLstm) and node.op.state_padding else [node]
    return replace(graph, nodes=tuple(nodes))


def _grown(node: Node, op: ConvLstm) -> Sequence[Node]:
    assert op.state_padding is not None
    extra = tuple(1 - size % 2 for size in op.kernel)
    kernel = tuple(size + more for size, more in zip(op.kernel, extra, strict=True))
    wanted = tuple((size // 2, size // 2 - more) for size, more in zip(kernel, extra, strict=True))
    shape = node.inputs[0].shape
    sizes = [
        size for size in (shape[2:-1] if op.orientation == "last" else shape[3:]) if isinstance(size, int)
    ]
    known = op.padding != "same" or len(sizes) == len(op.kernel)
    if tuple(op.state_padding) != wanted or not known:
        return [node]
    pads = explicit(op.padding, sizes, op.kernel, op.strides, op.dilation)
    more = tuple(more * step for more, step in zip(extra, op.dilation, strict=True))
    wide = tuple((low, high + added) for (low, high), added in zip(pads, more, strict=True))
    builder = Builder()
    x = _padded(builder, node, (*wide, (0, 0)) if op.orientation == "last" else ((0, 0), *wide))
    changed = replace(op, kernel=kernel, padding=tuple((0, 0) for _ in kernel), state_padding=None)
    params = dict(node.params)
    for name in ("weight_ih", "weight_hh"):
        params[name] = _with_zeros(params[name], extra)
    return [*builder.nodes, replace(node, op=changed, inputs=(x, *node.inputs[1:]), params=params)]


def _padded(builder: Builder, node: Node, pads: Pads) -> Value:
    if not any(map(any, pads)):
        return node.inputs[0]
    origin = replace(node.origin, layer=f"{node.origin.layer}_pad")
    op = Pad(((0, 0), (0, 0), *pads))  # rows and steps stay
    (value,) = builder.add(op, node.inputs[0], origin=origin)
    return value


def _with_zeros(param: Param, extra: Sequence[int]) -> Param:
    held = param.tensor
    ends = ((0, 0), (0, 0), *((0, more) for more in extra))
    shape = tuple(size + sum(end) for size, end in zip(held.shape, ends, strict=True))

    def grow(array: np.ndarray) -> np.ndarray:
        return np.pad(array, ends)

    return replace(param, tensor=Derived((held,), f"zeros behind: {tuple(extra)}", shape, held.dtype, grow))
