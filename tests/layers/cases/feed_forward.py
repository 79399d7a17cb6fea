"""Rows in which feed-forward layers meet masks, wrappers and old options."""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.layers.cases.case import Feed, LayerCase, feed, functional, ids, inputs_of, keras3, row

_TOKENS = ids(6, below=9, padded=True)


def _embedded(keras: Any, count: int) -> tuple[list[Any], list[Any]]:
    inputs = inputs_of(keras, (_TOKENS,) * count)
    tables = [keras.layers.Embedding(9, 4, mask_zero=True, name=f"embedding_{k}") for k in range(count)]
    return inputs, [table(one) for table, one in zip(tables, inputs, strict=True)]


def _merged(name: str, merge: str, **config: Any) -> LayerCase:
    """Two masked sequences merged, and the mask of the result put to use."""

    def build(keras: Any) -> Any:
        inputs, values = _embedded(keras, 2)
        merged = getattr(keras.layers, merge)(name="merge", **config)(values)
        mean = keras.layers.GlobalAveragePooling1D(name="mean")(merged)
        return keras.Model(inputs, [merged, mean], name="model")

    return keras3(LayerCase(name, build, (_TOKENS, _TOKENS), covers=(merge,)))


_MERGED_MASKS = (
    *(
        _merged(f"masked_{kind.lower()}", kind)
        for kind in ("Add", "Average", "Multiply", "Maximum", "Minimum")
    ),
    _merged("masked_concatenate", "Concatenate"),
    _merged("masked_concatenate_steps", "Concatenate", axis=1),
)


def _after_masking(keras: Any) -> Any:
    layers = keras.layers
    one = feed(6, 4)
    (steps,) = inputs_of(keras, (one,))
    kept = layers.Masking(mask_value=0.0, name="masking")(layers.ReLU(threshold=1.5, name="cut")(steps))
    return keras.Model(
        steps, layers.GlobalAveragePooling1D(name="mean")(layers.Dense(3, name="dense")(kept)), name="model"
    )


def _softmax_with_mask(keras: Any) -> Any:
    scores, mask = inputs_of(keras, (feed(4, 5), feed(4, 5, dtype="bool")))
    return keras.Model([scores, mask], keras.layers.Softmax(name="softmax")(scores, mask=mask), name="model")


_MASKS = (
    LayerCase("masking_mean", _after_masking, (feed(6, 4),), covers=("Masking",)),
    keras3(
        LayerCase(
            "softmax_layer_mask",
            _softmax_with_mask,
            (feed(4, 5), feed(4, 5, dtype="bool")),
            covers=("Softmax",),
        )
    ),
)


def _each_step(name: str, one: Feed, inner: Callable[[Any], Any], *, tf_keras: bool = True) -> LayerCase:
    def build(keras: Any) -> Any:
        return functional(keras, (one,), keras.layers.TimeDistributed(inner(keras), name="layer"))

    return LayerCase(name, build, (one,), covers=("TimeDistributed",), tf_keras=tf_keras)


def _net(keras: Any) -> Any:
    layers = keras.layers
    body = [
        keras.Input((6, 5, 2)),
        layers.Conv2D(3, 3, padding="same", name="conv"),
        layers.BatchNormalization(name="norm"),
        layers.GlobalAveragePooling2D(name="pool"),
        layers.Dense(4, name="dense"),
    ]
    return keras.Sequential(body, name="net")


def _two_wrapped_nets(keras: Any) -> Any:
    one = feed(3, 6, 5, 2)
    (frames,) = inputs_of(keras, (one,))
    left, right = (keras.layers.TimeDistributed(_net(keras), name=name)(frames) for name in ("left", "right"))
    return keras.Model(frames, keras.layers.Subtract(name="difference")([left, right]), name="model")


def _frames_classifier(keras: Any) -> Any:
    layers = keras.layers
    one = feed(3, 9, 8, 2)
    (frames,) = inputs_of(keras, (one,))
    x = layers.TimeDistributed(layers.Conv2D(4, 3, activation="relu", name="c"), name="conv")(frames)
    x = layers.TimeDistributed(layers.MaxPooling2D(2, name="p"), name="pool")(x)
    x = layers.TimeDistributed(layers.Flatten(name="f"), name="flat")(x)
    x = layers.TimeDistributed(layers.Dense(5, name="d"), name="dense")(x)
    return keras.Model(frames, layers.GlobalAveragePooling1D(name="mean")(x), name="model")


_FRAMES = feed(3, 6, 5, 2)
_WRAPPED = (
    _each_step("time_distributed_dynamic", feed(None, 6, 5, 2), lambda keras: keras.layers.Conv2D(3, 3, name="inner")),
    _each_step("time_distributed_separable", _FRAMES, lambda keras: keras.layers.SeparableConv2D(3, 3, name="inner")),
    _each_step("time_distributed_layer_norm", feed(4, 5), lambda keras: keras.layers.LayerNormalization(name="inner")),
    _each_step("time_distributed_conv1d", feed(3, 8, 2), lambda keras: keras.layers.Conv1D(4, 3, name="inner")),
    _each_step("time_distributed_global", _FRAMES, lambda keras: keras.layers.GlobalMaxPooling2D(name="inner")),
    _each_step("time_distributed_reshape", feed(3, 6), lambda keras: keras.layers.Reshape((2, 3), name="inner")),
    LayerCase("time_distributed_two_nets", _two_wrapped_nets, (_FRAMES,), covers=("TimeDistributed",)),
    LayerCase("time_distributed_frames", _frames_classifier, (feed(3, 9, 8, 2),), covers=("TimeDistributed",)),
)  # fmt: skip

_OPTIONS = (
    row("average_broadcast", "Average", feed(4, 5, 3), feed(1, 1, 3)),
    row("concatenate_one", "Concatenate", feed(4), feed(4), feed(4), axis=1),
    row("group_norm_volume", "GroupNormalization", feed(3, 4, 5, 4), groups=2),
    row("batch_norm_volume_axis_2", "BatchNormalization", feed(3, 4, 5, 2), axis=2),
    row("batch_norm_rank_6", "BatchNormalization", feed(2, 3, 2, 3, 4)),
    row("batch_norm_rank_6_axis_1", "BatchNormalization", feed(2, 3, 2, 3, 4), axis=1),
    row("spatial_dropout3d_first", "SpatialDropout3D", feed(2, 3, 4, 5), rate=0.3, data_format="channels_first"),
)  # fmt: skip

CASES: tuple[LayerCase, ...] = (*_MERGED_MASKS, *_MASKS, *_WRAPPED, *_OPTIONS)
