"""Attention of several heads, with projections to each."""

from __future__ import annotations

from math import prod
from typing import Any

from converters.keras.dtypes import is_float
from converters.keras.layer import LayerCall
from converters.keras.layers.attention_axes import AttentionAxes
from converters.keras.layers.attention_masks import both, heads_apart, seen, truth, widened
from converters.keras.layers.attention_parts import Looked, penalty
from converters.keras.masks import TAKES_MASKS
from converters.keras.rules import rules
from converters.keras.spec import LayerSpec
from porter.dataclass import dataclass
from porter.graph.model import Param, Value
from porter.graph.ops.attention import MergeHeads, SplitHeads
from porter.graph.ops.elementwise import Binary, Unary
from porter.graph.ops.linear import Linear
from porter.graph.ops.reshaping import Reshape
from porter.graph.regroup import Kept

ARGUMENTS = (
    "query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask",
    "return_attention_scores", "training", "use_causal_mask",
)  # fmt: skip
"""What a call takes, in order."""


@dataclass(frozen=True)
class _Heads:
    """The sizes of a layer, as both kinds say them."""

    heads: int
    shared: int  # heads of keys and values
    depth: int
    width: int  # of each head of values
    outputs: tuple[int, ...] = ()  # none: as wide as the query


@dataclass(frozen=True)
class _Given:
    """What a call is given."""

    query: Value
    key: Value
    value: Value
    query_mask: Value | None
    key_masks: tuple[Value, ...]
    own_mask: Any
    causal: bool
    window: int | None
    scored: bool

    @property
    def hides(self) -> bool:
        """Whether there is more to hide than what comes later."""
        some = (self.query_mask, *self.key_masks, self.own_mask, self.window)
        return any(item is not None for item in some)


@rules.reads("MultiHeadAttention")
def read_multi_head(layer: LayerCall) -> Value | tuple[Value, ...]:
    heads, depth = int(layer.config["num_heads"]), int(layer.config["key_dim"])
    told = layer.config.get("output_shape")
    outputs = (told,) if isinstance(told, int) else tuple(told or ())
    width = int(layer.config.get("value_dim") or depth)
    return _read(layer, _Heads(heads, heads, depth, width, outputs))


@rules.reads("GroupedQueryAttention", "GroupQueryAttention")
def read_grouped_query(layer: LayerCall) -> Value | tuple[Value, ...]:
    """Several heads of queries share a head of keys and values."""
    heads, shared = (int(layer.config[f"num_{kind}_heads"]) for kind in ("query", "key_value"))
    depth = int(layer.config["head_dim"])
    return _read(layer, _Heads(heads, shared, depth, depth))


def _read(layer: LayerCall, sizes: _Heads) -> Value | tuple[Value, ...]:
    given = _given(layer)
    axes = AttentionAxes.of(layer, given.query.rank)
    if not axes.usual and (given.hides or given.causal):
        raise layer.refuse(
            "masks are not carried where other axes than that behind the batch are attended to"
        )
    query = _split(layer, "query", axes.merged(layer, given.query, "query"), sizes.heads, sizes.depth)
    key = _split(layer, "key", axes.merged(layer, given.key, "key"), sizes.shared, sizes.depth)
    gate = None
    if layer.config.get("use_gate"):
        gate = _linear(layer, "gate", axes.merged(layer, given.query, "gate"), sizes.heads, sizes.width)
    value = _split(layer, "value", axes.merged(layer, given.value, "value"), sizes.shared, sizes.width)
    mask = heads_apart(layer, _mask(layer, given), query.rank)
    lowered = None if _replaces(layer) else penalty(query.dtype)
    causal = given.causal and not given.hides
    groups, blank = sizes.heads // sizes.shared, _blanks(layer, given)
    looked = Looked(query, key, value, mask, causal, lowered, groups, blank)
    result, scores = _attended(layer, looked, sizes.depth**-0.5, given.scored)
    with layer.part("merged"):
        result = layer.add(MergeHeads(), result)
        if gate is not None:
            result = layer.add(Binary("multiply"), result, layer.add(Unary("sigmoid"), gate))
        result = axes.restored(layer, result, given.query)
    result = _output(layer, result, sizes, given.query)
    if given.query_mask is not None:
        layer.context.masks[result] = given.query_mask
    return result if scores is None else (result, axes.scores_restored(layer, scores, given.query, given.key))


def _replaces(layer: LayerCall) -> bool:
    """Whether the scores of hidden keys are replaced; else they are lowered, as tf.keras does by default."""
    return layer.context.generation >= 3 or bool(layer.config.get("softmax_robust_masking"))


