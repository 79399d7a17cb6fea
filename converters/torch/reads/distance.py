"""How far two tensors are apart."""

from __future__ import annotations

from converters.torch.call import OpCall
from converters.torch.reads.reduction import norm
from converters.torch.rules import rules
from porter.graph.dims import broadcast
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Clip, Unary
from porter.graph.ops.reduction import Reduce


@rules.reads("cosine_similarity")
def read_cosine_similarity(call: OpCall) -> Value:
    a, b = call.tensor("x1"), call.tensor("x2")
    shape = broadcast(a.shape, b.shape)
    rank, a, b = len(shape), call.expand(a, shape), call.expand(b, shape)
    eps = float(call["eps"])

    def total(x: Value, y: Value) -> Value:
        product = call.one(Binary("multiply"), x, y)
        return call.one(Reduce("sum", (call.axis(call["dim"], rank),)), product)

    def length(x: Value) -> Value:
        return call.one(Clip(eps, None), call.one(Unary("sqrt"), total(x, x)))

    return call.one(Binary("divide"), total(a, b), call.one(Binary("multiply"), length(a), length(b)))


@rules.reads("pairwise_distance")
def read_pairwise_distance(call: OpCall) -> Value:
    gap = call.one(Binary("subtract"), call.tensor("x1"), call.tensor("x2"))
    gap = call.one(Binary("add"), gap, call.operand(float(call["eps"]), gap.dtype))
    return norm(call, gap, float(call["p"]), (gap.rank - 1,), bool(call["keepdim"]))


@rules.reads("cdist")
def read_cdist(call: OpCall) -> Value:
    """The distances of all rows of the one from all rows of the other."""
    a, b = call.tensor("x1"), call.tensor("x2")
    rows, columns = call.with_ones(a, a.rank - 1), call.with_ones(b, b.rank - 2)
    gap = call.one(Binary("subtract"), rows, columns)
    return norm(call, gap, float(call["p"]), (gap.rank - 1,), False)
