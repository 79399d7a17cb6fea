"""Attention by torch's own function.

Given truths as a mask, it makes zeros of a query that may look at no key; where Keras lets such a
query look at all keys, the mask is given as numbers to add.
"""

from __future__ import annotations

from math import isclose
from typing import Any

from converters.torch.rules import rules
from porter.graph.model import Node, Value
from porter.graph.ops.attention import (
    FILL,
    Attention,
    HideScores,
    MergeHeads,
    SeenKeys,
    SplitHeads,
)
from porter.source.code import Binary, Expression, IfElse, Literal, Name, Unary, attr, call, index
from porter.weights.tensor import joined
from porter.writing.forms import ITSELF, Form, Inline, Layer, Weight, method
from porter.writing.settings import said
from porter.writing.weights import weight
from porter.writing.whole_heads import SIDES, WholeHeads


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


@rules.writes(WholeHeads)
def write_whole_heads(op: WholeHeads, node: Node) -> Form:
    """torch's own module; without being asked for its weights, it takes the short way."""
    usual = {"dropout": 0.0, "bias": True, "kdim": op.width, "vdim": op.width}
    told = {"dropout": op.dropout, "bias": "query.bias" in node.params}
    told |= {"kdim": op.features[1], "vdim": op.features[2]}
    make = call("nn.MultiheadAttention", op.width, op.heads, **said(usual, told), batch_first=True)

    def use(attention: Expression, *inputs: Expression) -> Expression:
        query, key, value = (inputs[min(place, op.given - 1)] for place in range(3))
        masked: dict[str, Any] = {}
        if op.causal:
            masked = {"attn_mask": Unary("~", call("seen_keys", query, key)), "is_causal": True}
        for mask, what in zip(inputs[op.given :], node.inputs[op.given :], strict=True):
            masked = _hiding(op, mask, what, attr(query, "dtype"))
        return index(call(attention, query, key, value, **masked, need_weights=False), 0)

    helpers = (*(("seen_keys",) if op.causal else ()), *(() if op.blank else ("hide",)))
    return Layer(make, _packed(op, node), use=use, helpers=helpers, shows=ITSELF)


def _hiding(op: WholeHeads, mask: Expression, what: Value, dtype: Expression) -> dict[str, Expression]:
    """The mask as the module takes it: where it hides, or what to add."""
    batch, heads, queries, _ = what.shape
    name = "key_padding_mask" if queries == 1 else "attn_mask"
    if queries == 1:
        mask = index(mask, slice(None), 0, 0)
    elif batch == 1:
        mask = index(mask, 0, 0)
    else:
        each = mask if heads == op.heads else method(mask, "expand", -1, op.heads, -1, -1)
        mask = method(each, "flatten", 0, 1)
    return {name: Unary("~", mask) if op.blank else call("hide", mask, dtype)}


def _packed(op: WholeHeads, node: Node) -> dict[str, Weight]:
    """Queries, keys and values in one matrix, where the three are alike."""
    held: dict[str, Weight] = {}
    if set(op.features) == {op.width}:
        held["in_proj_weight"] = _joined(node, "weight")
    else:
        held |= {f"{side[0]}_proj_weight": weight(node, f"{side}.weight") for side in SIDES}
    if "query.bias" in node.params:
        held["in_proj_bias"] = _joined(node, "bias")
    held["out_proj.weight"] = weight(node, "out.weight")
    if "out.bias" in node.params:
        held["out_proj.bias"] = weight(node, "out.bias")
    return held


def _joined(node: Node, name: str) -> Weight:
    sides = [node.params[f"{side}.{name}"] for side in SIDES]
    return Weight(joined([side.tensor for side in sides]), sides[0].trainable, sides[0].name)


def torch_has(whole: Node) -> bool:
    """Whether torch's own module means the same: vectors of one size, masks as it takes them, weights trained
    together; and whether the source had such a layer, and no others whose names would be lost.

    A query that may look at no key gets zeros or NaN of it, as it takes the long way or the short one.
    """
    op = whole.op
    assert isinstance(op, WholeHeads)
    sizes = {op.features[0], op.outputs, op.width}
    trained = {param.trainable for name, param in whole.params.items() if not name.startswith("out")}
    own = whole.origin.kind == "MultiheadAttention"  # the source's is the very module
    named = (own or (whole.origin.kind == "MultiHeadAttention" and not op.blank)) and not op.apart
    sequences = all(value.rank == 3 for value in whole.inputs[: op.given])
    return (
        named
        and len(sizes) == len(trained) == 1
        and op.shared == op.heads
        and sequences
        and all(_is_taken(mask, op.heads) for mask in whole.inputs[op.given :])
    )


def _is_taken(mask: Value, heads: int) -> bool:
    """Whether it is one row of keys for each sequence, or for each query: of all sequences, or of each."""
    batch, apart, queries, keys = mask.shape
    if mask.dtype != "bool" or keys == 1:
        return False
    return apart == 1 and batch != 1 if queries == 1 else apart == 1 or (apart == heads and batch != 1)
