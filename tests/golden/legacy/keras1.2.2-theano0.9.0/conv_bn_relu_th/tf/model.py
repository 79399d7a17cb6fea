"""Sequential in Keras; `load()` returns it with its weights, ready for inference.

`model.keras` beside this file is the same model as one archive, `model.json` its architecture.
"""

from pathlib import Path

import keras
from keras import layers


def build():
    """The converted model.

    Inputs:
        input 0: float32 (batch, 6, 7, 3), axes `n h w c`, `n c h w` in the source
    Outputs:
        output 0: float32 (batch, 3), axes `n c`
    """
    inputs = keras.Input((6, 7, 3), name="convolution2d_3_input")
    x = layers.Conv2D(4, 3, name="convolution2d_3")(inputs)
    x = layers.BatchNormalization(name="batchnormalization_3")(x)
    x = layers.ReLU(name="activation_3")(x)
    x = layers.GlobalAveragePooling2D(name="globalaveragepooling2d_1")(x)
    outputs = layers.Dense(3, name="dense_6")(x)
    return keras.Model(inputs, outputs, name="sequential")


def load(path=None):
    """The model with its weights (by default those beside this file)."""
    model = build()
    path = Path(__file__).with_name("model.weights.h5") if path is None else path
    model.load_weights(path)
    return model
