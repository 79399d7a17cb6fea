"""Convolutions by kernels that the inputs have a part in: windows of the image times the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from converters.torch.call import OpCall
from porter.graph.model import Value
from porter.graph.ops.convolution import Pads
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.indexing import Gather
from porter.graph.ops.linear import MatMul
from porter.graph.ops.reshaping import Pad, Transpose


def in_windows(
    call: OpCall, x: Value, window: Sequence[int], strides: Sequence[int], dilation: Sequence[int]
) -> tuple[Value, list[np.ndarray]]:
    """An image (n c *s) as its windows (n c *places *cells), and their cells' places along each axis."""
    rank = len(window)
    grids = []
    for axis in range(rank):
        size = x.shape[2 + 2 * axis]
        if not isinstance(size, int):
            raise call.refuse("windows in an image whose size only running the model tells")
        count = (size - dilation[axis] * (window[axis] - 1) - 1) // strides[axis] + 1
        places = np.arange(count)[:, None] * strides[axis] + np.arange(window[axis]) * dilation[axis]
        grids.append(places)
        x = call.one(Gather(2 + 2 * axis), x, call.constant(places.astype("int64")))
    order = (0, 1, *range(2, 2 + 2 * rank, 2), *range(3, 3 + 2 * rank, 2))
    return call.one(Transpose(order), x), grids


def convolved(
    call: OpCall,
    x: Value,
    weight: Value,
    pads: Pads,
    strides: Sequence[int],
    dilation: Sequence[int],
) -> Value:
    """The convolution of images by a kernel (o i *k) that is a value."""
    groups, rank = int(call["groups"]), x.rank - 2
    outputs, inputs, *kernel = (int(str(size)) for size in weight.shape)
    if any(map(any, pads)):
        x = call.one(Pad(((0, 0), (0, 0), *pads)), x)
    found, grids = in_windows(call, x, kernel, strides, dilation)
    places, cells = range(2, 2 + rank), range(2 + rank, 2 + 2 * rank)
    found = call.one(Transpose((0, 1, *cells, *places)), found)
    counts = [len(grid) for grid in grids]
    columns = call.reshape(found, (x.shape[0], groups, inputs * prod(kernel), prod(counts)))
    rows = call.reshape(weight, (groups, outputs // groups, inputs * prod(kernel)))
    result = call.reshape(call.one(MatMul(), rows, columns), (x.shape[0], outputs, *counts))
    bias = call.get("bias")
    if bias is None:
        return result
    return call.one(Binary("add"), result, call.reshape(bias, (outputs, *(1 for _ in kernel))))
