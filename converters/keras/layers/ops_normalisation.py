"""Normalizations and attention as functions: statistics and weights are given, not held."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from converters.keras.layers.ops_linalg import norm
from converters.keras.layers.ops_reduction import reduced
from converters.keras.operation import EPSILON, OpCall, operation
from converters.keras.promotion import result_type
from porter.graph.model import Value
from porter.graph.ops.activation import Softmax
from porter.graph.ops.elementwise import Where
from porter.graph.ops.linear import Einsum
from porter.graph.ops.reshaping import Repeat, Reshape


@operation("Normalize")
def read_normalize(op: OpCall, x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Value:
    value = op.floating(x)
    floor = EPSILON if epsilon is None else float(epsilon)
    axes = op.axes(axis, value.rank)
    if order == 2:
        squares = reduced(op, "sum", op.unary("square", value), axes, True)
        scale = op.binary("minimum", op.unary("rsqrt", squares), 1.0 / floor)
        return op.binary("multiply", value, scale)
    length = norm(op, value, order, axes, True)
    return op.binary("divide", value, op.binary("maximum", length, floor))


def _spread(op: OpCall, item: Any, like: Value, axes: tuple[int, ...]) -> Value:
    """Numbers per place of `axes`, so that they broadcast against `like`."""
    value = op.operand(item, like.dtype)
    if axes == tuple(range(like.rank - len(axes), like.rank)) or value.rank == like.rank:
        return value
    sizes = [op.size(axis, like) if axis in axes else 1 for axis in range(like.rank)]
    return op.add(Reshape(tuple(sizes)), value)


@operation("BatchNorm")
def read_batch_norm(
    op: OpCall,
    x: Any,
    mean: Any,
    variance: Any,
    offset: Any = None,
    scale: Any = None,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Value:
    value = op.floating(x)
    axes = op.axes([axis], value.rank)
    centre, spread = _spread(op, mean, value, axes), _spread(op, variance, value, axes)
    factor = op.unary("rsqrt", op.binary("add", spread, float(epsilon)))
    if scale is not None:
        factor = op.binary("multiply", factor, _spread(op, scale, value, axes))
    value = op.binary("multiply", op.binary("subtract", value, centre), factor)
    return value if offset is None else op.binary("add", value, _spread(op, offset, value, axes))


@operation("LayerNorm")
def read_layer_norm(
    op: OpCall,
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    epsilon: float | None = None,
    rms_scaling: bool = False,
) -> Value:
    value = op.floating(x)
    axes = tuple(sorted(op.axes(axis, value.rank)))
    variance = op.binary(
        "add", reduced(op, "var", value, axes, True), EPSILON if epsilon is None else float(epsilon)
    )
    if rms_scaling:
        value = op.binary("multiply", value, op.unary("rsqrt", variance))
        return value if gamma is None else op.binary("multiply", value, _spread(op, gamma, value, axes))
    centred = op.binary("subtract", value, reduced(op, "mean", value, axes, True))
    value = op.binary("multiply", centred, op.unary("rsqrt", variance))
    value = value if gamma is None else op.binary("multiply", value, _spread(op, gamma, value, axes))
    return value if beta is None else op.binary("add", value, _spread(op, beta, value, axes))


@operation("RMSNorm")
def read_rms_norm(
    op: OpCall, x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Value:
    value = op.floating(x)
    axes = tuple(sorted(op.axes(axis, value.rank)))
    squares = reduced(op, "mean", op.unary("square", value), axes, True)
    room = op.binary("add", squares, EPSILON if epsilon is None else float(epsilon))
    value = op.binary("multiply", value, op.unary("rsqrt", room))
    return value if scale is None else op.binary("multiply", value, op.operand(scale, value.dtype))


@operation("DotProductAttention")
def read_dot_product_attention(
    op: OpCall,
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: Any = None,
    attn_logits_soft_cap: Any = None,
) -> Value:
    """Places masked out get the number that Keras puts there, so that rows without any place agree too."""
    q, k, v = op.promoted(query, key, value, strong=True)
    heads, shared = q.shape[2], k.shape[2]
    if isinstance(heads, int) and isinstance(shared, int) and heads > shared > 1:
        k, v = (op.add(Repeat(heads // shared, 2), part) for part in (k, v))
    wide = result_type(q.dtype, "float32")
    factor = 1.0 / math.sqrt(op.size(-1, k)) if scale is None else float(op.numbers(scale))
    logits = op.cast(op.add(Einsum("btnh,bsnh->bnts"), q, k), wide)
    logits = op.binary("multiply", logits, factor)
    if bias is not None:
        logits = op.binary("add", logits, op.operand(bias, wide))
    if mask is not None:
        logits = _masked(op, logits, op.operand(mask, "bool"))
    if is_causal:
        steps, seen = op.size(1, q), op.size(1, k)
        ahead = op.constant(np.tril(np.ones((1, 1, steps, seen), "bool")))
        logits = _masked(op, logits, ahead)
    share = op.cast(op.add(Softmax(-1), logits), k.dtype)
    return op.add(Einsum("bnts,bsnh->btnh"), share, v)


def _masked(op: OpCall, logits: Value, mask: Value) -> Value:
    return op.add(Where(), mask, logits, op.constant(-0.7 * 3.38953e38, logits.dtype))
