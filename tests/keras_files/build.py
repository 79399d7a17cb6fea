"""Small models with every kind of structure, built alike with Keras 3 and with tf_keras."""

from __future__ import annotations

from typing import Any

import numpy as np


def tangled(keras: Any) -> Any:
    """Nested models, one used twice, shared layers, wrappers, states, two inputs and outputs."""
    layers = keras.layers
    inputs, other = keras.Input((8, 4), name="sequence"), keras.Input((4,), name="other")
    block = keras.Sequential(
        [
            layers.Dense(4, name="a"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(4, name="b"),
        ],
        name="block",
    )
    inner_in = keras.Input((8, 4))
    inner = keras.Model(inner_in, layers.Dense(4, name="dense")(block(inner_in)), name="inner")
    shared = layers.Dense(4, name="shared")
    x = shared(inner(shared(inputs)))
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both_ways")(x)
    x = layers.TimeDistributed(layers.Dense(4, name="td_dense"), name="each")(x)
    _, state = layers.GRU(4, return_state=True, name="encoder")(x)
    x = layers.GRU(4, return_sequences=True, name="decoder")(x, initial_state=state)
    x = layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    x = inner(x)
    x = layers.Add(name="sum")([x, layers.RepeatVector(8, name="repeat")(other)])
    frozen = layers.BatchNormalization(name="frozen", trainable=False)
    y = layers.Conv1D(5, 2, padding="same", name="conv", use_bias=False)(frozen(x))
    return filled(keras.Model([inputs, other], [y, state], name="tangled"))


def reused(keras: Any) -> Any:
    """A model that is used by itself and inside another one, beside one of its own class."""
    layers = keras.layers

    def block(name: str) -> Any:
        inputs = keras.Input((6,))
        values = layers.Add(name=f"{name}_add")([layers.Dense(6, name=f"{name}_dense")(inputs), inputs])
        return keras.Model(inputs, layers.BatchNormalization(name=f"{name}_norm")(values), name=name)

    first = block("first")
    row = keras.Sequential([first, block("second"), layers.Dense(4, name="last")], name="row")
    inputs = keras.Input((6,), name="vector")
    values = first(inputs)
    return filled(keras.Model(inputs, [row(inputs), row(values), values], name="reused"))


def image(keras: Any) -> Any:
    """A Sequential without a layer for its input."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="hard_sigmoid", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.LeakyReLU(name="leaky"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(2, name="class"),
        ],
        name="image",
    )
    return filled(model)


def filled(model: Any) -> Any:
    """`model` with numbers that are all different, so that no two arrays can be confused."""
    rng = np.random.default_rng(7)
    model.set_weights([rng.normal(size=w.shape).astype(w.dtype) for w in model.get_weights()])
    return model
