"""Order."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.torch.call import OpCall
from converters.torch.reads.reduction import axis_back, axis_last
from converters.torch.rules import rules
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Unary
from porter.graph.ops.indexing import Stack
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Reshape
from porter.graph.ops.sorting import ArgSort, Quantile, SearchSorted, Sort, TopK


@rules.reads("msort")
def read_msort(call: OpCall) -> Value:
    return call.one(Sort(0), call.x)


@rules.reads("sort")
def read_sort(call: OpCall) -> Any:
    axis, falling = call.axis(call.get("dim", -1)), bool(call.get("descending", False))
    return call.one(Sort(axis, falling), call.x), call.one(ArgSort(axis, falling), call.x)


@rules.reads("argsort")
def read_argsort(call: OpCall) -> Value:
    return call.one(ArgSort(call.axis(call["dim"]), bool(call["descending"])), call.x)


@rules.reads("topk")
def read_topk(call: OpCall) -> Any:
    axis, largest = call.axis(call["dim"]), bool(call["largest"])
    x = axis_last(call, call.x, axis)
    values, places = call.add(TopK(int(call["k"])), x if largest else call.one(Unary("neg"), x))
    values = values if largest else call.one(Unary("neg"), values)
    return axis_back(call, values, axis), axis_back(call, places, axis)


@rules.reads("searchsorted", "bucketize")
def read_searchsorted(call: OpCall) -> Value:
    names = ("boundaries", "self") if call.spec.operator == "bucketize" else ("sorted_sequence", "self")
    row = call.tensor(names[0])
    values = call.operand(call[names[1]], row.dtype)
    right = bool(call["right"]) or call.get("side") == "right"
    if row.rank != 1:
        return _in_rows(call, row, values, "less_equal" if right else "less")
    return call.one(SearchSorted("right" if right else "left", call.dtype), row, values)


def _in_rows(call: OpCall, rows: Value, values: Value, before: str) -> Value:
    """In a row of bounds of its own for each row of values: how many of them come before."""
    last = rows.rank - 1
    pairs = call.with_ones(rows, last), call.with_ones(values, last + 1)
    found = call.cast(call.one(Binary(before), *pairs), call.dtype)
    return call.one(Reduce("sum", (last + 1,)), found)


@rules.reads("quantile")
def read_quantile(call: OpCall) -> Value:
    """One share, or several, which lie along a new first axis."""
    x, method, keep = call.x, str(call["interpolation"]), bool(call["keepdim"])
    shares = call.numbers(call["q"])
    if call.get("dim") is None:
        if keep or not all(isinstance(size, int) for size in x.shape):
            raise call.refuse("the quantile of a whole batch", "name the axis (dim)")
        x, axis = call.one(Reshape((None,)), x), 0
    else:
        axis = call.axis(call["dim"])

    def at(share: float) -> Value:
        # torch holds shares in the numbers' type, which decides between neighbours where one falls on a cell
        exact = share if method == "linear" else float(np.float32(share))
        return call.one(Quantile(exact, axis, method, keep), x)

    if not shares.ndim:
        return at(float(shares))
    return call.one(Stack(0), *(at(float(share)) for share in shares))
