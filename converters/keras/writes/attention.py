"""Attention: heads, who may look at whom, and the weighted sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.keras.rules import rules
from converters.keras.writes.making import layer, op, softmax, stored
from porter.errors import UnsupportedModel
from porter.graph.dims import Dim
from porter.graph.model import Node
from porter.graph.ops.attention import FILL, Attention, HideScores, MergeHeads, SeenKeys, SplitHeads
from porter.source.code import Call, Expression, Name, binary, call, index
from porter.source.statements import Statement, assign
from porter.writing.forms import Expressions, Form, Inline, Layer, Names, Weight
from porter.writing.weights import weight
from porter.writing.whole_heads import SIDES, WholeHeads


@rules.writes(WholeHeads)
def write_whole_heads(op_: WholeHeads, node: Node) -> Form:
    settings: dict[str, Any] = {"dropout": op_.dropout, "use_bias": "query.bias" in node.params}
    if op_.outputs != op_.features[0]:
        settings["output_shape"] = op_.outputs
    depth, grouped = op_.width // op_.heads, op_.shared != op_.heads
    if grouped:
        make = layer("GroupQueryAttention", node, depth, op_.heads, op_.shared, **settings)
    else:
        make = layer("MultiHeadAttention", node, op_.heads, depth, **settings)
    inside = "_" if grouped else ""  # before the names under which it stores its projections
    held: dict[str, Weight] = {}
    for side in SIDES:
        heads = op_.heads if side == "query" else op_.shared
        kernel = weight(node, f"{side}.weight", "(h d) i -> i h d", h=heads)
        bias = f"{side}.bias"
        more = weight(node, bias, "(h d) -> h d", h=heads) if bias in node.params else None
        held |= stored([kernel, more], f"{inside}{side}_dense")
    kernel = weight(node, "out.weight", "o (h d) -> h d o", h=op_.heads)
    more = weight(node, "out.bias") if "out.bias" in node.params else None
    held |= stored([kernel, more], f"{inside}output_dense")

    def use(own: Expression, query: Expression, *others: Expression) -> Expression:
        masks = others[op_.given - 1 :]
        key = others[0] if op_.given > 1 else query
        value = others[1] if op_.given > 2 else key
        told: dict[str, Any] = {"key": key} if op_.given > 2 else {}
        if masks:  # one for all heads
            told["attention_mask"] = index(masks[0], slice(None), 0)
        return call(own, query, value, **told, **({"use_causal_mask": True} if op_.causal else {}))

    return Layer(make, held, use=use)


def keras_has(whole: Node) -> bool:
    """Whether Keras's layers mean the same: sequences, one mask for all heads; where heads of queries share
    one of keys and values, results as wide as the queries."""
    op_ = whole.op
    assert isinstance(op_, WholeHeads)
    masks = whole.inputs[op_.given :]
    plain = all(mask.shape[1] == 1 and mask.dtype == "bool" and not op_.dropout for mask in masks)
    alike = op_.features[1] == op_.features[2] and not op_.blank
    sized = op_.shared == op_.heads or op_.outputs == op_.features[0]
    return alike and sized and all(v.rank == 3 for v in whole.inputs[: op_.given]) and plain


HALF_FILL = -45000.0
"""The fill, within what float16 holds."""


@rules.writes(SplitHeads)
def write_split_heads(op_: SplitHeads, node: Node) -> Form:
    *lead, width = node.inputs[0].shape
    depth = width // op_.heads if isinstance(width, int) else None
    return _reshaped(node, [*lead, op_.heads, depth], first=False)


@rules.writes(MergeHeads)
def write_merge_heads(op_: MergeHeads, node: Node) -> Form:
    return _reshaped(node, list(node.outputs[0].shape), first=True)


def _reshaped(node: Node, wanted: Sequence[Dim | None], *, first: bool) -> Form:
    """A reshape after heads and steps have changed places (`first`), or before."""
    sizes = [size if isinstance(size, int) else None for size in wanted]
    opened = [place for place, size in enumerate(sizes) if size is None]
    if len(opened) > 2 or (len(opened) == 2 and opened[0] != 0):
        raise UnsupportedModel(f"{node.origin}: heads of a tensor of which more than two sizes are not known")
    told = tuple(-1 if size is None else size for size in sizes)

    def shaped(x: Expression) -> Call:
        if len(opened) > 1:
            return call(layer("Reshape", node, told[1:]), x)
        return op("reshape", x, told)

    def turned(x: Expression) -> Call:
        return op("swapaxes", x, -3, -2)

    return Inline(lambda x: shaped(turned(x)) if first else turned(shaped(x)))


@rules.writes(SeenKeys)
def write_seen_keys(op_: SeenKeys, node: Node) -> Form:
    """Places are counted, as sizes may be known only when the model runs."""

    def build(query: Expression, key: Expression) -> Expression:
        row = index(_places(query, node.inputs[0].rank), slice(None), None)
        column = index(_places(key, node.inputs[1].rank), None, slice(None))
        near = op("less", op("absolute", binary("-", row, column)), op_.window)
        if not op_.causal:
            return near
        seen = binary(">=", row, column)
        return seen if op_.window is None else op("logical_and", seen, near)

    return Inline(build)


def _places(x: Expression, rank: int) -> Call:
    """1, 2, 3, ... for the steps of `(..., t, d)`."""
    steps = index(x, *[0] * (rank - 2), slice(None), 0)
    return op("cumsum", op("ones_like", steps, dtype="int32"), axis=0)


@rules.writes(HideScores)
def write_hide_scores(op_: HideScores, node: Node) -> Form:
    dtype = node.inputs[0].dtype
    return Inline(lambda scores, mask: _hidden(scores, mask, op_.penalty, dtype))


def _hidden(scores: Expression, mask: Expression, penalty: float | None, dtype: str) -> Call:
    """Scores with those of hidden keys lowered or replaced."""
    if penalty is None:
        return op("where", mask, scores, HALF_FILL if dtype == "float16" else FILL)
    wide = scores if dtype == "float32" else op("cast", scores, "float32")
    lowered = binary("-", wide, penalty)
    return op("where", mask, scores, lowered if dtype == "float32" else op("cast", lowered, dtype))


@rules.writes(Attention)
def write_attention(op_: Attention, node: Node) -> Form:
    """The textbook's lines; what drops weights out in training is a layer."""
    if op_.dropout:
        make = layer("Dropout", node, op_.dropout)
        return Layer(make, statements=lambda inputs, names: _lines(op_, node, inputs[1:], names, inputs[0]))
    return Inline(lambda *x: x[0], statements=lambda inputs, names: _lines(op_, node, inputs, names, None))


