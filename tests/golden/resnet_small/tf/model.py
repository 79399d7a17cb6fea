"""Model in Keras; `load()` returns it with its weights, ready for inference.

`model.keras` beside this file is the same model as one archive, `model.json` its architecture.
"""

from pathlib import Path

import keras
from keras import layers


def block(x, filters, prefix):
    """Used for stage_0_block_0, stage_0_block_1, stage_0_block_2 and 2 more."""
    y = layers.Conv2D(filters, 3, padding="same", name=prefix + "_conv_1")(x)
    y = layers.BatchNormalization(name=prefix + "_norm_1")(y)
    y = layers.ReLU(name=prefix + "_relu_1")(y)
    y = layers.Conv2D(filters, 3, padding="same", name=prefix + "_conv_2")(y)
    y = layers.BatchNormalization(name=prefix + "_norm_2")(y)
    x = layers.Add(name=prefix + "_add")([x, y])
    return layers.ReLU(name=prefix + "_relu_2")(x)


def block2(x, prefix):
    """Used for stage_1_block_0."""
    y = layers.Conv2D(6, 3, strides=2, padding="same", name=prefix + "_conv_1")(x)
    y = layers.BatchNormalization(name=prefix + "_norm_1")(y)
    y = layers.ReLU(name=prefix + "_relu_1")(y)
    y = layers.Conv2D(6, 3, padding="same", name=prefix + "_conv_2")(y)
    norm_2 = layers.BatchNormalization(name=prefix + "_norm_2")(y)
    x = layers.Conv2D(6, 1, strides=2, name=prefix + "_shortcut")(x)
    x = layers.Add(name=prefix + "_add")([x, norm_2])
    return layers.ReLU(name=prefix + "_relu_2")(x)


def build():
    """The converted model.

    Inputs:
        input 0: float32 (batch, 9, 8, 3), axes `n h w c`
    Outputs:
        output 0: float32 (batch, 3), axes `n c`
    """
    inputs = keras.Input((9, 8, 3), name="input_0")
    x = layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    x = block(x, filters=4, prefix="stage_0_block_0")
    x = block(x, filters=4, prefix="stage_0_block_1")
    x = block(x, filters=4, prefix="stage_0_block_2")
    x = block2(x, prefix="stage_1_block_0")
    x = block(x, filters=6, prefix="stage_1_block_1")
    x = block(x, filters=6, prefix="stage_1_block_2")
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    outputs = layers.Dense(3, name="classes")(x)
    return keras.Model(inputs, outputs, name="model")


def load(path=None):
    """The model with its weights (by default those beside this file)."""
    model = build()
    path = Path(__file__).with_name("model.weights.h5") if path is None else path
    model.load_weights(path)
    return model
