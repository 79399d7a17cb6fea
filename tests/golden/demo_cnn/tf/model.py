"""Model in Keras; `load()` returns it with its weights, ready for inference.

`model.keras` beside this file is the same model as one archive, `model.json` its architecture.
"""

from pathlib import Path

import keras
from keras import layers


def build():
    """The converted model.

    Inputs:
        input 0: float32 (batch, 28, 28, 1), axes `n h w c`
    Outputs:
        output 0: float32 (batch, 4), axes `n c`
    """
    inputs = keras.Input((28, 28, 1), name="input_0")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(inputs)
    x = layers.BatchNormalization(momentum=0.9, name="stem_norm")(x)
    x = layers.ReLU(name="stem_relu")(x)
    x = layers.MaxPooling2D(2, name="stem_pool")(x)
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu", name="features")(x)
    x = layers.BatchNormalization(momentum=0.9, name="features_norm")(x)
    x = layers.AveragePooling2D(2, name="features_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(0.3, name="dropout")(x)
    x = layers.Dense(32, activation="relu", name="hidden")(x)
    outputs = layers.Dense(4, activation="softmax", name="shape")(x)
    return keras.Model(inputs, outputs, name="model")


def load(path=None):
    """The model with its weights (by default those beside this file)."""
    model = build()
    path = Path(__file__).with_name("model.weights.h5") if path is None else path
    model.load_weights(path)
    return model
