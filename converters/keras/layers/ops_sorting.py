"""Order: sorting, the largest few, quantiles, segments."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.keras.layers.ops_indexing import one_hot, picked
from converters.keras.layers.ops_joining import stacked
from converters.keras.layers.ops_reduction import reduced
from converters.keras.layers.ops_shape import flat, with_ones
from converters.keras.operation import OpCall, operation
from porter.graph.model import Value
from porter.graph.ops.elementwise import LARGEST, Where
from porter.graph.ops.sorting import ArgSort, Quantile, SearchSorted, Sort, TopK


def _laid(op: OpCall, x: Any, axis: Any) -> tuple[Value, int]:
    value = op.operand(x)
    return (flat(op, value), 0) if axis is None else (value, op.axis(axis, value.rank))


@operation("Sort")
def read_sort(op: OpCall, x: Any, axis: Any = -1) -> Value:
    value, place = _laid(op, x, axis)
    return op.cast(
        op.add(Sort(place), op.cast(value, "int8") if value.dtype == "bool" else value), value.dtype
    )


@operation("Argsort")
def read_argsort(op: OpCall, x: Any, axis: Any = -1) -> Value:
    value, place = _laid(op, x, axis)
    return op.add(ArgSort(place), op.cast(value, "uint8") if value.dtype == "bool" else value)


@operation("TopK")
def read_top_k(op: OpCall, x: Any, k: int, sorted: bool = True) -> tuple[Value, ...]:
    if not sorted:
        raise op.refuse("the order of the largest values is left open by the model; ask for them sorted")
    return op.builder.add(TopK(int(k)), op.operand(x))


@operation("SearchSorted")
def read_search_sorted(op: OpCall, sorted_sequence: Any, values: Any, side: str = "left") -> Value:
    row, wanted = op.promoted(sorted_sequence, values, strong=True)
    return op.add(SearchSorted(side), row, wanted)


@operation("Digitize")
def read_digitize(op: OpCall, x: Any, bins: Any) -> Value:
    value = op.floating(x)
    return op.add(SearchSorted("right"), op.constant(op.numbers(bins), value.dtype), value)


@operation("Median")
def read_median(op: OpCall, x: Any, axis: Any = None, keepdims: bool = False) -> Value:
    return quantile(op, op.floating(x), 0.5, axis, "linear", keepdims)


@operation("Quantile")
def read_quantile(
    op: OpCall, x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Value:
    """Inside a model Keras drops the method, and takes the linear one whatever was asked for."""
    return _quantiles(op, op.floating(x), op.numbers(q), axis, "linear", keepdims)


@operation("Percentile")
def read_percentile(
    op: OpCall, x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Value:
    return _quantiles(op, op.floating(x), op.numbers(q) / 100.0, axis, method, keepdims)


def _quantiles(op: OpCall, value: Value, share: np.ndarray, axis: Any, method: str, keepdims: bool) -> Value:
    if share.ndim == 0:
        return quantile(op, value, float(share), axis, method, keepdims)
    if share.ndim > 1:
        raise op.refuse("quantiles are carried for one share or a list of them")
    return stacked(op, [quantile(op, value, float(q), axis, method, keepdims) for q in share], 0)


def quantile(op: OpCall, value: Value, share: float, axis: Any, method: str, keepdims: bool) -> Value:
    """The value that a share of an axis lies below; NaN where the axis holds one."""
    if isinstance(axis, (list, tuple)) and len(axis) != 1:
        raise op.refuse("quantiles over several axes at once are not carried")
    if axis is None and keepdims:
        raise op.refuse("quantiles of a whole tensor are carried without keepdims")
    if method not in METHODS:
        raise op.refuse(f"quantiles by {method!r} are not carried")
    place = op.axes(axis, value.rank)[0] if axis is not None else 0
    value = flat(op, value) if axis is None else value
    # Keras holds shares in float32, which decides between two neighbours where a share falls on one
    exact = share if method == "linear" else float(np.float32(share))
    return op.add(Quantile(exact, place, method, bool(keepdims)), value)


METHODS = ("linear", "lower", "higher", "midpoint", "nearest")

NEUTRAL = {"sum": 0.0, "prod": 1.0, "max": -1.0, "min": 1.0}


def _segments(function: str) -> Any:
    def read(
        op: OpCall, data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
    ) -> Value:
        if num_segments is None:
            raise op.refuse("without num_segments the size of the result depends on the numbers")
        value, names = op.operand(data), op.operand(segment_ids, "int64")
        if names.rank != 1:
            raise op.refuse("segments are carried along one axis")
        hot = op.cast(one_hot(op, names, int(num_segments), 0, "float32"), "bool")
        inside = with_ones(op, hot, range(2, value.rank + 1)) if value.rank > 1 else hot
        edge = NEUTRAL[function] * (LARGEST.get(value.dtype, 0.0) if function in ("max", "min") else 1.0)
        if function in ("max", "min") and value.dtype not in LARGEST:
            raise op.refuse(f"extremes of segments are carried for real numbers, these are {value.dtype}")
        spread = op.add(Where(), inside, value, op.constant(edge, value.dtype))
        return reduced(op, function, spread, 1)

    return read


for _name, _function in (
    ("SegmentSum", "sum"),
    ("SegmentProd", "prod"),
    ("SegmentMax", "max"),
    ("SegmentMin", "min"),
):
    operation(_name)(_segments(_function))


@operation("Meshgrid")
def read_meshgrid(op: OpCall, *x: Any, indexing: str = "xy") -> tuple[Value, ...]:
    """Each row spread over the axes of all the others."""
    rows = [flat(op, op.operand(row)) for row in x]
    order = list(range(len(rows)))
    if indexing == "xy" and len(rows) > 1:
        order[0], order[1] = 1, 0
    result = []
    for place, row in zip(order, rows, strict=True):
        spread = with_ones(op, row, [axis for axis in range(len(rows)) if axis != place])
        for other, size_of in zip(order, rows, strict=True):
            if other != place:
                spread = picked(op, spread, [0] * op.size(0, size_of), other)
        result.append(spread)
    return tuple(result)
