"""Rows of attention layers: every option and mask, and the networks that people build of them."""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from typing import Any

from tests.layers.cases.case import Feed, LayerCase, feed, ids, keras3, row
from tests.layers.cases.recurrent import Build, made

_Q, _V, _K = feed(5, 6), feed(7, 4), feed(7, 3)
_Q_MASK, _V_MASK = feed(5, dtype="bool"), feed(7, dtype="bool")
_PAIRS = feed(5, 7, dtype="bool")
_OWN = feed(5, 5, dtype="bool")


def _listed(result: Any) -> Any:
    return list(result) if isinstance(result, (list, tuple)) else result


def _heads(name: str, *feeds: Feed, call: dict[str, Any] | None = None, **config: Any) -> LayerCase:
    """Multi-head attention over the inputs as query, value and key."""
    settings = {"num_heads": 2, "key_dim": 3, **config}

    def build(keras: Any, inputs: list[Any]) -> Any:
        sides = inputs if len(inputs) > 1 else [inputs[0], inputs[0]]
        return _listed(keras.layers.MultiHeadAttention(name="layer", **settings)(*sides, **(call or {})))

    return made(f"multi_head_{name}", ("MultiHeadAttention",), feeds, build)


def _grouped(name: str, *feeds: Feed, call: dict[str, Any] | None = None, **config: Any) -> LayerCase:
    settings = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2, **config}

    def build(keras: Any, inputs: list[Any]) -> Any:
        sides = inputs if len(inputs) > 1 else [inputs[0], inputs[0]]
        return _listed(keras.layers.GroupQueryAttention(name="layer", **settings)(*sides, **(call or {})))

    return keras3(made(f"grouped_query_{name}", ("GroupedQueryAttention",), feeds, build))


_SCORES = {"return_attention_scores": True}
_CAUSAL = {"use_causal_mask": True}

_MULTI_HEAD = (
    _heads("self", _Q),
    _heads("cross", _Q, _V),
    _heads("cross_key", _Q, _V, _K),
    _heads("value_dim", _Q, _V, value_dim=5),
    _heads("output_shape", _Q, _V, output_shape=5),
    _heads("output_shape_two_axes", _Q, output_shape=(3, 2)),
    _heads("no_bias", _Q, use_bias=False),
    _heads("dropout", _Q, dropout=0.3),
    _heads("scores", _Q, _V, call=_SCORES),
    _heads("scores_dropout", _Q, dropout=0.3, call=_SCORES),
    _heads("causal", _Q, call=_CAUSAL),
    _heads("causal_cross", _Q, _V, call=_CAUSAL),
    _heads("causal_scores", _Q, call={**_CAUSAL, **_SCORES}),
    _heads("causal_dropout", _Q, dropout=0.3, call=_CAUSAL),
    _heads("dynamic", feed(None, 6)),
    _heads("dynamic_causal_scores", feed(None, 6), call={**_CAUSAL, **_SCORES}),
    _heads("image_all_axes", feed(3, 4, 6)),
    _heads("image_first_axis", feed(3, 4, 6), attention_axes=1),
    _heads("image_second_axis", feed(3, 4, 6), attention_axes=(2,)),
    keras3(_heads("image_scores", feed(3, 4, 6), dropout=0.1)),
    keras3(_heads("window", feed(8, 6), sliding_window=2)),
    keras3(_heads("window_causal", feed(8, 6), sliding_window=3, call=_CAUSAL)),
    keras3(_heads("window_causal_scores", feed(8, 6), sliding_window=3, call={**_CAUSAL, **_SCORES})),
    keras3(_heads("gate", _Q, _V, use_gate=True)),
    keras3(_heads("gate_value_dim", _Q, use_gate=True, value_dim=5, use_bias=False)),
)

_GROUPED = (
    _grouped("self", feed(5, 6)),
    _grouped("cross", feed(5, 6), feed(7, 6)),
    _grouped("one_head", feed(5, 6), num_key_value_heads=1),
    _grouped("causal", feed(5, 6), call=_CAUSAL),
    _grouped("scores", feed(5, 6), call=_SCORES),
    _grouped("dropout_no_bias", feed(5, 6), dropout=0.2, use_bias=False),
    _grouped("window_causal", feed(8, 6), sliding_window=3, call=_CAUSAL),
    _grouped("gate", feed(5, 6), use_gate=True),
)


def _masked(name: str, *feeds: Feed, layer: str = "MultiHeadAttention", call: dict[str, Any] | None = None, **config: Any) -> LayerCase:
    """A mask over pairs of steps is an input of the model."""
    usual = {"num_heads": 2, "key_dim": 3} if layer == "MultiHeadAttention" else {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}

    def build(keras: Any, inputs: list[Any]) -> Any:
        *sides, mask = inputs
        sides = sides if len(sides) > 1 else [sides[0], sides[0]]
        return _listed(getattr(keras.layers, layer)(name="layer", **usual, **config)(*sides, attention_mask=mask, **(call or {})))

    return made(f"masked_{name}", (layer.replace("GroupQ", "GroupedQ"),), feeds, build)


