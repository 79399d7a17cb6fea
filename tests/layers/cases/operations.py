"""Rows of `keras.ops` used as nodes of functional models (Keras 3 only)."""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.layers.cases.case import Feed, LayerCase, feed, inputs_of

_VECTOR, _SEQUENCE, _IMAGE = feed(6), feed(5, 6), feed(4, 5, 3)
_TABLE = np.arange(6, dtype="float32") / 4 - 0.5


def _node(name: str, apply: Callable[..., Any], *feeds: Feed) -> LayerCase:
    """A model that is `apply(ops, *inputs)`."""

    def build(keras: Any) -> Any:
        inputs = inputs_of(keras, feeds)
        given = inputs if len(inputs) > 1 else inputs[0]
        return keras.Model(given, apply(keras.ops, *inputs), name="model")

    return LayerCase(f"ops_{name}", build, feeds, tf_keras=False)


_ARITHMETIC = (
    _node("add", lambda ops, x, y: ops.add(x, y), _VECTOR, _VECTOR),
    _node("operators", lambda ops, x, y: (x + y) * 2.0 - x / 3.0, _VECTOR, _VECTOR),
    _node("reflected", lambda ops, x: 1.5 - 2.0 * x, _VECTOR),
    _node("negative", lambda ops, x: -x, _VECTOR),
    _node("add_constant_array", lambda ops, x: x + _TABLE, _VECTOR),
    _node("multiply_broadcast", lambda ops, x, y: ops.multiply(x, y), _IMAGE, feed(1, 1, 3)),
    _node("power", lambda ops, x: x**2, _VECTOR),
    _node("power_ops", lambda ops, x: ops.power(ops.abs(x) + 0.5, 0.7), _VECTOR),
    _node("divide", lambda ops, x, y: ops.divide(x, ops.abs(y) + 1.0), _VECTOR, _VECTOR),
    _node("floor_divide_mod", lambda ops, x: ops.floor_divide(x, 0.7) + ops.mod(x, 0.7), _VECTOR),
    _node("maximum_minimum", lambda ops, x, y: ops.maximum(x, 0.5) - ops.minimum(x, y), _VECTOR, _VECTOR),
    _node("matmul", lambda ops, x, y: ops.matmul(x, y), feed(4, 6), feed(6, 3)),
    _node("matmul_operator", lambda ops, x, y: x @ y, feed(4, 6), feed(6, 3)),
    _node("dot", lambda ops, x: ops.dot(x, np.arange(12, dtype="float32").reshape(6, 2) / 9 - 0.4), _SEQUENCE),
    _node("einsum", lambda ops, x, y: ops.einsum("bij,bkj->bik", x, y), feed(4, 6), feed(3, 6)),
    _node("tensordot", lambda ops, x: ops.tensordot(x, np.eye(6, 2, dtype="float32") + 0.1, axes=1), _SEQUENCE),
)  # fmt: skip

_UNARY = tuple(
    _node(name, lambda ops, x, name=name: getattr(ops, name)(x), _SEQUENCE)
    for name in (
        "abs", "ceil", "cos", "erf", "exp", "expm1", "floor", "relu", "relu6", "round", "sigmoid",
        "sign", "silu", "sin", "softplus", "square", "tanh", "arctan", "sinh", "selu", "gelu", "elu", "leaky_relu",
        "softsign", "hard_sigmoid", "log_softmax", "softmax",
    )
)  # fmt: skip
_POSITIVE = tuple(
    _node(name, lambda ops, x, name=name: getattr(ops, name)(ops.abs(x) + 0.1), _SEQUENCE)
    for name in ("log", "log1p", "log2", "rsqrt", "sqrt", "reciprocal")
)

_REDUCTIONS = (
    _node("mean", lambda ops, x: ops.mean(x, axis=-1), _SEQUENCE),
    _node("mean_spatial", lambda ops, x: ops.mean(x, axis=(1, 2)), _IMAGE),
    _node("mean_keepdims", lambda ops, x: ops.mean(x, axis=[1, 2], keepdims=True), _IMAGE),
    _node("sum", lambda ops, x: ops.sum(x, axis=1), _SEQUENCE),
    _node("max_min", lambda ops, x: ops.max(x, axis=1) + ops.min(x, axis=1), _SEQUENCE),
    _node("prod", lambda ops, x: ops.prod(x, axis=-1), _SEQUENCE),
    _node("var_std", lambda ops, x: ops.var(x, axis=1) + ops.std(x, axis=1), _SEQUENCE),
    _node("logsumexp", lambda ops, x: ops.logsumexp(x, axis=1), _SEQUENCE),
    _node("argmax", lambda ops, x: ops.argmax(x, axis=-1), _SEQUENCE),
    _node("norm", lambda ops, x: ops.norm(x, axis=-1), _SEQUENCE),
    _node("cumsum", lambda ops, x: ops.cumsum(x, axis=1), _SEQUENCE),
    _node("normalize", lambda ops, x: ops.normalize(x, axis=-1), _SEQUENCE),
)

