"""Small models of tf.keras 2 without an architecture to read."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras
from tf_keras import layers

from tests.live.models import floats, ids

__all__ = ["Tower", "Words", "custom_in_functional", "floats", "ids", "plain_functional"]


class Gate(layers.Layer):
    """A variable of its own, functions of TensorFlow."""

    def build(self, shape: Any) -> None:
        self.level = self.add_weight(name="level", shape=(shape[-1],), initializer="random_normal")

    def call(self, x: Any) -> Any:
        return x * tf.nn.sigmoid(self.level) + tf.reduce_mean(x, axis=1, keepdims=True)


class Words(tf_keras.Model):
    """A mask, a recurrent layer, sizes asked for while it runs, tied embeddings."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.table = layers.Embedding(30, 8, mask_zero=True)
        self.memory = layers.LSTM(8, return_sequences=True)
        self.gate = Gate()
        self.heads = [layers.Dense(8, activation="relu") for _ in range(2)]

    def call(self, given: Any, training: bool | None = None) -> Any:
        x = self.memory(self.table(given))
        x = self.gate(x)
        for head in self.heads:
            x = x + head(x)
        flat = tf.reshape(x, (-1, 8))
        scores = tf.matmul(flat, self.table.embeddings, transpose_b=True)
        return tf.reshape(scores, (tf.shape(given)[0], given.shape[1], 30))


class Step(layers.Layer):
    """Convolution, norm, activation."""

    def __init__(self, filters: int, **told: Any) -> None:
        super().__init__(**told)
        self.conv = layers.Conv2D(filters, 3, padding="same", strides=2)
        self.norm = layers.BatchNormalization()

    def call(self, x: Any, training: bool | None = None) -> Any:
        return tf.nn.relu(self.norm(self.conv(x), training=training))


class Tower(tf_keras.Model):
    """For images."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.steps = tf_keras.Sequential([Step(4), Step(6)])
        self.head = layers.Dense(5)

    def call(self, x: Any, training: bool | None = None) -> Any:
        return self.head(tf.reduce_max(self.steps(x, training=training), axis=(1, 2)))


def custom_in_functional() -> Any:
    """A layer that no file could explain."""
    given = tf_keras.Input((9, 8), name="series")
    x = Gate(name="gate")(layers.Conv1D(8, 3, padding="same", name="conv")(given))
    return tf_keras.Model(given, layers.GRU(5)(x), name="custom_in_functional")


def plain_functional() -> Any:
    """Known layers only: the road of files."""
    given = tf_keras.Input((12, 10, 3), name="image")
    inner = tf_keras.Sequential([layers.Conv2D(4, 3), layers.BatchNormalization()], name="inner")
    x = layers.Flatten()(inner(given) * 2.0)
    return tf_keras.Model(given, layers.Dense(3, name="out")(x), name="plain_functional")
