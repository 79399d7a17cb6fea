"""JAX's attention, kept whole."""

from __future__ import annotations

from converters.jax.reading.call import PrimitiveCall
from converters.jax.rules import rules
from porter.axes import permutation
from porter.graph.model import Value
from porter.graph.ops.attention import Attention, SeenKeys
from porter.graph.ops.elementwise import Binary

HEADS_SECOND = permutation("n t h d", "n h t d")


@rules.reads("flax.attention")
def read_attention(call: PrimitiveCall) -> Value:
    """Heads stand beside the width here, and beside the batch in the op."""
    query, key, value = (call.transpose(part, HEADS_SECOND) for part in call.inputs[:3])
    masks = list(call.inputs[3:])
    heads, shared = query.shape[1], key.shape[1]
    groups = heads // shared if isinstance(heads, int) and isinstance(shared, int) else 1
    causal = bool(call["causal"]) and not masks and query.shape[2] == key.shape[2]
    if call["causal"] and not causal:
        seen = call.one(SeenKeys(), query, key)
        masks = [call.one(Binary("logical_and"), masks[0], seen) if masks else seen]
    scale = None if call["scale"] is None else float(call["scale"])
    found = call.one(Attention(scale, causal, groups=groups), query, key, value, *masks)
    return call.transpose(found, HEADS_SECOND)
