"""Attention of one head, without projections: by products, or by sums of tanh."""

from __future__ import annotations

from dataclasses import replace

from converters.keras.layer import LayerCall
from converters.keras.layers.attention_masks import both, seen, widened
from converters.keras.layers.attention_parts import Looked, penalty
from converters.keras.rules import rules
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Unary, Where
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Reshape
from porter.graph.regroup import Kept


@rules.reads("Attention")
def read_attention(layer: LayerCall) -> Value | tuple[Value, ...]:
    """Scores are products, times a number that is learnt; or, "concat", sums of tanh."""
    looked, blank = _looked(layer)
    scale = layer.variable("scale", ()) if layer.config.get("use_scale") else None
    if layer.config.get("score_mode", "dot") == "concat":
        outer = layer.variable("concat_score_weight", ())
        return _finished(layer, looked, blank, _tanh_sums(layer, looked, scale, outer))
    if scale is not None:
        with layer.part("scaled"):
            looked = replace(looked, query=layer.add(Binary("multiply"), looked.query, scale))
    scored = layer.kwargs.get("return_attention_scores")
    return _finished(layer, looked, blank, looked.products(layer, None) if scored else None)


@rules.reads("AdditiveAttention")
def read_additive_attention(layer: LayerCall) -> Value | tuple[Value, ...]:
    """Scores are sums of tanh, each with a weight that is learnt."""
    looked, blank = _looked(layer)
    outer = None
    if layer.config.get("use_scale", True):
        outer = layer.variable("scale", (layer.size(-1, looked.query),))
    return _finished(layer, looked, blank, _tanh_sums(layer, looked, None, outer))


def _looked(layer: LayerCall) -> tuple[Looked, Value | None]:
    """Who looks at what, and the mask of the queries."""
    if len(layer.inputs) not in (2, 3):
        raise layer.refuse(f"two or three inputs are expected, {len(layer.inputs)} are given")
    query, value, *keys = layer.inputs
    key = keys[0] if keys else value
    masks = layer.kwargs.get("mask") or [layer.context.masks.get(given) for given in (query, value)]
    mask = widened(layer, None, [masks[1]])
    # tf.keras once said it in the config
    causal = bool(layer.kwargs.get("use_causal_mask") or layer.config.get("causal"))
    if causal and mask is not None:
        mask, causal = both(layer, mask, seen(layer, query, key, True)), False
    return Looked(query, key, value, mask, causal, penalty(query.dtype)), masks[0]


def _tanh_sums(layer: LayerCall, looked: Looked, inner: Value | None, outer: Value | None) -> Value:
    """The sums over features of outer * tanh(inner * (query + key)), for all pairs."""
    with layer.part("scores"):
        pairs = layer.add(Binary("add"), _spread(layer, looked.query, 1), _spread(layer, looked.key, 2))
        if inner is not None:
            pairs = layer.add(Binary("multiply"), pairs, inner)
        pairs = layer.add(Unary("tanh"), pairs)
        if outer is not None:
            pairs = layer.add(Binary("multiply"), pairs, outer)
        return layer.add(Reduce("sum", (-1,)), pairs)


def _spread(layer: LayerCall, value: Value, back: int) -> Value:
    """`(..., t, 1, d)`, or `(..., 1, s, d)`."""
    kept, place = [Kept(axis) for axis in range(value.rank)], value.rank - back
    return layer.add(Reshape((*kept[:place], 1, *kept[place:])), value)


def _finished(
    layer: LayerCall, looked: Looked, blank: Value | None, scores: Value | None
) -> Value | tuple[Value, ...]:
    """The weighted sums, zero for queries that do not count; and the weights where they are asked for."""
    weights = None
    if scores is None:
        alone = looked.mask is None and blank is None and not layer.config.get("use_scale")
        result = looked.summed(layer, 1.0, alone)
    else:
        result, weights = looked.weighed(layer, looked.weights(layer, scores))
    if blank is not None:
        with layer.part("blanked"):
            wide = layer.add(Reshape((*(Kept(axis) for axis in range(blank.rank)), 1)), blank)
            result = layer.add(Where(), wide, result, layer.constant(0.0, result.dtype))
        layer.context.masks[result] = blank
    wanted = layer.kwargs.get("return_attention_scores") and weights is not None
    return (result, weights) if wanted and weights is not None else result