_PAIR_MASKS = (
    keras3(_masked("self", _Q, _OWN)),
    keras3(_masked("cross", _Q, _V, _PAIRS)),
    keras3(_masked("heads", _Q, _V, feed(2, 5, 7, dtype="bool"))),
    keras3(_masked("all_heads", _Q, _V, feed(1, 5, 7, dtype="bool"))),
    keras3(_masked("causal", _Q, _OWN, call=_CAUSAL)),
    keras3(_masked("scores", _Q, _OWN, call=_SCORES)),
    keras3(_masked("causal_scores", _Q, _OWN, call={**_CAUSAL, **_SCORES})),
    keras3(_masked("dropout", _Q, _OWN, dropout=0.2)),
    keras3(_masked("window", _Q, _OWN, sliding_window=2)),
    keras3(_masked("grouped", feed(5, 6), _OWN, layer="GroupQueryAttention")),
    keras3(_masked("grouped_scores", feed(5, 6), _OWN, layer="GroupQueryAttention", call={**_CAUSAL, **_SCORES})),
)


def _one(name: str, layer: str, *feeds: Feed, call: dict[str, Any] | None = None, masks: bool = False, **config: Any) -> LayerCase:
    """One head; where there are masks, the last two inputs are those of query and value."""

    def build(keras: Any, inputs: list[Any]) -> Any:
        sides = inputs[:-2] if masks else inputs
        given = {"mask": inputs[-2:]} if masks else {}
        sides = sides if len(sides) > 1 else [sides[0], sides[0]]
        return _listed(getattr(keras.layers, layer)(name="layer", **config)(list(sides), **given, **(call or {})))

    kind = {"Attention": "attention", "AdditiveAttention": "additive"}[layer]
    return made(f"{kind}_{name}", (layer,), feeds, build)


def _both(name: str, *feeds: Feed, **settings: Any) -> tuple[LayerCase, ...]:
    """The row for both layers; tf.keras wants additive queries and values of one width."""
    products = _one(name, "Attention", *feeds, **settings)
    sums = _one(name, "AdditiveAttention", *feeds, **settings)
    widths = {one.shape[-1] for one in feeds if one.dtype == "float32"}
    return products, sums if len(widths) == 1 else keras3(sums)


_SIDE_Q, _SIDE_V, _SIDE_K = feed(5, 4), feed(7, 3), feed(7, 4)
_ONE_HEAD = (
    *_both("self", feed(5, 4)),
    *_both("value", feed(5, 4), feed(7, 4)),
    *_both("key", _SIDE_Q, _SIDE_V, _SIDE_K),
    *_both("scale", _SIDE_Q, _SIDE_V, _SIDE_K, use_scale=True),
    *_both("no_scale", _SIDE_Q, _SIDE_V, _SIDE_K, use_scale=False),
    *_both("dropout", feed(5, 4), dropout=0.3),
    *_both("scores", _SIDE_Q, _SIDE_V, _SIDE_K, call=_SCORES, dropout=0.2),
    *_both("causal", feed(5, 4), call=_CAUSAL),
    *_both("causal_cross", _SIDE_Q, _SIDE_V, _SIDE_K, call=_CAUSAL),
    *_both("masks", _SIDE_Q, _SIDE_V, _SIDE_K, _Q_MASK, _V_MASK, masks=True),
    *_both("masks_causal", _SIDE_Q, _SIDE_V, _SIDE_K, _Q_MASK, _V_MASK, masks=True, call={**_CAUSAL, **_SCORES}),
    *_both("dynamic", feed(None, 4, dynamic=(6,))),
    _one("concat", "Attention", _SIDE_Q, _SIDE_V, _SIDE_K, score_mode="concat"),
    _one("concat_scale", "Attention", _SIDE_Q, _SIDE_V, _SIDE_K, score_mode="concat", use_scale=True),
    _one("concat_masks", "Attention", _SIDE_Q, _SIDE_V, _SIDE_K, _Q_MASK, _V_MASK, masks=True, score_mode="concat"),
    _one("scale_masks", "Attention", _SIDE_Q, _SIDE_V, _SIDE_K, _Q_MASK, _V_MASK, masks=True, use_scale=True),
    _one("four_axes", "Attention", feed(2, 5, 4), feed(2, 7, 4)),
)


def _einsum(name: str, equation: str, output: Any, one: Feed, **config: Any) -> LayerCase:
    return row(f"einsum_dense_{name}", "EinsumDense", one, equation=equation, output_shape=output, **config)


