"""Pooling that remembers where its values come from, and the way back."""

from __future__ import annotations

from math import prod

import numpy as np

from converters.torch.call import OpCall
from converters.torch.reads.convolution import spread
from converters.torch.reads.kernels import in_windows
from converters.torch.reads.pooling import padding
from converters.torch.reads.reshaping import padded
from converters.torch.reads.updating import scatter_vectors
from converters.torch.rules import rules
from porter.graph.model import Value
from porter.graph.ops.indexing import Scatter, TakeAlong
from porter.graph.ops.reduction import ArgReduce


def largest_places(call: OpCall, image: Value, rank: int) -> Value:
    """The number, in its plane, of the largest cell of each window."""
    window = spread(call["kernel_size"], rank)
    strides = spread(call["stride"], rank) if call.get("stride") else window
    dilation = spread(call["dilation"], rank)
    sizes = image.shape[2:]
    if not all(isinstance(size, int) for size in sizes):
        raise call.refuse("the places of largest cells in an image whose size only running the model tells")
    pads, more = padding(call, image, window, strides, dilation)
    turned = [end for axis in reversed(range(rank)) for end in (pads[axis], pads[axis] + more[axis])]
    x = padded(call, image, turned, "constant", float("-inf"))
    x, grids = in_windows(call, x, window, strides, dilation)
    numbers: np.ndarray = np.zeros((), "int64")
    for axis, places in enumerate(grids):
        spread_out = tuple(slice(None) if k % rank == axis else None for k in range(2 * rank))
        numbers = numbers * int(str(sizes[axis])) + (places - pads[axis])[spread_out]
    counts = [len(places) for places in grids]
    whole = (x.shape[0], x.shape[1], *counts, prod(window))
    windows = call.reshape(x, whole)
    best = call.one(ArgReduce("max", 2 + rank, True, "int64"), windows)
    table = call.expand(call.reshape(call.constant(numbers), (1, 1, *whole[2:])), whole)
    return call.without_ones(call.one(TakeAlong(2 + rank), table, best), (2 + rank,))


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
