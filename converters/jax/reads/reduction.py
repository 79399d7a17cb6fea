"""Axes folded into one number, or into a running one."""

from __future__ import annotations

from converters.jax.reading.call import PrimitiveCall
from converters.jax.rules import rules
from porter.graph.model import Value
from porter.graph.ops.reduction import ArgReduce, Cumulate, Reduce
from porter.graph.ops.reshaping import Flip

REDUCTIONS = {
    "reduce_and": "all",
    "reduce_max": "max",
    "reduce_min": "min",
    "reduce_or": "any",
    "reduce_prod": "prod",
    "reduce_sum": "sum",
}


@rules.reads(*REDUCTIONS)
def read_reduce(call: PrimitiveCall) -> Value:
    axes = tuple(sorted(int(axis) for axis in call["axes"]))
    if not axes:
        return call.x
    return call.one(Reduce(REDUCTIONS[call.name], axes), call.x)


@rules.reads("argmax", "argmin")
def read_arg_reduce(call: PrimitiveCall) -> Value:
    (axis,) = call["axes"]
    return call.one(ArgReduce(call.name[3:], int(axis), dtype=call.out.dtype), call.x)


@rules.reads("cumsum", "cumprod")
def read_cumulate(call: PrimitiveCall) -> Value:
    axis = int(call["axis"])
    op = Cumulate(call.name[3:], axis)
    if not call["reverse"]:
        return call.one(op, call.x)
    back = Flip((axis,))
    return call.one(back, call.one(op, call.one(back, call.x)))
