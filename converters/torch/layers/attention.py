"""Attention by torch's own function.

Given truths as a mask, it makes zeros of a query that may look at no key; where Keras lets such a
query look at all keys, the mask is given as numbers to add.
"""

from __future__ import annotations

from math import isclose
from typing import Any

from converters.torch.rules import rules
from porter.graph.model import Node
from porter.graph.ops.attention import (
    FILL,
    Attention,
    HideScores,
    MergeHeads,
    SeenKeys,
    SplitHeads,
)
from porter.source.code import Binary, Expression, IfElse, Literal, Name, Unary, attr, call
from porter.writing.forms import Form, Inline, method


@rules.writes(SplitHeads)
def write_split_heads(op: SplitHeads, node: Node) -> Form:
    rank = node.inputs[0].rank
    return Inline(
        lambda x: method(method(x, "unflatten", -1, (op.heads, -1)), "transpose", rank - 2, rank - 1),
        simple=True,
    )


@rules.writes(MergeHeads)
def write_merge_heads(op: MergeHeads, node: Node) -> Form:
    rank = node.inputs[0].rank
    return Inline(
        lambda x: method(method(x, "transpose", rank - 3, rank - 2), "flatten", rank - 2), simple=True
    )


@rules.writes(SeenKeys)
def write_seen_keys(op: SeenKeys, node: Node) -> Form:
    told: dict[str, Any] = {} if op.causal else {"causal": False}
    if op.window is not None:
        told["window"] = op.window
    return Inline(lambda query, key: call("seen_keys", query, key, **told), helpers=("seen_keys",))


@rules.writes(HideScores)
def write_hide_scores(op: HideScores, node: Node) -> Form:
    def build(scores: Expression, mask: Expression) -> Expression:
        if op.penalty is None:
            return method(scores, "masked_fill", Unary("~", mask), _lowest(node.inputs[0].dtype))
        return call("torch.where", mask, scores, Binary("-", scores, Literal(op.penalty)))

    return Inline(build)


def _lowest(dtype: str) -> float:
    """The fill, within what the type holds."""
    return -45000.0 if dtype == "float16" else FILL


@rules.writes(Attention)
def write_attention(op: Attention, node: Node) -> Form:
    masked = len(node.inputs) > 3
    depth = node.inputs[0].shape[-1]
    told: dict[str, Any] = {}
    if op.dropout:
        told["dropout_p"] = IfElse(Literal(op.dropout), Name("self.training"), Literal(0.0))
    if op.causal:
        told["is_causal"] = True
    if op.scale is not None and not (isinstance(depth, int) and isclose(op.scale, depth**-0.5)):
        told["scale"] = op.scale
    if op.groups > 1:
        told["enable_gqa"] = True
    penalty = {} if op.penalty is None else {"penalty": op.penalty}

    def build(query: Expression, key: Expression, value: Expression, *masks: Expression) -> Expression:
        bias: dict[str, Expression] = {}
        if masks:
            bias["attn_mask"] = (
                masks[0] if op.blank else call("hide", masks[0], attr(query, "dtype"), **penalty)
            )
        return call("F.scaled_dot_product_attention", query, key, value, **bias, **told)

    return Inline(build, helpers=("hide",) if masked and not op.blank else ())
