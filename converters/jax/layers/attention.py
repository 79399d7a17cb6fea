"""Attention: heads, who may look at whom, and the weighted sums."""

from __future__ import annotations

from typing import Any

from converters.jax.layers.dtypes import precision
from converters.jax.rules import rules
from porter.graph.model import Node
from porter.graph.ops.attention import Attention, HideScores, MergeHeads, SeenKeys, SplitHeads
from porter.source.code import Expression, call
from porter.writing.forms import Form, Inline, Layer, Weight
from porter.writing.settings import said
from porter.writing.weights import weight
from porter.writing.whole_heads import SIDES, WholeHeads


@rules.writes(SplitHeads)
def write_split_heads(op: SplitHeads, node: Node) -> Form:
    return Inline(lambda x: call("split_heads", x, op.heads), ("split_heads",), simple=True)


@rules.writes(MergeHeads)
def write_merge_heads(op: MergeHeads, node: Node) -> Form:
    return Inline(lambda x: call("merge_heads", x), ("merge_heads",), simple=True)


@rules.writes(SeenKeys)
def write_seen_keys(op: SeenKeys, node: Node) -> Form:
    told: dict[str, Any] = {} if op.causal else {"causal": False}
    if op.window is not None:
        told["window"] = op.window
    return Inline(lambda query, key: call("seen_keys", query, key, **told), ("seen_keys",))


@rules.writes(HideScores)
def write_hide_scores(op: HideScores, node: Node) -> Form:
    penalty = {} if op.penalty is None else {"penalty": op.penalty}
    return Inline(lambda scores, mask: call("hide", scores, mask, **penalty), ("hide",))


@rules.writes(Attention)
def write_attention(op: Attention, node: Node) -> Form:
    """Where weights drop out in training, the layer's attribute is what drops them."""
    told: dict[str, Any] = {}
    depth = node.inputs[0].shape[-1]
    if op.scale is not None and not (isinstance(depth, int) and abs(op.scale * depth**0.5 - 1) < 1e-9):
        told["scale"] = op.scale
    if op.causal:
        told["causal"] = True
    if op.penalty is not None and len(node.inputs) > 3:
        told["penalty"] = op.penalty
    if op.blank and len(node.inputs) > 3:
        told["blank"] = True
    if op.groups > 1:
        told["groups"] = op.groups

    def build(query: Expression, key: Expression, value: Expression, *masks: Expression) -> Expression:
        return call("attention", query, key, value, *masks, **told)

    if not op.dropout:
        return Inline(build, ("attention",))

    def use(dropout: Expression, *inputs: Expression) -> Expression:
        return call("attention", *inputs, **told, dropout=dropout)

    return Layer(call("nnx.Dropout", op.dropout), use=use, helpers=("attention",))


@rules.writes(WholeHeads)
def write_whole_heads(op: WholeHeads, node: Node) -> Form:
    queries, others, _ = op.features
    usual = {
        "num_kv_heads": op.heads,
        "in_kv_features": queries,
        "out_features": queries,
        "use_bias": True,
        "dropout_rate": 0.0,
    }
    told = {
        "num_kv_heads": op.shared,
        "in_kv_features": others,
        "out_features": op.outputs,
        "use_bias": "query.bias" in node.params,
        "dropout_rate": op.dropout,
    }
    settings = {"num_heads": op.heads, "in_features": queries, "qkv_features": op.width, **said(usual, told)}
    if op.dropout:
        settings["broadcast_dropout"] = False
    make = call("nnx.MultiHeadAttention", **settings, **precision(node), decode=False)
    if len(node.inputs) == op.given and not op.causal:
        return Layer(make, _head_weights(op, node))

    def use(attention: Expression, *inputs: Expression) -> Expression:
        mask: dict[str, Any] = {"mask": inputs[-1]} if len(inputs) > op.given else {}
        causal = {"is_causal": True} if op.causal else {}
        return call(attention, *inputs[: op.given], **mask, **causal)

    return Layer(make, _head_weights(op, node), use=use, direct=True)


def _head_weights(op: WholeHeads, node: Node) -> dict[str, Weight]:
    held: dict[str, Weight] = {}
    for side in SIDES:
        heads = op.heads if side == "query" else op.shared
        held[f"{side}.kernel"] = weight(node, f"{side}.weight", "(h d) i -> i h d", h=heads)
        if f"{side}.bias" in node.params:
            held[f"{side}.bias"] = weight(node, f"{side}.bias", "(h d) -> h d", h=heads)
    held["out.kernel"] = weight(node, "out.weight", "o (h d) -> h d o", h=op.heads)
    if "out.bias" in node.params:
        held["out.bias"] = weight(node, "out.bias")
    return held


def flax_has(whole: Node) -> bool:
    """Whether Flax's attention serves: in float16 it asks for a product that JAX has on accelerators only."""
    assert isinstance(whole.op, WholeHeads)
    _, key, value = whole.op.features
    return whole.outputs[0].dtype != "float16" and key == value and not whole.op.blank
