"""Sequential in Keras; `load()` returns it with its weights, ready for inference.

`model.keras` beside this file is the same model as one archive, `model.json` its architecture.

It has layers of its own: import this file before `keras.models.load_model`.
"""

from pathlib import Path

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("converted")
def hard_sigmoid_02(x):
    """Keras's hard sigmoid before version 3: 0.2 x + 0.5 between 0 and 1."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def build():
    """The converted model.

    Inputs:
        input 0: float32 (batch, 6, 3), axes `n t c`
    Outputs:
        output 0: float32 (batch, 2), axes `n c`
    """
    inputs = keras.Input((6, 3), name="bidirectional_5_input")
    x = layers.Bidirectional(
        layers.LSTM(4, recurrent_activation=hard_sigmoid_02), name="bidirectional_5"
    )(inputs)
    outputs = layers.Dense(2, name="dense_25")(x)
    return keras.Model(inputs, outputs, name="sequential")


def load(path=None):
    """The model with its weights (by default those beside this file)."""
    model = build()
    path = Path(__file__).with_name("model.weights.h5") if path is None else path
    model.load_weights(path)
    return model
