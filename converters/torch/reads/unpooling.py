"""Pooling that remembers where its values come from, and the way back."""

from __future__ import annotations

import numpy as np

from converters.torch.call import OpCall
from converters.torch.reads.convolution import spread
from converters.torch.reads.reshaping import padded
from converters.torch.reads.updating import scatter_vectors
from converters.torch.rules import rules
from porter.axes import Move
from porter.graph.model import Value
from porter.graph.ops.indexing import Gather, Scatter, TakeAlong
from porter.graph.ops.reduction import ArgReduce
from porter.graph.ops.reshaping import Transpose


def largest_places(call: OpCall, rank: int) -> Value:
    """The number, in its plane, of the largest cell of each window."""
    if rank != 2 or call["ceil_mode"]:
        raise call.refuse("the places of largest cells, other than in images without ceil_mode")
    window = spread(call["kernel_size"], 2)
    strides = spread(call["stride"], 2) if call.get("stride") else window
    pads, dilation = spread(call["padding"], 2), spread(call["dilation"], 2)
    height, width = (int(str(size)) for size in call.x.shape[2:])
    x = padded(call, call.x, (pads[1], pads[1], pads[0], pads[0]), "constant", float("-inf"))
    grids = []
    for axis, size in enumerate((height, width)):
        count = (size + 2 * pads[axis] - dilation[axis] * (window[axis] - 1) - 1) // strides[axis] + 1
        places = np.arange(count)[:, None] * strides[axis] + np.arange(window[axis]) * dilation[axis]
        grids.append(places)
        x = call.one(Gather(2 + 2 * axis), x, call.constant(places.astype("int64")))
    x = call.one(Transpose((0, 1, 2, 4, 3, 5)), x)
    cells = window[0] * window[1]
    counts = [len(grid) for grid in grids]
    windows = call.reshape(x, (x.shape[0], x.shape[1], *counts, cells))
    best = call.one(ArgReduce("max", 4, True, "int64"), windows)
    rows, columns = grids[0] - pads[0], grids[1] - pads[1]
    numbers = rows[:, None, :, None] * width + columns[None, :, None, :]
    table = call.constant(Move.parse("p q h w -> 1 1 p q (h w)").apply(numbers).astype("int64"))
    spread_table = call.expand(table, (x.shape[0], x.shape[1], *counts, cells))
    return call.without_ones(call.one(TakeAlong(4), spread_table, best), (4,))


@rules.reads("max_unpool2d")
def read_max_unpool(call: OpCall) -> Value:
    """Zeros, with each value at its place in its plane."""
    x, indices = call.x, call.tensor("indices")
    height, width = (int(size) for size in call["output_size"])
    lead = x.shape[:-2]
    flat = tuple(x.shape[-2:])
    if not all(isinstance(size, int) for size in flat):
        raise call.refuse("an image whose size only running the model tells")
    cells = int(str(flat[0])) * int(str(flat[1]))
    zeros = call.fill(0.0, (*lead, height * width), x.dtype)
    places = scatter_vectors(call, call.reshape(indices, (*lead, cells)), len(lead))
    found = call.one(Scatter("set"), zeros, places, call.reshape(x, (*lead, cells)))
    return call.reshape(found, (*lead, height, width))
