"""Cells that a mask or a diagonal picks, given other numbers."""

from __future__ import annotations

import numpy as np

from converters.torch.call import OpCall
from converters.torch.rules import rules
from porter.graph.dims import product
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Clip, Where
from porter.graph.ops.indexing import Gather
from porter.graph.ops.reduction import Cumulate
from porter.graph.ops.reshaping import Transpose


@rules.reads("masked_scatter")
def read_masked_scatter(call: OpCall) -> Value:
    shape, source = call.meta.shape, call.tensor("source")
    x, mask = call.expand(call.x, shape), call.expand(call.tensor("mask"), shape)
    return filled_in_order(call, x, mask, call.reshape(source, (product(source.shape),)))


def filled_in_order(call: OpCall, x: Value, mask: Value, rows: Value) -> Value:
    """The first row where the mask is first true, the second at its second true cell, and so on."""
    flat = call.cast(call.reshape(mask, (product(mask.shape),)), "int64")
    number = call.one(Binary("subtract"), call.one(Cumulate("sum", 0), flat), call.operand(1, "int64"))
    count = rows.shape[0]
    last = count - 1 if isinstance(count, int) else None  # torch refuses fewer rows than are asked for
    number = call.one(Clip(0, last), number)
    picked = call.reshape(call.one(Gather(0), call.cast(rows, x.dtype), number), x.shape)
    spread = call.with_ones(mask, *range(mask.rank, x.rank)) if mask.rank < x.rank else mask
    return call.one(Where(), spread, picked, x)


@rules.reads("diagonal_scatter")
def read_diagonal_scatter(call: OpCall) -> Value:
    """Each cell of the diagonal is picked by its row."""
    x, source, offset = call.x, call.tensor("src"), int(call["offset"])
    first, second = call.axis(call["dim1"]), call.axis(call["dim2"])
    sizes = (x.shape[first], x.shape[second])
    if not all(isinstance(size, int) for size in sizes):
        raise call.refuse("a diagonal whose length only running the model tells")
    rows, columns = (int(str(size)) for size in sizes)
    order = (*(axis for axis in range(x.rank) if axis not in (first, second)), first, second)
    turned = call.one(Transpose(order), x)
    length = int(str(source.shape[-1]))
    place = np.clip(np.arange(rows) + min(offset, 0), 0, length - 1)
    spread = call.with_ones(call.one(Gather(source.rank - 1), source, call.constant(place)), source.rank)
    on = call.constant(np.eye(rows, columns, offset, dtype=bool))
    found = call.one(Where(), on, call.cast(spread, x.dtype), turned)
    back = tuple(order.index(axis) for axis in range(x.rank))
    return call.one(Transpose(back), found)
