"""Model1 in Keras; `load()` returns it with its weights, ready for inference.

`model.keras` beside this file is the same model as one archive, `model.json` its architecture.
"""

from pathlib import Path

import keras
from keras import layers


def build():
    """The converted model.

    Inputs:
        input 0: float32 (batch, 7, 7, 1), axes `n h w c`, `n c h w` in the source
        input 1: float32 (batch, 7, 7, 1), axes `n h w c`, `n c h w` in the source
    Outputs:
        output 0: float32 (batch, 1), axes `n c`
    """
    input_1 = keras.Input((7, 7, 1), name="input_1")
    input_2 = keras.Input((7, 7, 1), name="input_2")
    inputs = [input_1, input_2]
    sequential_5_convolution2d_1 = layers.Conv2D(
        3, 3, activation="relu", name="sequential_5_convolution2d_1"
    )
    sequential_5_maxpooling2d_1 = layers.MaxPooling2D(2, name="sequential_5_maxpooling2d_1")
    sequential_5_flatten_3 = layers.Flatten(name="sequential_5_flatten_3")
    sequential_5_dense_6_layer = layers.Dense(4, activation="relu", name="sequential_5_dense_6")
    x = sequential_5_convolution2d_1(input_1)
    x = sequential_5_maxpooling2d_1(x)
    x = sequential_5_flatten_3(x)
    sequential_5_dense_6 = sequential_5_dense_6_layer(x)
    x = sequential_5_convolution2d_1(input_2)
    x = sequential_5_maxpooling2d_1(x)
    x = sequential_5_flatten_3(x)
    x = sequential_5_dense_6_layer(x)
    x = layers.Concatenate(name="merge_1")([sequential_5_dense_6, x])
    outputs = layers.Dense(1, activation="sigmoid", name="dense_7")(x)
    return keras.Model(inputs, outputs, name="model_1")


def load(path=None):
    """The model with its weights (by default those beside this file)."""
    model = build()
    path = Path(__file__).with_name("model.weights.h5") if path is None else path
    model.load_weights(path)
    return model