def _lines(
    op_: Attention, node: Node, inputs: Expressions, names: Names, dropout: Expression | None
) -> list[Statement]:
    query, key, value, *masks = inputs
    dtype = node.inputs[0].dtype
    if op_.groups > 1:
        key, value = (op("repeat", part, op_.groups, axis=1) for part in (key, value))
        if node.inputs[1].rank != 4:
            raise UnsupportedModel(f"{node.origin}: grouped heads of a tensor that is not (n, heads, t, d)")
    name, scores = "scores", Name("scores")  # names that no value has
    product = op("matmul", query, op("swapaxes", key, -2, -1))
    lines: list[Statement] = [assign(name, binary("*", product, _scale(op_, node)))]
    if op_.causal:
        seen = binary(">", op("tril", op("ones_like", scores)), 0)
        lines.append(assign(name, _hidden(scores, seen, None, dtype)))
    if masks:
        lines.append(assign(name, _hidden(scores, masks[0], op_.penalty, dtype)))
    lines.append(assign(name, softmax(scores, node.inputs[0].rank)))
    if masks and op_.blank:
        lines.append(assign(name, op("where", masks[0], scores, 0.0)))
    weights: Expression = scores if dropout is None else call(dropout, scores)
    return [*lines, assign(names[0] or "_", op("matmul", weights, value))]


def _scale(op_: Attention, node: Node) -> float:
    depth = node.inputs[0].shape[-1]
    if op_.scale is not None:
        return op_.scale
    if not isinstance(depth, int):
        raise UnsupportedModel(f"{node.origin}: attention over vectors whose size is not known")
    return float(depth**-0.5)
