"""Model in Keras; `load()` returns it with its weights, ready for inference.

`model.keras` beside this file is the same model as one archive, `model.json` its architecture.
"""

from pathlib import Path

import keras
from keras import layers, ops


def build():
    """The converted model.

    Inputs:
        input 0: int32 (batch, 8), axes `n c`
    Outputs:
        output 0: float32 (batch, 1), axes `n c`
    """
    inputs = keras.Input((8,), dtype="int32", name="input_0")
    embedding = layers.Embedding(20, 6, name="embedding")(inputs)
    embedding_mask_2 = ops.not_equal(inputs, 0)
    x = ops.copy(
        layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="bilstm_1")(
            embedding, mask=embedding_mask_2
        )
    )
    x = layers.Bidirectional(layers.LSTM(3), name="bilstm_2")(x, mask=embedding_mask_2)
    x = layers.Dense(4, activation="relu", name="hidden")(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    outputs = layers.Dense(1, activation="sigmoid", name="score")(x)
    return keras.Model(inputs, outputs, name="model")


def load(path=None):
    """The model with its weights (by default those beside this file)."""
    model = build()
    path = Path(__file__).with_name("model.weights.h5") if path is None else path
    model.load_weights(path)
    return model
