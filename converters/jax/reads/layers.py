"""Flax's other layers that are kept whole."""

from __future__ import annotations

from converters.jax.reading.call import PrimitiveCall
from converters.jax.rules import rules
from porter.graph.model import Value
from porter.graph.ops.elementwise import Dropout
from porter.graph.ops.linear import Embedding


@rules.reads("flax.Dropout")
def read_dropout(call: PrimitiveCall) -> Value:
    shared = tuple(sorted(int(axis) % call.x.rank for axis in call["broadcast_dims"]))
    return call.one(Dropout(float(call["rate"]), shared_axes=shared), call.x)


@rules.reads("flax.Embed")
def read_embed(call: PrimitiveCall) -> Value:
    table = call.weights["embedding"]
    entries, width = (int(str(size)) for size in table.shape)
    op = Embedding(entries, width, call.out.dtype)
    return call.one(op, call.x, params={"weight": call.as_param(table)})
