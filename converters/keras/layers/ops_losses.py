"""Losses and scores that a model computes as part of its outputs."""

from __future__ import annotations

import math
from typing import Any

from converters.keras.layers.ops_indexing import one_hot
from converters.keras.layers.ops_reduction import reduced
from converters.keras.operation import EPSILON, OpCall, operation
from porter.graph.model import Value
from porter.graph.ops.activation import LogSoftmax
from porter.graph.ops.elementwise import Where


@operation("InTopK")
def read_in_top_k(op: OpCall, targets: Any, predictions: Any, k: int) -> Value:
    """Whether fewer than k predictions are larger than the target's; an infinite one never counts."""
    scores, places = op.operand(predictions), op.operand(targets, "int64")
    hot = one_hot(op, places, op.size(-1, scores), -1, scores.dtype)
    own = reduced(
        op, "sum", op.add(Where(), op.operand(hot, "bool"), scores, op.constant(0.0, scores.dtype)), -1, True
    )
    larger = op.cast(op.binary("greater", scores, own), "int32")
    few = op.binary("less", reduced(op, "sum", larger, -1), int(k))
    finite = op.unary("isfinite", reduced(op, "sum", own, -1))
    return op.binary("logical_and", few, finite)


@operation("BinaryCrossentropy")
def read_binary_crossentropy(op: OpCall, target: Any, output: Any, from_logits: bool = False) -> Value:
    want, got = (op.floating(value) for value in op.promoted(target, output, strong=True))
    if from_logits:
        positive = op.binary("maximum", got, 0.0)
        product = op.binary("multiply", got, want)
        small = op.unary("log1p", op.unary("exp", op.unary("neg", op.unary("abs", got))))
        return op.binary("add", op.binary("subtract", positive, product), small)
    got = op.binary("minimum", op.binary("maximum", got, EPSILON), 1.0 - EPSILON)
    yes = op.binary("multiply", want, op.unary("log", got))
    rest, unlikely = (op.binary("add", op.unary("neg", part), 1.0) for part in (want, got))
    no = op.binary("multiply", rest, op.unary("log", unlikely))
    return op.unary("neg", op.binary("add", yes, no))


@operation("CategoricalCrossentropy")
def read_categorical_crossentropy(
    op: OpCall, target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Value:
    want, got = (op.floating(value) for value in op.promoted(target, output, strong=True))
    place = op.axis(axis, got.rank)
    return op.unary(
        "neg", reduced(op, "sum", op.binary("multiply", want, _log_share(op, got, from_logits, place)), place)
    )


def _log_share(op: OpCall, got: Value, from_logits: bool, axis: int) -> Value:
    if from_logits:
        return op.add(LogSoftmax(axis), got)
    got = op.binary("divide", got, reduced(op, "sum", got, axis, True))
    got = op.binary("minimum", op.binary("maximum", got, EPSILON), 1.0 - EPSILON)
    return op.unary("log", got)


@operation("PSNR")
def read_psnr(op: OpCall, x1: Any, x2: Any, max_val: float) -> Value:
    left, right = op.promoted(x1, x2, also=("float",), strong=True)
    error = reduced(op, "mean", op.unary("square", op.binary("subtract", left, right)), None)
    loss = op.binary("multiply", op.unary("log10", error), -10.0)
    return op.binary("add", loss, 20 * math.log10(max_val))
