"""Rows of TimeDistributed and Bidirectional, and of masks on their way from an Embedding."""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.layers.cases.case import Feed, LayerCase, feed, functional, ids, inputs_of, row


def _wrapping(
    name: str, wrapper: str, one: Feed, inner: Callable[[Any], Any], covers: str, **config: Any
) -> LayerCase:
    def build(keras: Any) -> Any:
        return functional(keras, (one,), getattr(keras.layers, wrapper)(inner(keras), name="layer", **config))

    return LayerCase(name, build, (one,), covers=(wrapper, covers))


def _small_net(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6, 5, 2)),
            layers.Conv2D(3, 3, activation="relu", name="conv"),
            layers.Flatten(name="flatten"),
            layers.Dense(4, name="dense"),
        ],
        name="net",
    )


_FRAMES = feed(3, 6, 5, 2)
_TIME_DISTRIBUTED = (
    _wrapping("time_distributed_dense", "TimeDistributed", feed(4, 5), lambda keras: keras.layers.Dense(3, name="inner"), "Dense"),
    _wrapping("time_distributed_dense_4d", "TimeDistributed", feed(4, 2, 5), lambda keras: keras.layers.Dense(3, name="inner"), "Dense"),
    _wrapping("time_distributed_conv2d", "TimeDistributed", _FRAMES, lambda keras: keras.layers.Conv2D(3, 3, strides=2, padding="same", name="inner"), "Conv2D"),
    _wrapping("time_distributed_max_pooling", "TimeDistributed", _FRAMES, lambda keras: keras.layers.MaxPooling2D(2, name="inner"), "MaxPooling2D"),
    _wrapping("time_distributed_batch_norm", "TimeDistributed", feed(4, 5), lambda keras: keras.layers.BatchNormalization(name="inner"), "BatchNormalization"),
    _wrapping("time_distributed_flatten", "TimeDistributed", _FRAMES, lambda keras: keras.layers.Flatten(name="inner"), "Flatten"),
    _wrapping("time_distributed_model", "TimeDistributed", _FRAMES, _small_net, "Conv2D"),
)  # fmt: skip


def _bidirectional(cell: str, mode: str | None, **config: Any) -> LayerCase:
    def inner(keras: Any) -> Any:
        return getattr(keras.layers, cell)(4, name="inner", **config)

    ending = "_sequences" if config.get("return_sequences") else ""
    name = f"bidirectional_{cell.lower()}_{mode}{ending}".lower()
    return _wrapping(name, "Bidirectional", feed(5, 3), inner, cell, merge_mode=mode)


_MODES = ("concat", "sum", "mul", "ave", None)
_BIDIRECTIONAL = tuple(
    _bidirectional(cell, mode, return_sequences=sequences)
    for cell in ("LSTM", "GRU")
    for mode in _MODES
    for sequences in (False, True)
)

_RECURRENT = (
    row("lstm", "LSTM", feed(5, 3), units=4),
    row("lstm_sequences", "LSTM", feed(5, 3), units=4, return_sequences=True),
    row("lstm_backwards", "LSTM", feed(5, 3), units=4, return_sequences=True, go_backwards=True),
    row("gru", "GRU", feed(5, 3), units=4),
    row("gru_sequences", "GRU", feed(5, 3), units=4, return_sequences=True),
    row("gru_reset_before", "GRU", feed(5, 3), units=4, reset_after=False),
)


def _masked(name: str, covers: tuple[str, ...], after: Callable[[Any, Any], Any]) -> LayerCase:
    """An Embedding with mask_zero, whose mask reaches what `after` builds on it."""
    one = ids(6, below=9, padded=True)

    def build(keras: Any) -> Any:
        (tokens,) = inputs_of(keras, (one,))
        embedded = keras.layers.Embedding(9, 4, mask_zero=True, name="embedding")(tokens)
        return keras.Model(tokens, after(keras.layers, embedded), name="model")

    return LayerCase(name, build, (one,), covers=("Embedding", *covers))


def _bilstm_classifier(layers: Any, embedded: Any) -> Any:
    encoded = layers.Bidirectional(layers.LSTM(3, name="inner"), name="bilstm")(embedded)
    return layers.Dense(2, activation="softmax", name="classes")(encoded)


def _mask_through(layers: Any, embedded: Any) -> Any:
    values = layers.Dropout(0.3, name="dropout")(embedded)
    values = layers.Dense(5, activation="tanh", name="dense")(values)
    values = layers.Activation("relu", name="relu")(values)
    return layers.GlobalAveragePooling1D(name="mean")(values)


_MASKS = (
    _masked("mask_average", ("GlobalAveragePooling1D",), lambda layers, x: layers.GlobalAveragePooling1D(name="mean")(x)),
    _masked("mask_lstm", ("LSTM",), lambda layers, x: layers.LSTM(3, name="lstm")(x)),
    _masked("mask_lstm_sequences", ("LSTM",), lambda layers, x: layers.LSTM(3, return_sequences=True, name="lstm")(x)),
    _masked("mask_gru", ("GRU",), lambda layers, x: layers.GRU(3, name="gru")(x)),
    _masked("mask_through_layers", ("GlobalAveragePooling1D",), _mask_through),
    _masked("mask_bilstm_classifier", ("Bidirectional", "LSTM"), _bilstm_classifier),
    _masked("mask_flatten_dense", ("Flatten",), lambda layers, x: layers.Dense(3, name="dense")(layers.Flatten(name="flat")(x))),
)  # fmt: skip

CASES: tuple[LayerCase, ...] = (*_TIME_DISTRIBUTED, *_BIDIRECTIONAL, *_RECURRENT, *_MASKS)