_EINSUM = (
    _einsum("plain", "ab,bc->ac", 5, feed(4), bias_axes="c"),
    _einsum("steps", "abc,cd->abd", (None, 5), feed(6, 4), bias_axes="d", activation="relu"),
    _einsum("ellipsis", "...x,xy->...y", 5, feed(6, 3, 4), bias_axes="y"),
    _einsum("ellipsis_none", "...x,xy->...y", 5, feed(4)),
    _einsum("ellipsis_two", "...xz,xzy->...y", 5, feed(6, 3, 4), bias_axes="y"),
    _einsum("heads", "abc,cde->abde", (None, 2, 3), feed(6, 4), bias_axes="de"),
    _einsum("heads_partial_bias", "abc,cde->abde", (None, 2, 3), feed(6, 4), bias_axes="e"),
    _einsum("heads_first_bias", "abc,cde->abde", (None, 2, 3), feed(6, 4), bias_axes="d"),
    _einsum("merge", "abde,dec->abc", (None, 5), feed(6, 2, 3), bias_axes="c"),
    _einsum("merge_turned", "abde,edc->abc", (None, 5), feed(6, 2, 3)),
    _einsum("mix_steps", "abc,bd->adc", (5, 4), feed(6, 4), bias_axes="dc"),
    _einsum("mix_steps_bias", "abc,bd->adc", (5, 4), feed(6, 4), bias_axes="d"),
    _einsum("behind", "ab...,bc->ac...", 5, feed(4, 3, 2), bias_axes="c"),
    _einsum("each_step", "abc,bcd->abd", (6, 5), feed(6, 4), bias_axes="bd"),
    _einsum("depthwise", "abc,c->abc", (None, 4), feed(6, 4), bias_axes="c"),
    _einsum("dynamic", "abc,cd->abd", (None, 5), feed(None, 4), bias_axes="d"),
)


def _reversible(name: str, **config: Any) -> LayerCase:
    """Ids to vectors, a layer, and back to one number for each id."""

    def build(keras: Any, inputs: list[Any]) -> Any:
        layer = keras.layers.ReversibleEmbedding(9, 4, name="layer", **config)
        return layer(keras.layers.Dense(4, name="dense")(layer(inputs[0])), reverse=True)

    return keras3(made(f"reversible_embedding_{name}", ("ReversibleEmbedding",), (ids(6, below=9),), build))


_REVERSIBLE = (
    _reversible("tied"),
    _reversible("own", tie_weights=False),
    _reversible("capped", logit_soft_cap=3.0),
    keras3(row("reversible_embedding_forward", "ReversibleEmbedding", ids(6, below=9), input_dim=9, output_dim=4)),
)


def _embedded(keras: Any, tokens: Any, width: int, name: str, masked: bool = True) -> Any:
    return keras.layers.Embedding(12, width, mask_zero=masked, name=name)(tokens)


def _feed_forward(keras: Any, values: Any, name: str) -> Any:
    layers = keras.layers
    hidden = layers.Dense(10, activation="gelu", name=f"{name}_hidden")(values)
    hidden = layers.Dense(values.shape[-1], name=f"{name}_back")(hidden)
    return layers.Dropout(0.1, name=f"{name}_dropout")(hidden)


def _encoder_block(keras: Any, values: Any, name: str) -> Any:
    layers = keras.layers
    attention = layers.MultiHeadAttention(2, 4, dropout=0.1, name=f"{name}_attention")
    values = layers.Add(name=f"{name}_add_1")([values, attention(values, values)])
    values = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm_1")(values)
    values = layers.Add(name=f"{name}_add_2")([values, _feed_forward(keras, values, name)])
    return layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm_2")(values)


def _encoder(masked: bool) -> Build:
    def build(keras: Any, inputs: list[Any]) -> Any:
        values = _embedded(keras, inputs[0], 8, "tokens", masked)
        places = _embedded(keras, inputs[1], 8, "places", False)
        values = keras.layers.Add(name="embedded")([values, places])
        for block in range(2):
            values = _encoder_block(keras, values, f"block_{block}")
        values = keras.layers.GlobalAveragePooling1D(name="pooled")(values)
        return keras.layers.Dense(3, activation="softmax", name="classes")(values)

    return build


def _translator(keras: Any, inputs: list[Any]) -> Any:
    layers = keras.layers
    source = _encoder_block(keras, _embedded(keras, inputs[0], 8, "source"), "encoder")
    target = _embedded(keras, inputs[1], 8, "target")
    own = layers.MultiHeadAttention(2, 4, name="own")(target, target, use_causal_mask=True)
    target = layers.LayerNormalization(name="own_norm")(layers.Add(name="own_add")([target, own]))
    cross = layers.MultiHeadAttention(2, 4, name="cross")(target, source)
    target = layers.LayerNormalization(name="cross_norm")(layers.Add(name="cross_add")([target, cross]))
    target = layers.Add(name="last_add")([target, _feed_forward(keras, target, "feed")])
    return layers.Dense(12, activation="softmax", name="next")(target)


