"""A frozen batch norm uses its stored statistics in training too, and leaves them alone, as in Keras."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

import porter

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def model_and_input() -> tuple[Any, np.ndarray]:
    """Frozen norms over images, over a sequence, and over an axis in the middle; one that is not frozen."""
    import keras

    from tests.layers.cases import randomise

    norm = keras.layers.BatchNormalization
    given = keras.Input((6, 5, 3))
    x = norm(name="images", trainable=False)(keras.layers.Conv2D(4, 3, name="conv")(given))
    x = norm(name="middle", axis=2, scale=False, center=False, trainable=False)(x)
    x = norm(name="last", trainable=False)(keras.layers.Reshape((12, 4))(x))
    model = randomise(keras.Model(given, x), 1)
    return model, np.random.default_rng(0).normal(2.0, 3.0, (4, 6, 5, 3)).astype("float32")


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_in_torch() -> None:
    import torch

    model, given = model_and_input()
    want = np.asarray(model(given, training=True))
    net = porter.to_torch(model, verify=False, io_layout="source").train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.no_grad():
        got = net(torch.from_numpy(given)).numpy()
    assert np.max(np.abs(got - want)) < 1e-5 * np.max(np.abs(want))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.skipif(importlib.util.find_spec("flax") is None, reason="Flax is not installed")
def test_in_jax() -> None:
    import jax

    model, given = model_and_input()
    want = np.asarray(model(given, training=True))
    net = porter.to_jax(model, verify=False)
    net.train()
    with jax.default_matmul_precision("highest"):
        got = np.asarray(net(given))
    assert np.max(np.abs(got - want)) < 1e-5 * np.max(np.abs(want))
