"""Files that today's Keras loads without knowing what they take, or not at all."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras

import porter
from converters.keras.run import KerasModel

pytestmark = pytest.mark.filterwarnings("ignore")


def _changed(source: Path, target: Path, change: Any) -> None:
    """A `.keras` archive with another config."""
    with zipfile.ZipFile(source) as given, zipfile.ZipFile(target, "w") as made:
        for name in given.namelist():
            content = given.read(name)
            made.writestr(name, change(content) if name == "config.json" else content)


def _without_input(content: bytes) -> bytes:
    told = json.loads(content)
    told.pop("build_config")
    told["config"].pop("build_input_shape")
    told["config"]["layers"] = told["config"]["layers"][1:]
    return json.dumps(told).encode()


def test_a_sequential_model_is_built_by_what_its_first_layer_was_built_by(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3), keras.layers.Activation("tanh")])
    model.save(tmp_path / "whole.keras")
    _changed(tmp_path / "whole.keras", tmp_path / "open.keras", _without_input)
    bundle = porter.convert(tmp_path / "open.keras", to="tf", out=tmp_path / "out")
    assert bundle.verification is not None
    assert bundle.verification.equivalent
    assert not any("stands in" in note for note in bundle.verification.notes)


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
def test_the_code_of_a_lambda_is_not_run(name: str, tmp_path: Path) -> None:
    twice = tf_keras.layers.Lambda(lambda x: x * 2, name="twice")
    model = tf_keras.Sequential([tf_keras.Input((3,)), twice])
    model.save(tmp_path / name)
    bundle = porter.convert(tmp_path / name, to="tf", out=tmp_path / "out")
    assert bundle.verification is not None
    (note,) = bundle.verification.notes
    assert "stands in for Keras" in note
    assert "Requested the deserialization of a Lambda layer" in note


@pytest.mark.parametrize("package", [keras, tf_keras], ids=["Keras 3", "Keras 2"])
def test_every_layer_of_a_sequential_model_shows_itself(package: Any) -> None:
    """Such a model calls its layers anew for each one that is added."""
    made = package.Sequential()
    layers = [package.layers.Dense(3, name=f"layer_{k}") for k in range(3)]
    for layer in [package.Input((4,)), *layers]:
        made.add(layer)
    model = package.Sequential.from_config(made.get_config())
    seen: dict[str, np.ndarray] = {}

    def watch(path: str, outputs: Any) -> None:
        (seen[path],) = outputs

    (output,), _ = KerasModel(package, model).run([np.ones((2, 4), "float32")], ["float32"], watch)
    assert list(seen) == [layer.name for layer in layers]
    np.testing.assert_array_equal(seen["layer_2"], output)