def _blanks(layer: LayerCall, given: _Given) -> bool:
    """Whether a query that may look at no key gets zeros, not the mean of all values.

    Keras 3 takes its backend's function of products where it can, which has no dropout and gives no
    scores; its own softmax blanks what is hidden.
    """
    own_softmax = bool(layer.config.get("dropout")) or given.scored
    return layer.context.generation >= 3 and own_softmax


def _given(layer: LayerCall) -> _Given:
    told: dict[str, Any] = {**dict(zip(ARGUMENTS, layer.args, strict=False)), **layer.kwargs}
    query, masks = layer.inputs[0], layer.context.masks
    value = _like(layer, told["value"], query)
    key = value if told.get("key") is None else _like(layer, told["key"], query)
    columns = [told.get("value_mask") or masks.get(value)]
    if told.get("key") is not None:
        columns.append(told.get("key_mask") or masks.get(key))
    given = _Given(
        query,
        key,
        value,
        masks.get(query),  # Keras does not look at one that is given as an argument
        tuple(mask for mask in columns if mask is not None),
        told.get("attention_mask"),
        bool(told.get("use_causal_mask")),
        layer.config.get("sliding_window"),
        bool(told.get("return_attention_scores")),
    )
    _take_masks(layer, given)
    return given


def _take_masks(layer: LayerCall, given: _Given) -> None:
    """Keras 3 takes their masks away from its inputs, also for the layers that run later."""
    if layer.context.generation >= 3 and layer.spec.class_name in TAKES_MASKS:
        for value in (given.query, given.key, given.value):
            layer.context.masks.pop(value, None)


def _mask(layer: LayerCall, given: _Given) -> Value | None:
    """Which pairs of steps are seen, where more is hidden than what comes later."""
    if not given.hides:
        return None
    mask = widened(layer, given.query_mask, given.key_masks)
    if given.causal or given.window is not None:
        mask = both(layer, mask, seen(layer, given.query, given.value, given.causal, given.window))
    return mask if given.own_mask is None else both(layer, mask, truth(layer, given.own_mask))


def _like(layer: LayerCall, value: Any, query: Value) -> Value:
    """Another input in the type in which the layer computes, with its mask."""
    if not isinstance(value, Value):
        raise layer.refuse("one of its inputs is not a tensor")
    if not is_float(value.dtype) or value.dtype == query.dtype:
        return value
    result, masks = layer.cast(value, query.dtype), layer.context.masks
    if value in masks:
        masks[result] = masks[value]
    return result


def _attended(layer: LayerCall, looked: Looked, scale: float, scored: bool) -> tuple[Value, Value | None]:
    """The weighted sums, and the weights where they are asked for."""
    if not scored:
        return looked.summed(layer, scale), None
    weights = looked.weights(layer, looked.products(layer, scale))
    return looked.weighed(layer, weights)[0], weights


def _split(layer: LayerCall, name: str, x: Value, heads: int, depth: int) -> Value:
    value = _linear(layer, name, x, heads, depth)
    with layer.part(name):
        return layer.add(SplitHeads(heads), value)


def _linear(layer: LayerCall, name: str, x: Value, heads: int, depth: int) -> Value:
    inputs, held = layer.size(-1, x), _held(layer, name, f"_{name}_dense", x)
    params = {"weight": held.weight("kernel", (inputs, heads, depth), "c h d -> (h d) c")}
    if layer.config.get("use_bias", True):
        params["bias"] = held.weight("bias", (heads, depth), "h d -> (h d)")
    with layer.part(name):
        return layer.add(Linear(inputs, heads * depth), x, **params)


def _output(layer: LayerCall, x: Value, sizes: _Heads, query: Value) -> Value:
    outputs = sizes.outputs or (layer.size(-1, query),)
    held = _held(layer, "attention_output", "_output_dense", x)
    letters = " ".join(f"o{k}" for k in range(len(outputs)))
    shape = (sizes.heads, sizes.width, *outputs)
    move = f"h d {letters} -> ({letters}) (h d)"
    params: dict[str, Param] = {"weight": held.weight("kernel", shape, move)}
    if layer.config.get("use_bias", True):
        params["bias"] = held.weight("bias", outputs, f"{letters} -> ({letters})")
    with layer.part("output"):
        value = layer.add(Linear(sizes.heads * sizes.width, prod(outputs)), x, **params)
        if len(outputs) > 1:
            value = layer.add(Reshape((*(Kept(axis) for axis in range(x.rank - 1)), *outputs)), value)
        return value


def _held(layer: LayerCall, name: str, attribute: str, x: Value) -> LayerCall:
    """The layer inside this one that holds a projection's variables."""
    return layer.inner(LayerSpec("EinsumDense", name, {"dtype": layer.config.get("dtype")}), attribute, (x,))
