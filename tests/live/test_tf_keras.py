"""Live models of tf.keras 2 become live torch models that compute the same."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import porter
from porter.axes import permutation

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="tf_keras is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
]

ROWS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], np.ndarray], bool]] = {
    "plain_functional": (lambda m: m.plain_functional(), lambda m: m.floats(2, 12, 10, 3), True),
    "custom_in_functional": (lambda m: m.custom_in_functional(), lambda m: m.floats(2, 9, 8), True),
    "tower": (lambda m: m.Tower(), lambda m: m.floats(2, 12, 10, 3), False),
    "words": (lambda m: m.Words(), lambda m: m.ids(3, 7, 30), False),
}


@pytest.mark.parametrize("name", ROWS)
def test_live_model_becomes_one_that_computes_the_same(name: str) -> None:
    import torch

    from tests.live import tf_models

    made, inputs, known = ROWS[name]
    model, given = made(tf_models), inputs(tf_models)
    model(given)
    for variable in model.weights:  # biases and statistics are dull when they are fresh
        variable.assign(variable + 0.1 * np.abs(np.random.default_rng(5).standard_normal(variable.shape)))
    want = model(given, training=False).numpy()
    nodes = [(layer.name, len(layer._inbound_nodes)) for layer in model._flatten_layers()]
    net = porter.to_torch(model, None if known else given, verify=False)
    assert nodes == [(layer.name, len(layer._inbound_nodes)) for layer in model._flatten_layers()]
    turned = given.transpose(permutation("n h w c", "n c h w")) if given.ndim == 4 else given
    with torch.no_grad():
        got = net(torch.from_numpy(np.ascontiguousarray(turned))).numpy()
    assert got.shape == want.shape
    assert np.std(want) > 1e-3
    assert np.max(np.abs(got - want)) <= 2e-5 * np.max(np.abs(want))


def test_code_that_cannot_be_followed_is_shown() -> None:
    import tf_keras

    class Decides(tf_keras.Model):
        def call(self, x: Any) -> Any:
            return x * 2.0 if x[0, 0] > 0 else x

    with pytest.raises(porter.UnsupportedModel, match=r"test_tf_keras\.py, line \d+: `return x \* 2\.0 if"):
        porter.to_torch(Decides(name="decides"), np.ones((2, 3), "float32"))
