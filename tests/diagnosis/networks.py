"""Small networks with a place for every mistake that is planted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def _cnn(keras: Any) -> Any:
    layers = keras.layers
    given = keras.Input((12, 14, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", name="c1")(given)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.Activation("gelu", name="activation")(x)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="c2")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(16, activation="relu", name="d1")(x)
    x = layers.Dense(16, activation="relu", name="d2")(x)
    return keras.Model(given, layers.Dense(4, activation="softmax", name="d3")(x))


def _rnn(keras: Any) -> Any:
    layers = keras.layers
    given = keras.Input((7, 5))
    x = layers.LSTM(6, return_sequences=True, name="first")(given)
    x = layers.Bidirectional(layers.LSTM(5, return_sequences=True), name="both")(x)
    x = layers.GRU(6, return_sequences=True, name="second")(x)
    x = layers.GRU(6, reset_after=False, recurrent_activation="hard_sigmoid", name="third")(x)
    return keras.Model(given, layers.Dense(4, name="scores")(x))


def _attention(keras: Any) -> Any:
    """Heads of a size that torch's own layer has not: each step of it is in the code."""
    layers = keras.layers
    ids = keras.Input((9,), dtype="int32")
    x = layers.Embedding(20, 12, mask_zero=True, name="tokens")(ids)
    y = layers.MultiHeadAttention(3, 4, value_dim=5, name="attention")(x, x)
    x = layers.LayerNormalization(name="norm")(layers.Add(name="add")([x, y]))
    y = layers.MultiHeadAttention(3, 4, value_dim=5, name="later")(x, x, use_causal_mask=True)
    x = layers.Concatenate(name="joined")([x, y])
    x = layers.Dense(8, activation="tanh", name="up")(x)
    return keras.Model(ids, layers.Dense(3, name="scores")(x))


def _shapes(keras: Any) -> Any:
    """Windows, slopes, sizes."""
    layers = keras.layers
    given = keras.Input((9, 9, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1, name="pixels")(given)
    x = layers.Conv2D(6, 3, dilation_rate=2, padding="same", name="c1")(x)
    x = layers.LeakyReLU(negative_slope=0.3, name="leaky")(x)
    x = layers.AveragePooling2D(2, padding="same", name="mean")(x)
    x = layers.Conv2D(5, 3, padding="same", activation="hard_sigmoid", name="c2")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear", name="larger")(x)
    x = layers.Conv2D(4, 3, padding="same", name="c3")(x)
    x = layers.MaxPooling2D(3, strides=2, name="most")(x)
    x = layers.Conv2D(4, 1, name="c4")(x)
    x = layers.Softmax(axis=1, name="shares")(x)
    x = layers.Dropout(0.5, name="drop")(x)
    x = layers.GlobalMaxPooling2D(name="whole")(x)
    return keras.Model(given, layers.Dense(3, name="scores")(x))


NETWORKS: dict[str, Callable[[Any], Any]] = {
    "cnn": _cnn, "rnn": _rnn, "attention": _attention, "shapes": _shapes,
}  # fmt: skip


def saved(name: str, folder: Path) -> Path:
    """A network with numbers everywhere: a bias of zeros hides that it was dropped."""
    import keras

    rng = np.random.default_rng(0)
    model = NETWORKS[name](keras)
    for variable in model.variables:
        numbers = rng.standard_normal(variable.shape) * 0.3
        variable.assign(np.abs(numbers) + 0.2 if "variance" in variable.path else numbers)
    model.save(folder / f"{name}.keras")
    return folder / f"{name}.keras"
