"""Model in Keras; `load()` returns it with its weights, ready for inference.

`model.keras` beside this file is the same model as one archive, `model.json` its architecture.
"""

from pathlib import Path

import keras
from keras import layers


def build():
    """The converted model.

    Inputs:
        input 0: float32 (batch, 6, 5, 3), axes `n h w c`
        input 1: float32 (batch, 6, 5, 3), axes `n h w c`
    Outputs:
        output 0: float32 (batch, 2), axes `n c`
    """
    input_0 = keras.Input((6, 5, 3), name="input_0")
    input_1 = keras.Input((6, 5, 3), name="input_1")
    inputs = [input_0, input_1]
    tower_conv = layers.Conv2D(3, 3, padding="same", name="tower_conv")
    tower_norm = layers.BatchNormalization(name="tower_norm")
    x = tower_conv(input_0)
    x = tower_norm(x)
    tower_add = x + input_0
    x = tower_conv(input_1)
    x = tower_norm(x)
    x = x + input_1
    x = layers.Subtract(name="difference")([tower_add, x])
    x = layers.Flatten(name="flatten")(x)
    outputs = layers.Dense(2, name="verdict")(x)
    return keras.Model(inputs, outputs, name="model")


def load(path=None):
    """The model with its weights (by default those beside this file)."""
    model = build()
    path = Path(__file__).with_name("model.weights.h5") if path is None else path
    model.load_weights(path)
    return model
