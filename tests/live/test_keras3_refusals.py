"""What cannot be followed in a live Keras 3 model is said in one sentence: where, what, what to do."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import porter

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
]


def with_call(call: Callable[[Any, Any], Any]) -> Any:
    """A model of this code, with a dense layer and a variable at hand."""
    import keras

    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="mine")
            self.dense = keras.layers.Dense(4)
            self.seed = keras.random.SeedGenerator(1)

        def build(self, shape: Any) -> None:
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

        def call(self, x: Any) -> Any:
            return call(self, x)

    return Model()


def decides(self: Any, x: Any) -> Any:
    return self.dense(x) if x[0, 0] > 0 else x


def raw(self: Any, x: Any) -> Any:
    import tensorflow as tf

    return tf.nn.relu(self.dense(x))


def counts(self: Any, x: Any) -> Any:
    self.count.assign(self.count + 1.0)
    return self.dense(x)


def draws(self: Any, x: Any) -> Any:
    import keras

    return self.dense(x) + keras.random.normal((4,), seed=self.seed)


def places(self: Any, x: Any) -> Any:
    from keras import ops

    return self.dense(x) + ops.reshape(ops.arange(ops.shape(x)[0], dtype="float32"), (-1, 1))


def forgets(self: Any, x: Any) -> Any:
    from keras import ops

    return ops.ones((3, 4))


REFUSED = (
    (decides, r"test_keras3_refusals\.py, line \d+: `return self.dense\(x\) if x\[0, 0\] > 0 else x`"),
    (raw, r"KerasTensor cannot be used as input to a TensorFlow function"),
    (counts, r"variable '.*count' is assigned to while the model runs"),
    (draws, r"depends on the batch size, or on chance"),
    (places, r"depends on the batch size, or on chance"),
    (forgets, r"one of its outputs does not depend on its inputs"),
)


@pytest.mark.parametrize(("call", "said"), REFUSED, ids=[call.__name__ for call, _ in REFUSED])
def test_code_that_cannot_be_followed_is_shown(call: Callable[[Any, Any], Any], said: str) -> None:
    with pytest.raises(porter.UnsupportedModel, match=f"model 'mine': (.|\n)*{said}"):
        porter.to_torch(with_call(call), np.ones((2, 3), "float32"))


def test_a_model_that_does_not_know_its_inputs_asks_for_examples() -> None:
    with pytest.raises(porter.RequestError, match="give example_inputs, a tuple of arguments"):
        porter.to_torch(with_call(decides))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((np.float32(1),), "has no batch"),
        (("text",), "hold no array"),
        (([np.ones((2, 3)), np.ones((3, 3))],), "batches of different sizes: 2, 3"),
    ],
)
def test_examples_that_make_no_sense_are_refused(given: tuple[Any, ...], said: str) -> None:
    with pytest.raises(porter.RequestError, match=said):
        porter.to_torch(with_call(decides), given)


def test_a_layer_within_a_wrapper_is_not_followed_and_named() -> None:
    import keras

    from tests.live.models import Scale

    class Shaped(Scale):
        def compute_output_shape(self, shape: Any) -> Any:
            return shape

    given = keras.Input((4, 3))
    model = keras.Model(given, keras.layers.TimeDistributed(Shaped(name="own"), name="each")(given))
    with pytest.raises(porter.UnsupportedModel, match=r"each (.|\n)*this class is not known"):
        porter.to_torch(model)
