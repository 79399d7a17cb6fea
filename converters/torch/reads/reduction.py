"""Axes folded into one number, or into a running one."""

from __future__ import annotations

import math
from typing import Any

from converters.torch.call import OpCall
from converters.torch.promotion import is_float
from converters.torch.reads.elementwise import truth
from converters.torch.reads.reshaping import Range
from converters.torch.rules import rules
from porter.graph.dims import Dim, product
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Unary, Where
from porter.graph.ops.indexing import Expand
from porter.graph.ops.reduction import ArgReduce, Cumulate, Reduce
from porter.graph.ops.reshaping import Concat, Flip, Reshape, Slice, Transpose
from porter.graph.ops.sorting import ArgSort, Sort

PLAIN = {
    "amax": "max",
    "amin": "min",
    "logsumexp": "logsumexp",
    "mean": "mean",
    "prod": "prod",
    "sum": "sum",
}


def axes_of(call: OpCall) -> tuple[int, ...]:
    """The axes that a call names, all of them where it names none."""
    return call.axes(call.get("dim"))


@rules.reads(*PLAIN)
def read_reduce(call: OpCall) -> Value:
    x = call.cast(call.x, call.dtype)
    if not x.rank:
        return x
    return call.one(Reduce(PLAIN[call.spec.operator], axes_of(call), bool(call.get("keepdim", False))), x)


@rules.reads("all", "any")
def read_truths(call: OpCall) -> Value:
    x = truth(call, call.x)
    return call.one(Reduce(call.spec.operator, axes_of(call), bool(call.get("keepdim", False))), x)


@rules.reads("count_nonzero")
def read_count_nonzero(call: OpCall) -> Value:
    counted = call.cast(truth(call, call.x), "int64")
    return call.one(Reduce("sum", axes_of(call)), counted)


@rules.reads("nansum", "nanmean")
def read_nansum(call: OpCall) -> Value:
    x = call.cast(call.x, call.dtype)
    odd = call.one(Unary("isnan"), x)
    axes, keep = axes_of(call), bool(call.get("keepdim", False))
    total = call.one(Reduce("sum", axes, keep), call.one(Where(), odd, call.operand(0.0, x.dtype), x))
    if call.spec.operator == "nansum":
        return total
    count = call.one(Reduce("sum", axes, keep), call.cast(call.one(Unary("logical_not"), odd), x.dtype))
    return call.one(Binary("divide"), total, count)


# --- spread


@rules.reads("var", "std", "var_mean", "std_mean")
def read_spread(call: OpCall) -> Any:
    """Over n - correction; torch's default correction is 1, which is `unbiased`."""
    x, axes = call.x, axes_of(call)
    name, _, both = call.spec.operator.partition("_")
    keep = bool(call.get("keepdim", False))
    told = call.args.get("correction", 1 if call.args.get("unbiased", True) else 0)
    correction = 1 if told is None else float(told)
    found = call.one(Reduce("var" if correction else name, axes, keep), x)
    if correction:
        cells = product(tuple(x.shape[axis] for axis in axes))
        found = call.one(Binary("multiply"), found, _share(call, cells, correction))
        found = call.one(Unary("sqrt"), found) if name == "std" else found
    return (found, call.one(Reduce("mean", axes, keep), x)) if both else found


def _share(call: OpCall, cells: Dim, correction: float) -> Value:
    """What the mean of squares is multiplied by to be over n - correction."""
    if isinstance(cells, int):
        if cells - correction <= 0:
            raise call.refuse(f"a variance of {cells} number(s) with the correction {correction}")
        return call.operand(cells / (cells - correction), call.x.dtype)
    count = call.operand(cells, call.x.dtype)
    less = call.one(Binary("subtract"), count, call.operand(correction, call.x.dtype))
    return call.one(Binary("divide"), count, less)


# --- lengths


@rules.reads("linalg_vector_norm", "norm", "frobenius_norm", "linalg_norm")
def read_norm(call: OpCall) -> Value:
    order = call.args.get("ord", call.args.get("p", 2.0))
    order = 2.0 if order is None else float(order)
    return norm(call, call.cast(call.x, call.dtype), order, axes_of(call), bool(call.get("keepdim", False)))


def norm(call: OpCall, x: Value, order: float, axes: tuple[int, ...], keep: bool) -> Value:
    """The length of vectors that lie along `axes`."""
    size = call.one(Unary("abs"), x)
    if math.isinf(order):
        return call.one(Reduce("max" if order > 0 else "min", axes, keep), size)
    if order == 0:
        return call.one(Reduce("sum", axes, keep), call.cast(truth(call, x), x.dtype))
    if order == 1:
        return call.one(Reduce("sum", axes, keep), size)
    if order == 2:
        return call.one(Unary("sqrt"), call.one(Reduce("sum", axes, keep), call.one(Unary("square"), x)))
    total = call.one(Reduce("sum", axes, keep), call.one(Binary("power"), size, call.operand(order, x.dtype)))
    return call.one(Binary("power"), total, call.operand(1 / order, x.dtype))


# --- places


@rules.reads("argmax", "argmin")
def read_arg(call: OpCall) -> Value:
    x, axis = call.x, call.get("dim")
    keep = bool(call.get("keepdim", False))
    if axis is None:
        flat = call.one(Reshape((None,)), x)
        return call.one(ArgReduce(call.spec.operator[3:], 0, False, call.dtype), flat)
    return call.one(ArgReduce(call.spec.operator[3:], call.axis(axis), keep, call.dtype), x)