def _vision(keras: Any, inputs: list[Any]) -> Any:
    layers = keras.layers
    values = layers.Conv2D(8, 4, strides=4, name="patches")(inputs[0])
    values = layers.Reshape((6, 8), name="sequence")(values)
    for block in range(2):
        normed = layers.LayerNormalization(epsilon=1e-6, name=f"norm_{block}")(values)
        attended = layers.MultiHeadAttention(2, 4, dropout=0.1, name=f"attention_{block}")(normed, normed)
        values = layers.Add(name=f"add_{block}")([values, attended])
        normed = layers.LayerNormalization(epsilon=1e-6, name=f"norm_{block}_b")(values)
        values = layers.Add(name=f"add_{block}_b")([values, _feed_forward(keras, normed, f"feed_{block}")])
    values = layers.LayerNormalization(epsilon=1e-6, name="norm")(values)
    return layers.Dense(4, name="classes")(layers.Flatten(name="flatten")(values))


def _seq2seq(layer: str) -> Build:
    """An LSTM encoder and decoder with attention between, as tutorials have it."""

    def build(keras: Any, inputs: list[Any]) -> Any:
        layers = keras.layers
        source = layers.LSTM(5, return_sequences=True, name="encoder")(_embedded(keras, inputs[0], 6, "source"))
        target = layers.LSTM(5, return_sequences=True, name="decoder")(_embedded(keras, inputs[1], 6, "target"))
        context = getattr(layers, layer)(name="attention")([target, source])
        return layers.Dense(12, name="next")(layers.Concatenate(name="both")([target, context]))

    return build


def _mask_taken(keras: Any, inputs: list[Any]) -> Any:
    """A value whose mask multi-head attention has used, used again."""
    layers = keras.layers
    values = _embedded(keras, inputs[0], 8, "tokens")
    once = layers.MultiHeadAttention(2, 4, name="once")(values, values)
    twice = layers.MultiHeadAttention(2, 4, name="twice")(once, values)
    both = layers.Add(name="both")([values, twice])
    return [layers.GlobalAveragePooling1D(name="a")(both), layers.GlobalAveragePooling1D(name="b")(twice)]


def _mask_taken_beside(keras: Any, inputs: list[Any]) -> Any:
    """Several layers beside one another on a masked value: the one that Keras runs first has the mask."""
    layers = keras.layers
    values = _embedded(keras, inputs[0], 8, "tokens")
    found = [layers.MultiHeadAttention(2, 4, name=f"heads_{place}")(values, values) for place in range(2)]
    found += [layers.Attention(name="one")([values, values])]
    return [layers.GlobalAveragePooling1D(name=f"mean_{k}")(one) for k, one in enumerate(found)]


def _heads_in_half(keras: Any, inputs: list[Any]) -> Any:
    heads = keras.layers.MultiHeadAttention(2, 4, dtype="mixed_float16", name="heads")
    return heads(inputs[0], inputs[0])


_PADDED, _FREE = ids(7, below=12, padded=True), ids(7, below=4)
_NETWORKS = (
    made("transformer_encoder", ("MultiHeadAttention",), (ids(6, below=12), ids(6, below=12)), _encoder(False)),
    made("transformer_encoder_masked", ("MultiHeadAttention",), (_PADDED, ids(7, below=12)), _encoder(True)),
    made("transformer_encoder_dynamic", ("MultiHeadAttention",), (ids(None, below=12), ids(None, below=12)), _encoder(False)),
    made("transformer_translator", ("MultiHeadAttention",), (_PADDED, ids(5, below=12, padded=True)), _translator),
    made("transformer_translator_gaps", ("MultiHeadAttention",), (_FREE, ids(5, below=4)), _translator),
    made("vision_transformer", ("MultiHeadAttention",), (feed(8, 12, 3),), _vision),
    made("seq2seq_attention", ("Attention",), (_PADDED, ids(5, below=12, padded=True)), _seq2seq("Attention")),
    made("seq2seq_additive_gaps", ("AdditiveAttention",), (_FREE, ids(5, below=4)), _seq2seq("AdditiveAttention")),
    made("mask_taken", ("MultiHeadAttention",), (_PADDED,), _mask_taken),
    keras3(made("heads_mixed_float16", ("MultiHeadAttention",), (feed(5, 8),), _heads_in_half)),
    made("mask_taken_beside", ("MultiHeadAttention",), (_PADDED,), _mask_taken_beside),
)

CASES: tuple[LayerCase, ...] = (
    *_MULTI_HEAD, *_GROUPED, *_PAIR_MASKS, *_ONE_HEAD, *_EINSUM, *_REVERSIBLE, *_NETWORKS,
)  # fmt: skip
