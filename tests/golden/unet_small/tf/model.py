"""Model in Keras; `load()` returns it with its weights, ready for inference.

`model.keras` beside this file is the same model as one archive, `model.json` its architecture.
"""

from pathlib import Path

import keras
from keras import layers


def down(x, filters, prefix):
    """Used for down_1, down_2."""
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=prefix + "_conv_a")(x)
    x = layers.BatchNormalization(name=prefix + "_norm_a")(x)
    x = layers.ReLU(name=prefix + "_relu_a")(x)
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=prefix + "_conv_b")(x)
    x = layers.BatchNormalization(name=prefix + "_norm_b")(x)
    return layers.ReLU(name=prefix + "_relu_b")(x)


def up(x, filters, prefix):
    """Used for up_2_block, up_1_block."""
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=prefix + "_conv_a")(x)
    x = layers.BatchNormalization(name=prefix + "_norm_a")(x)
    x = layers.ReLU(name=prefix + "_relu_a")(x)
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=prefix + "_conv_b")(x)
    x = layers.BatchNormalization(name=prefix + "_norm_b")(x)
    return layers.ReLU(name=prefix + "_relu_b")(x)


def build():
    """The converted model.

    Inputs:
        input 0: float32 (batch, 8, 12, 3), axes `n h w c`
    Outputs:
        output 0: float32 (batch, 8, 12, 1), axes `n h w c`
    """
    inputs = keras.Input((8, 12, 3), name="input_0")
    down_1 = down(inputs, filters=4, prefix="down_1")
    x = layers.MaxPooling2D(2, name="pool_1")(down_1)
    down_2 = down(x, filters=6, prefix="down_2")
    x = layers.MaxPooling2D(2, name="pool_2")(down_2)
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="middle_conv_a")(x)
    x = layers.BatchNormalization(name="middle_norm_a")(x)
    x = layers.ReLU(name="middle_relu_a")(x)
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="middle_conv_b")(x)
    x = layers.BatchNormalization(name="middle_norm_b")(x)
    x = layers.ReLU(name="middle_relu_b")(x)
    x = layers.Conv2DTranspose(6, 3, strides=2, padding="same", name="up_2")(x)
    x = layers.Concatenate(name="join_2")([x, down_2])
    x = up(x, filters=6, prefix="up_2_block")
    x = layers.UpSampling2D(2, interpolation="bilinear", name="up_1")(x)
    x = layers.Concatenate(name="join_1")([x, down_1])
    x = up(x, filters=4, prefix="up_1_block")
    outputs = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x)
    return keras.Model(inputs, outputs, name="model")


def load(path=None):
    """The model with its weights (by default those beside this file)."""
    model = build()
    path = Path(__file__).with_name("model.weights.h5") if path is None else path
    model.load_weights(path)
    return model
