"""Live models held against one another and against bundles: layers, gradients, and examples told but once."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import porter
from porter.compare.verdict import LAYER_LIMIT

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def images() -> Any:
    """A functional Keras model of images, with dropout."""
    import keras

    keras.utils.set_random_seed(2)
    x = made = keras.Input((9, 8, 3), name="image")
    x = keras.layers.Conv2D(4, 3, name="conv")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dropout(0.5, name="drop")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(made, keras.layers.Dense(5, name="scores")(x))


def port(model: Any) -> Any:
    """The same, as a torch module that somebody wrote by hand."""
    import torch
    from torch import nn

    class Port(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, eps=1e-3)
            self.last = nn.Linear(4, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.second(self.first(x)).mean((2, 3)))

    module = Port()
    kernel, bias = (torch.tensor(array) for array in model.get_layer("conv").get_weights())
    matrix, offset = (torch.tensor(array) for array in model.get_layer("scores").get_weights())
    new = {"first.weight": kernel.permute(3, 2, 0, 1), "first.bias": bias}
    module.load_state_dict(module.state_dict() | new | {"last.weight": matrix.T, "last.bias": offset})
    module.second.eval()
    return module


@pytest.mark.parametrize("examples", [None, (2, 3, 9, 8), (2, 9, 8, 3)])
def test_two_live_models(examples: tuple[int, ...] | None) -> None:
    """Examples are told in the order of either side, or follow from the side that knows its inputs."""
    given = None if examples is None else np.zeros(examples, "float32")
    model = images()
    module = port(model)
    modes = [part.training for part in module.modules()]
    found = porter.verify(model, module, example_inputs=given, per_layer=True)
    assert found.equivalent, found.verdict
    ours = {row.path: row for row in found.layers if row.path}
    assert set(ours) == {"first", "second", "last"}
    assert all(row.isolated is not None and row.times < LAYER_LIMIT / 4 for row in ours.values())
    assert any(row.a is not None for row in found.layers), "the layers of the Keras model are seen, too"
    assert [part.training for part in module.modules()] == modes
    assert "call" not in vars(model.get_layer("conv"))


def test_the_wrong_layer_of_a_live_model_is_told() -> None:
    model = images()
    module = port(model)
    module.first.weight.data[0, 0, 0, 0] += 1e-2
    found = porter.verify(model, module)
    assert not found.equivalent
    assert found.diverges == "conv"
    alone = [row.path for row in found.layers if row.isolated and row.isolated.times > LAYER_LIMIT]
    assert alone == ["first"]


def test_the_other_way_round() -> None:
    """Keras on trial, its layers run along true values."""
    model = images()
    found = porter.verify(port(model), model)
    assert found.equivalent, found.verdict
    ours = {row.path: row for row in found.layers if row.path}
    assert {"conv", "norm", "scores"} <= set(ours)
    assert all(row.isolated is not None for row in ours.values())


def test_layers_of_a_subclassed_model(tmp_path: Path) -> None:
    from tests.live import models

    model, given = models.Pictures(name="pictures"), models.floats(2, 12, 10, 3)
    porter.to_torch(model, given, out=tmp_path / "out", verify=False)
    found = porter.verify(model, tmp_path / "out", example_inputs=given)
    assert found.equivalent, found.verdict
    seen = {row.name: row for row in found.layers if row.a is not None}
    assert {"steps_0/conv", "steps_0/norm", "steps_1/short", "classes"} <= set(seen)
    assert "pool" not in seen, "it is called twice"


def test_gradients_of_a_live_model(tmp_path: Path) -> None:
    model = images()
    before = [array.copy() for array in model.get_weights()]
    porter.to_torch(model, out=tmp_path / "out", verify=False)
    found = porter.verify(model, tmp_path / "out", gradients=True)
    assert found.equivalent, found.verdict
    kinds = [row.kind for row in found.gradients]
    assert kinds.count("weight gradient") == 6
    assert kinds.count("after one step") == 8
    assert all(row.a is not None for row in found.gradients)
    assert model.get_layer("drop").rate == 0.5
    assert all(np.array_equal(x, y) for x, y in zip(before, model.get_weights(), strict=True))


def test_gradients_of_two_that_are_strangers_are_not_compared() -> None:
    model = images()
    found = porter.verify(model, port(model), gradients=True)
    assert not found.gradients
    assert any("needs a model and the bundle that porter made of it" in note for note in found.notes)


def test_a_model_of_which_nobody_says_the_inputs_is_refused() -> None:
    module = port(images())
    with pytest.raises(porter.RequestError, match="says nothing of its inputs"):
        porter.verify(module, module)


@pytest.mark.skipif(importlib.util.find_spec("flax") is None, reason="Flax is not installed")
def test_a_live_flax_module(tmp_path: Path) -> None:
    """Its layers and its gradients, as the original and on trial; it is left as it was."""
    from flax import nnx

    class Net(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.first = nnx.Linear(6, 8, rngs=rngs)
            self.drop = nnx.Dropout(0.5, rngs=rngs)
            self.last = nnx.Linear(8, 3, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.last(self.drop(nnx.relu(self.first(x))))

    module, given = Net(nnx.Rngs(0)), np.zeros((2, 6), "float32")
    made = porter.to_torch(module, given, out=tmp_path / "out", verify=False)
    found = porter.verify(module, tmp_path / "out", example_inputs=given, gradients=True)
    assert found.equivalent, found.verdict
    assert {row.name for row in found.layers if row.a is not None} == {"first", "drop", "last"}
    assert [row.kind for row in found.gradients].count("weight gradient") == 4
    assert module.drop.rate == 0.5
    back = porter.verify(made, module, example_inputs=given)
    assert back.equivalent, back.verdict
    rows = {row.path: row for row in back.layers if row.path}
    assert set(rows) >= {"first", "last"}
    assert all(row.isolated is not None for row in rows.values())
