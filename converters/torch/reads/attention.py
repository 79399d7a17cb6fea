"""Attention. A mask of truths is the op's own; a mask of numbers is added to the scores."""

from __future__ import annotations

import math

import numpy as np

from converters.torch.call import OpCall
from converters.torch.reads.linear import turned
from converters.torch.rules import rules
from porter.graph.model import Node, Value
from porter.graph.ops.activation import Softmax
from porter.graph.ops.attention import Attention, SeenKeys
from porter.graph.ops.elementwise import Binary, Unary, Where
from porter.graph.ops.indexing import Expand
from porter.graph.ops.linear import MatMul
from porter.graph.ops.op import Op
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Repeat, Reshape


@rules.reads("scaled_dot_product_attention")
def read_attention(call: OpCall) -> Value:
    query, key, value = (call.tensor(name) for name in ("query", "key", "value"))
    mask = call.get("attn_mask")
    groups = _groups(call, query, key) if call.get("enable_gqa") else 1
    scale = call.get("scale")
    told = None if scale is None else float(scale)
    if mask is not None and mask.dtype != "bool":
        mask = as_truths(call, mask) or mask
    if mask is not None and _hides_nothing(call, mask):
        mask = None
    if mask is None or mask.dtype == "bool":
        inputs = [query, key, value]
        if mask is not None:
            inputs.append(_both(call, query, key, mask) if call["is_causal"] else mask)
        causal = bool(call["is_causal"]) and mask is None
        op = Attention(told, causal, blank=True, groups=groups, dropout=float(call["dropout_p"]))
        return call.one(op, *inputs)
    if groups > 1:
        key, value = (call.one(Repeat(groups, part.rank - 3), part) for part in (key, value))
    return _added(call, (query, key, value), mask, told)


def _groups(call: OpCall, query: Value, key: Value) -> int:
    ours, theirs = query.shape[-3], key.shape[-3]
    if not isinstance(ours, int) or not isinstance(theirs, int):
        raise call.refuse("the number of heads is not known")
    return ours // theirs


def _both(call: OpCall, query: Value, key: Value, mask: Value) -> Value:
    return call.one(Binary("logical_and"), mask, call.one(SeenKeys(), query, key))


def _added(call: OpCall, parts: tuple[Value, Value, Value], mask: Value, scale: float | None) -> Value:
    """softmax(q k^T * scale + mask) v; a query that may look at nothing gets zeros."""
    query, key, value = parts
    depth = query.shape[-1]
    if scale is None:
        if not isinstance(depth, int):
            raise call.refuse("the depth of the heads is not known")
        scale = 1 / math.sqrt(depth)
    scores = call.one(MatMul(), query, turned(call, key))
    scores = call.one(Binary("multiply"), scores, call.operand(scale, query.dtype))
    scores = call.one(Binary("add"), scores, call.cast(mask, query.dtype))
    weights = call.one(Softmax(-1), scores)
    if _may_hide_all(call, mask):
        lowest = call.operand(-math.inf, mask.dtype)
        hidden = call.one(Reduce("all", (mask.rank - 1,), True), call.one(Binary("equal"), mask, lowest))
        weights = call.one(Where(), hidden, call.operand(0.0, query.dtype), weights)
    return call.one(MatMul(), weights, value)


def _may_hide_all(call: OpCall, mask: Value) -> bool:
    if not call.is_constant(mask):
        return True
    numbers = call.numbers(mask)
    return bool(np.any(np.all(np.isneginf(numbers), axis=-1)))


def _hides_nothing(call: OpCall, mask: Value) -> bool:
    """Whether it is True everywhere, as masks of positions are where all may see all."""
    value = mask
    while (maker := call.context.makers.get(value)) is not None and isinstance(maker.op, SHAPING):
        value = maker.inputs[0]
    return mask.dtype == "bool" and call.is_constant(value) and bool(np.all(call.numbers(value)))


SHAPING = (Expand, Reshape)
"""Ops that a mask may go through on its way."""


def as_truths(call: OpCall, mask: Value) -> Value | None:
    """A mask of 0 and -inf as one that is True where a key may be seen; None where it may be another."""
    if call.is_constant(mask):
        numbers = call.numbers(mask)
        if np.all((numbers == 0) | np.isneginf(numbers)):
            return call.constant(numbers == 0)
        return None
    path: list[tuple[Op, tuple[Value, ...]]] = []
    value = mask
    while (maker := call.context.makers.get(value)) is not None and isinstance(maker.op, SHAPING):
        path.append((maker.op, maker.inputs[1:]))
        value = maker.inputs[0]
    found = None if maker is None else _of_two(call, maker) or _chosen(call, maker)
    if found is None:
        return None
    if found.rank < value.rank:
        found = call.expand(found, value.shape)
    for op, others in reversed(path):
        found = call.one(op, found, *others)
    return found


def _chosen(call: OpCall, maker: Node) -> Value | None:
    """What is seen where truths choose between 0 and `-inf`."""
    if not isinstance(maker.op, Where):
        return None
    condition, *chosen = maker.inputs
    numbers = [call.filled(one) for one in chosen]
    if numbers == [-math.inf, 0]:
        return call.one(Unary("logical_not"), condition)
    return condition if numbers == [0, -math.inf] else None


def _of_two(call: OpCall, maker: Node) -> Value | None:
    """What is seen where two such masks are added up: what both let be seen."""
    if maker.op != Binary("add"):
        return None
    one, other = (as_truths(call, part) for part in maker.inputs)
    return None if one is None or other is None else call.one(Binary("logical_and"), one, other)
