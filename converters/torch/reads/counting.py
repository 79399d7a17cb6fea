"""How many cells lie in which range."""

from __future__ import annotations

import numpy as np

from converters.torch.call import OpCall
from converters.torch.rules import rules
from porter.graph.dims import product
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Clip, Unary
from porter.graph.ops.reduction import Reduce


@rules.reads("histc")
def read_histc(call: OpCall) -> Value:
    """Ranges of one width; the upper end belongs to the last, and what lies outside is not counted."""
    low, high, bins = float(call["min"]), float(call["max"]), int(call["bins"])
    if low >= high:
        raise call.refuse("ranges between the least and the largest number", "say min and max")
    x = call.cast(call.reshape(call.x, (product(call.x.shape),)), call.dtype)
    raised = call.one(Binary("subtract"), x, call.operand(low, x.dtype))
    scaled = call.one(
        Binary("divide"),
        call.one(Binary("multiply"), raised, call.operand(bins, x.dtype)),
        call.operand(high - low, x.dtype),
    )
    number = call.one(Unary("floor"), scaled)
    inside = call.one(Binary("less_equal"), x, call.operand(high, x.dtype))
    top = call.one(Clip(None, bins - 1.0), number)
    equal = call.one(Binary("equal"), call.with_ones(top, 1), call.constant(np.arange(bins), x.dtype))
    counted = call.one(Binary("logical_and"), equal, call.with_ones(inside, 1))
    return call.one(Reduce("sum", (0,)), call.cast(counted, call.dtype))
