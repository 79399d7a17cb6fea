"""Small models of every kind that has no architecture to read: subclassed models, custom layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops


class Block(layers.Layer):
    """A transformer block as people write it."""

    def __init__(self, dim: int, heads: int, **told: Any) -> None:
        super().__init__(**told)
        self.attention = layers.MultiHeadAttention(heads, dim // heads, dropout=0.1)
        self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self.mlp = keras.Sequential([layers.Dense(dim * 2, activation="gelu"), layers.Dense(dim)])
        self.drop = layers.Dropout(0.1)

    def build(self, shape: Any) -> None:
        self.gain = self.add_weight(shape=(shape[-1],), initializer="normal", name="gain")

    def call(self, x: Any, training: bool | None = None) -> Any:
        h = self.norms[0](x)
        x = x + self.drop(self.attention(h, h, use_causal_mask=True), training=training)
        return x + self.mlp(self.norms[1](x)) * self.gain


class Language(keras.Model):
    """Blocks in a list, variables of its own, tied embeddings, sizes asked for while it runs."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.tokens = layers.Embedding(50, 16)
        self.blocks = [Block(16, 4) for _ in range(2)]
        self.last = layers.LayerNormalization()

    def build(self, shape: Any) -> None:
        self.places = self.add_weight(shape=(20, 16), name="places")
        self.start = self.add_weight(shape=(1, 1, 16), name="start")

    def call(self, ids: Any, training: bool | None = None) -> Any:
        rows, steps = ops.shape(ids)
        x = self.tokens(ids) + self.places[:steps]
        first = ops.broadcast_to(self.start, (rows, 1, 16))
        x = ops.concatenate([first, x, ops.zeros((rows, 1, 16))], axis=1)
        for block in self.blocks:
            x = block(x, training=training)
        x = ops.reshape(ops.reshape(self.last(x), (rows * (steps + 2), 16)), (rows, steps + 2, 16))
        return {"logits": ops.matmul(x, ops.transpose(self.tokens.embeddings)), "start": x[:, 0]}


class Residual(layers.Layer):
    """Convolutions with a batch norm, around which its input goes."""

    def __init__(self, filters: int, **told: Any) -> None:
        super().__init__(**told)
        self.conv = layers.Conv2D(filters, 3, padding="same", use_bias=False)
        self.norm = layers.BatchNormalization()
        self.short = layers.Conv2D(filters, 1)

    def call(self, x: Any) -> Any:
        return ops.relu(self.norm(self.conv(x)) + self.short(x))


class Pictures(keras.Model):
    """A small network for images."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.steps = [Residual(6), Residual(8)]
        self.pool = layers.MaxPooling2D()
        self.head = layers.Dense(5, activation="softmax", name="classes")

    def call(self, x: Any) -> Any:
        for step in self.steps:
            x = self.pool(step(x))
        return self.head(ops.reshape(x, (ops.shape(x)[0], -1)))


class Masked(keras.Model):
    """A mask that goes from an embedding through a custom layer to a recurrent one."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.tokens = layers.Embedding(30, 8, mask_zero=True)
        self.scale = Scale(supports=True)
        self.memory = layers.Bidirectional(layers.LSTM(6, return_sequences=True))
        self.pool = layers.GlobalAveragePooling1D()

    def call(self, ids: Any) -> Any:
        return self.pool(self.memory(self.scale(self.tokens(ids))))


class Scale(layers.Layer):
    """One variable."""

    def __init__(self, supports: bool = False, **told: Any) -> None:
        super().__init__(**told)
        self.supports_masking = supports

    def build(self, shape: Any) -> None:
        self.factor = self.add_weight(shape=(shape[-1],), initializer="normal", name="factor")

    def call(self, x: Any) -> Any:
        return x * self.factor


class MyDense(layers.Dense):
    """A known layer with a twist."""

    def call(self, x: Any, training: bool | None = None) -> Any:
        return super().call(x) + 1.0


class Twice(keras.Model):
    """One layer with code of its own, called twice; two arguments."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.shared = MyDense(7, activation="tanh")

    def call(self, a: Any, b: Any) -> Any:
        return self.shared(a) - 2 * self.shared(b)


class Dictionary(keras.Model):
    """Its one argument is a dictionary."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.left, self.right = layers.Dense(4), layers.Dense(4)

    def call(self, given: Any) -> Any:
        return self.left(given["left"]), ops.sigmoid(self.right(given["right"]))


def custom_in_functional() -> Any:
    """A Functional model, whose inputs are known, with a layer that no file could explain."""
    given = keras.Input((9, 8), name="series")
    x = layers.Conv1D(8, 3, padding="same", name="conv")(given)
    x = Scale(name="gain")(x)
    return keras.Model(given, layers.GRU(5)(x), name="custom_in_functional")


def open_length() -> Any:
    """As before, of any length."""
    given = keras.Input((None, 8), name="series")
    x = Scale(name="gain")(layers.Conv1D(8, 3, padding="same", strides=2, name="conv")(given))
    return keras.Model(given, layers.GRU(5)(x), name="open_length")


def plain_functional() -> Any:
    """Known layers only: the road of files."""
    given = keras.Input((12, 10, 3), name="image")
    inner = keras.Sequential([layers.Conv2D(4, 3), layers.BatchNormalization()], name="inner")
    x = layers.Flatten()(inner(given))
    return keras.Model(given, layers.Dense(3, name="out")(x), name="plain_functional")


def bidirectional() -> Any:
    """Wrapped layers and a cell."""
    given = keras.Input((7, 4), name="series")
    x = layers.TimeDistributed(keras.Sequential([layers.Dense(6, "relu")], name="each"), name="all")(given)
    x = layers.Bidirectional(layers.GRU(3, return_sequences=True), name="both")(x)
    return keras.Model(given, layers.RNN([layers.LSTMCell(4), layers.LSTMCell(5)])(x), name="bidirectional")


def in_bfloat16() -> Any:
    """A policy of mixed precision."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return Pictures(name="in_bfloat16")
    finally:
        keras.config.set_dtype_policy("float32")


def floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape).astype("float32")


def ids(rows: int, steps: int, top: int) -> np.ndarray:
    found = np.random.default_rng(8).integers(1, top, (rows, steps)).astype("int32")
    found[1:, steps - 2 :] = 0
    return found