_SHAPES = (
    _node("reshape", lambda ops, x: ops.reshape(x, (-1, 20, 3)), _IMAGE),
    _node("transpose", lambda ops, x: ops.transpose(x, (0, 3, 1, 2)), _IMAGE),
    _node("transpose_default_swap", lambda ops, x: ops.swapaxes(x, 1, 2), _IMAGE),
    _node("moveaxis", lambda ops, x: ops.moveaxis(x, 3, 1), _IMAGE),
    _node("expand_dims", lambda ops, x: ops.expand_dims(x, 1), _SEQUENCE),
    _node("squeeze", lambda ops, x: ops.squeeze(x, 2), feed(4, 1, 3)),
    _node("getitem_int", lambda ops, x: x[:, 1], _SEQUENCE),
    _node("getitem_negative", lambda ops, x: x[:, -1, :], _SEQUENCE),
    _node("getitem_slice", lambda ops, x: x[:, 1:4], _SEQUENCE),
    _node("getitem_step", lambda ops, x: x[:, ::2, 1::2], _SEQUENCE),
    _node("getitem_ellipsis", lambda ops, x: x[..., 0], _IMAGE),
    _node("getitem_new_axis", lambda ops, x: x[:, None, :], _VECTOR),
    _node("getitem_channels", lambda ops, x: x[..., ::-1], _IMAGE),
    _node("concatenate", lambda ops, x, y: ops.concatenate([x, y], axis=-1), _SEQUENCE, _SEQUENCE),
    _node("concatenate_axis_1", lambda ops, x, y: ops.concatenate([x, y], axis=1), _IMAGE, _IMAGE),
    _node("stack", lambda ops, x, y: ops.stack([x, y], axis=1), _VECTOR, _VECTOR),
    _node("split", lambda ops, x: ops.split(x, 3, axis=-1), _VECTOR),
    _node("split_at", lambda ops, x: ops.concatenate(ops.split(x, [2, 3], axis=1)[::-1], axis=1), _SEQUENCE),
    _node("pad", lambda ops, x: ops.pad(x, ((0, 0), (1, 2), (0, 1))), _SEQUENCE),
    _node("flip", lambda ops, x: ops.flip(x, axis=1), _SEQUENCE),
    _node("roll", lambda ops, x: ops.roll(x, 2, axis=1), _SEQUENCE),
    _node("repeat", lambda ops, x: ops.repeat(x, 2, axis=1), _SEQUENCE),
    _node("tile", lambda ops, x: ops.tile(x, (1, 2, 1)), _SEQUENCE),
    _node("take", lambda ops, x: ops.take(x, np.array([2, 0, 2]), axis=1), _SEQUENCE),
    _node("broadcast_to", lambda ops, x, y: x + ops.broadcast_to(np.float32([0.5, -1.0, 2.0]), (4, 5, 3)) + y, _IMAGE, _IMAGE),
)  # fmt: skip

_CHOICE = (
    _node("where", lambda ops, x, y: ops.where(x > 0.2, x, y), _SEQUENCE, _SEQUENCE),
    _node("where_constant", lambda ops, x: ops.where(ops.less(x, 0.0), 0.25, x), _SEQUENCE),
    _node("logical", lambda ops, x: ops.cast(ops.logical_and(x > -0.5, ops.logical_not(x > 0.5)), "float32"), _SEQUENCE),
    _node("equal", lambda ops, x: ops.cast(ops.equal(ops.sign(x), 1.0), "float32") * x, _SEQUENCE),
    _node("clip", lambda ops, x: ops.clip(x, -0.7, 0.9), _SEQUENCE),
    _node("cast", lambda ops, x: ops.cast(ops.cast(x, "int32"), "float32") + x, _SEQUENCE),
    _node("one_hot", lambda ops, x: ops.one_hot(ops.argmax(x, axis=-1), 6), _SEQUENCE),
    _node("softmax_axis", lambda ops, x: ops.softmax(x, axis=1), _SEQUENCE),
    _node("zeros_like", lambda ops, x: ops.maximum(x, ops.zeros_like(x)) + ops.ones_like(x), _SEQUENCE),
)  # fmt: skip

_SPELLED_OUT = (
    _node("hard_silu_spelled_out", lambda ops, x: x * (ops.relu6(x + 3.0) * (1.0 / 6.0)), _IMAGE),
    _node("mish_spelled_out", lambda ops, x: x * ops.tanh(ops.softplus(x)), _SEQUENCE),
    _node(
        "gelu_spelled_out",
        lambda ops, x: 0.5 * x * (1.0 + ops.tanh(0.7978845608028654 * (x + 0.044715 * x**3))),
        _SEQUENCE,
    ),
)

_NEURAL = (
    _node("max_pool", lambda ops, x: ops.max_pool(x, 2, 2, padding="same"), _IMAGE),
    _node("average_pool", lambda ops, x: ops.average_pool(x, 2, 2, padding="valid"), _IMAGE),
    _node("resize", lambda ops, x: ops.image.resize(x, (6, 7), interpolation="bilinear"), _IMAGE),
    _node("conv", lambda ops, x: ops.conv(x, np.linspace(-1, 1, 24, dtype="float32").reshape(2, 2, 3, 2), padding="same"), _IMAGE),
)  # fmt: skip

CASES: tuple[LayerCase, ...] = (*_ARITHMETIC, *_UNARY, *_POSITIVE, *_REDUCTIONS, *_SHAPES, *_CHOICE, *_SPELLED_OUT, *_NEURAL)  # fmt: skip