@rules.reads("max", "min")
def read_extreme(call: OpCall) -> Any:
    """Over all, or along an axis with the places."""
    function = call.spec.operator
    if call.get("dim") is None:
        return call.one(Reduce(function, tuple(range(call.x.rank))), call.x) if call.x.rank else call.x
    axis, keep = call.axis(call["dim"]), bool(call["keepdim"])
    values = call.one(Reduce(function, (axis,), keep), call.x)
    return values, call.one(ArgReduce(function, axis, keep, "int64"), call.x)


@rules.reads("aminmax")
def read_aminmax(call: OpCall) -> Any:
    axes, keep = axes_of(call), bool(call["keepdim"])
    return call.one(Reduce("min", axes, keep), call.x), call.one(Reduce("max", axes, keep), call.x)


# --- running


@rules.reads("cumsum", "cumprod")
def read_cumulate(call: OpCall) -> Value:
    x = call.cast(call.x, call.dtype)
    return call.one(Cumulate(call.spec.operator[3:], call.axis(call["dim"])), x)


@rules.reads("diff")
def read_diff(call: OpCall) -> Value:
    axis = call.axis(call["dim"])
    ends = (call.get("prepend"), call.x, call.get("append"))
    parts = [call.cast(part, call.x.dtype) for part in ends if part is not None]
    found = call.one(Concat(axis), *parts) if len(parts) > 1 else call.x
    for _ in range(call["n"]):
        late, early = (call.one(Slice(_along(found, axis, part)), found) for part in ((1, None), (None, -1)))
        differ = Binary("not_equal" if found.dtype == "bool" else "subtract")
        found = call.one(differ, late, early)
    return found


def _along(x: Value, axis: int, part: tuple[int | None, int | None]) -> tuple[Range, ...]:
    return tuple((*part, 1) if k == axis else (None, None, 1) for k in range(x.rank))


@rules.reads("logcumsumexp")
def read_logcumsumexp(call: OpCall) -> Value:
    """Running sums of exponentials of what is left when the largest of all is taken off."""
    axis = call.axis(call["dim"])
    top = call.one(Reduce("max", (axis,), True), call.x)
    sums = call.one(Cumulate("sum", axis), call.one(Unary("exp"), call.one(Binary("subtract"), call.x, top)))
    return call.one(Binary("add"), call.one(Unary("log"), sums), top)


@rules.reads("median", "nanmedian", "kthvalue")
def read_kth(call: OpCall) -> Any:
    """By sorting; of an even number of cells torch's median is the lower middle one."""
    if call.spec.operator == "nanmedian":
        raise call.refuse("a median that passes over NaN", "replace NaN before (torch.nan_to_num)")
    if call.spec.target == "median.default":
        return _median_of_all(call)
    x, axis = call.x, call.axis(call.get("dim", -1))
    size = x.shape[axis] if x.rank else None
    if not isinstance(size, int):
        raise call.refuse("a place in an axis whose size only running the model tells")
    place = (size - 1) // 2 if call.spec.operator == "median" else int(call["k"]) - 1
    cut = Slice(tuple((place, place + 1, 1) if k == axis else (None, None, 1) for k in range(x.rank)))
    order = call.one(cut, call.one(ArgSort(axis), x))
    values = call.one(cut, call.one(Sort(axis), x))
    if not call["keepdim"]:
        values, order = call.without_ones(values, (axis,)), call.without_ones(order, (axis,))
    return values, order


def _median_of_all(call: OpCall) -> Value:
    cells = math.prod(size for size in call.x.shape if isinstance(size, int))
    if not all(isinstance(size, int) for size in call.x.shape):
        raise call.refuse("the median of a whole batch", "name an axis (dim)")
    ordered = call.one(Sort(0), call.reshape(call.x, (cells,)))
    place = (cells - 1) // 2
    return call.reshape(call.one(Slice(((place, place + 1, 1),)), ordered), ())


@rules.reads("cummax", "cummin")
def read_cummax(call: OpCall) -> Any:
    """Each cell against all before it, as a triangle of comparisons."""
    x, axis = call.x, call.axis(call["dim"])
    size = x.shape[axis] if x.rank else None
    if not isinstance(size, int) or not is_float(x.dtype):
        raise call.refuse("running extremes along an axis whose size only running the model tells")
    function = call.spec.operator[3:]
    import numpy as np

    seen = np.tril(np.ones((size, size), bool))
    moved = call.with_ones(axis_last(call, x, axis), x.rank - 1)
    spread = call.one(Expand(tuple(size if k == x.rank - 1 else None for k in range(x.rank + 1))), moved)
    worst = call.operand(-math.inf if function == "max" else math.inf, x.dtype)
    rows = call.one(Where(), call.constant(seen), spread, worst)
    values = call.one(Reduce(function, (x.rank,)), rows)
    back = axis_back(call, values, axis)
    return back, axis_back(call, _last_place(call, rows, function, size), axis)


def _last_place(call: OpCall, rows: Value, function: str, size: int) -> Value:
    """The place of the last of equal extremes, as torch tells it."""
    found = call.one(
        ArgReduce(function, rows.rank - 1, False, "int64"), call.one(Flip((rows.rank - 1,)), rows)
    )
    return call.one(Binary("subtract"), call.operand(size - 1, "int64"), found)


def axis_last(call: OpCall, x: Value, axis: int) -> Value:
    """The value with an axis moved to the end."""
    order = (*(k for k in range(x.rank) if k != axis), axis)
    return x if order == tuple(range(x.rank)) else call.one(Transpose(order), x)


def axis_back(call: OpCall, x: Value, axis: int) -> Value:
    """The way back: the last axis moved to where it was."""
    order = [*range(x.rank - 1)]
    order.insert(axis, x.rank - 1)
    return x if order == list(range(x.rank)) else call.one(Transpose(tuple(order)), x)
