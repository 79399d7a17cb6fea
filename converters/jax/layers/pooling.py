"""Pooling."""

from __future__ import annotations

from typing import Any

from converters.jax.layers.convolution import named_padding
from converters.jax.layers.dtypes import dtype_name
from converters.jax.rules import rules
from porter.graph.model import Node
from porter.graph.ops.pooling import AdaptivePool, AvgPool, MaxPool
from porter.source.code import Expression, Name, call
from porter.writing.forms import Form, Inline, method


@rules.writes(MaxPool)
def write_max_pool(op: MaxPool, node: Node) -> Form:
    settings = _settings(op, node)
    if set(op.dilations) != {1}:
        settings |= {"dilation": op.dilations}
        return Inline(lambda x: call("dilated_max_pool", x, op.window, **settings), ("dilated_max_pool",))
    return Inline(lambda x: call("nnx.max_pool", x, op.window, **settings), simple=True)


@rules.writes(AvgPool)
def write_avg_pool(op: AvgPool, node: Node) -> Form:
    settings = _settings(op, node)
    padded = "padding" in settings
    if padded and not op.count_padding:
        settings["count_include_pad"] = False
    dtype = node.inputs[0].dtype

    def build(x: Expression) -> Expression:
        pooled = call("nnx.avg_pool", x, op.window, **settings)
        # what it divides by is float32, and so would the result be
        return method(pooled, "astype", dtype_name(dtype)) if padded and dtype != "float32" else pooled

    return Inline(build, simple=True)


def _settings(op: MaxPool | AvgPool, node: Node) -> dict[str, Any]:
    """Flax pools at every place and without padding, unless told."""
    settings: dict[str, Any] = {} if set(op.strides) == {1} else {"strides": op.strides}
    padding = named_padding(op.padding, node.inputs[0].shape[1:-1], op.window, op.strides, op.dilations)
    return settings if padding == "VALID" else {**settings, "padding": padding}


@rules.writes(AdaptivePool)
def write_adaptive_pool(op: AdaptivePool, node: Node) -> Form:
    function = {"avg": "jnp.mean", "max": "jnp.max"}[op.function]
    return Inline(lambda x: call("adaptive_pool", x, op.size, Name(function)), ("adaptive_pool",))
