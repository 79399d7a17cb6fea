"""Model in Keras; `load()` returns it with its weights, ready for inference.

`model.keras` beside this file is the same model as one archive, `model.json` its architecture.
"""

from pathlib import Path

import keras
from keras import layers


def build():
    """The converted model.

    Inputs:
        input 0: float32 (batch, 7, 6, 3), axes `n h w c`
        input 1: float32 (batch, 4), axes `n c`
    Outputs:
        output 0: float32 (batch, 3), axes `n c`
        output 1: float32 (batch, 1), axes `n c`
    """
    input_0 = keras.Input((7, 6, 3), name="input_0")
    input_1 = keras.Input((4,), name="input_1")
    inputs = [input_0, input_1]
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(input_0)
    flatten = layers.Flatten(name="flatten")(x)
    x = layers.Dense(5, name="facts")(input_1)
    both = layers.Concatenate(name="both")([flatten, x])
    kind = layers.Dense(3, activation="softmax", name="kind")(both)
    x = layers.Dense(1, name="amount")(both)
    return keras.Model(inputs, [kind, x], name="model")


def load(path=None):
    """The model with its weights (by default those beside this file)."""
    model = build()
    path = Path(__file__).with_name("model.weights.h5") if path is None else path
    model.load_weights(path)
    return model
