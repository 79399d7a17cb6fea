"""`porter.inspect`: what a model holds, with or without weights, and all that stands in the way at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

import porter
from tests.conftest import ROOT, Finished

FIXTURES = ROOT / "fixtures"

FACTS = [
    # fixture, format, Keras version, layers, parameters
    ("demo_cnn", "JSON + HDF5 weights", None, 12, 6108),
    ("unet_small", "Keras archive (.keras)", "3.15.1", 38, 3943),
    ("mnist_cnn_keras2_whole", "whole-model HDF5", "2.21.0", None, None),
    ("bilstm_classifier", "JSON + HDF5 weights", None, None, None),
    ("nested_shared", "Keras archive (.keras)", "3.15.1", None, None),
]


@pytest.mark.parametrize(
    ("name", "form", "version", "layers", "parameters"), FACTS, ids=[r[0] for r in FACTS]
)
def test_facts(name: str, form: str, version: str | None, layers: int | None, parameters: int | None) -> None:
    found = porter.inspect(FIXTURES / name)
    told = found.to_dict()
    json.dumps(told)
    assert found.convertible
    assert told["source"]["format"] == form
    assert version is None or told["source"]["keras_version"] == version
    assert layers is None or len(told["layers"]) == layers
    assert parameters is None or told["parameters"] == parameters
    assert told["stored_bytes"] >= 4 * told["parameters"]
    assert found.text().endswith("converts to torch")


def test_inputs_outputs_and_shapes() -> None:
    told = porter.inspect(FIXTURES / "unet_small").to_dict()
    assert told["inputs"] == [{"name": "input_0", "shape": [None, 8, 12, 3], "dtype": "float32"}]
    assert told["outputs"] == [{"name": "mask", "shape": [None, 8, 12, 1], "dtype": "float32"}]
    rows = {row["path"]: row for row in told["layers"]}
    assert rows["up_2"] == {
        "path": "up_2",
        "class": "Conv2DTranspose",
        "output_shape": [None, 4, 6, 6],
        "parameters": 438,
    }


def test_nested_models_are_listed_within() -> None:
    paths = [row["path"] for row in porter.inspect(FIXTURES / "nested_shared").to_dict()["layers"]]
    assert any("/" in path for path in paths)


def test_an_architecture_alone_will_do() -> None:
    found = porter.inspect(FIXTURES / "demo_cnn" / "model.json")
    whole = porter.inspect(FIXTURES / "demo_cnn")
    assert found.convertible
    assert found.parameters == whole.parameters
    assert any("weights were not given" in notice for notice in found.survey.notices)


def changed(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The demo model with its architecture changed, its weights as they were."""
    config = json.loads((FIXTURES / "demo_cnn" / "model.json").read_text())
    change(config)
    folder.mkdir(exist_ok=True)
    (folder / "model.json").write_text(json.dumps(config))
    (folder / "model.weights.h5").write_bytes((FIXTURES / "demo_cnn" / "model.weights.h5").read_bytes())
    return folder


def test_all_that_cannot_be_read_is_listed(tmp_path: Path) -> None:
    def spoil(config: dict[str, Any]) -> None:
        for layer in config["config"]["layers"]:
            if layer["class_name"] in ("ReLU", "Dropout"):
                layer["class_name"] = "Unheard" + layer["class_name"]

    found = porter.inspect(changed(tmp_path / "spoilt", spoil))
    told = found.to_dict()
    assert not found.convertible
    assert [row["where"].split()[0] for row in told["unreadable"]] == ["stem_relu"] or len(
        told["unreadable"]
    ) > 1
    assert len(told["layers"]) == 12
    assert told["layers"][1]["parameters"] == 72
    assert "does not convert to torch" in found.text()
    assert "UnheardReLU" in found.text()


def test_weights_of_another_shape_are_listed(tmp_path: Path) -> None:
    folder = changed(tmp_path / "misfit", lambda config: None)
    with h5py.File(folder / "model.weights.h5", "r+") as file:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = [[1.0, 2.0]]
    found = porter.inspect(folder)
    assert not found.convertible
    assert found.to_dict()["misfits"]
    assert "does not fit" in found.text()


def test_a_bundle_can_be_inspected(tmp_path: Path) -> None:
    bundle = porter.convert(FIXTURES / "demo_cnn", to="torch", out=tmp_path / "bundle", verify=False)
    found = porter.inspect(bundle.path)
    assert found.convertible
    assert found.framework == "PyTorch"
    assert found.parameters == 6108
    assert "bundle of porter's" in found.text()


def test_it_loads_no_framework_and_speaks_json(
    porter: Callable[..., Finished], python: Callable[..., Finished]
) -> None:
    done = porter("inspect", FIXTURES / "unet_small", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["convertible"] is True
    script = (
        "import sys; from porter.cli.main import main; "
        f"code = main(['inspect', {str(FIXTURES / 'unet_small')!r}]); "
        "print(code, *{name.partition('.')[0] for name in sys.modules})"
    )
    *_, last = python("-c", script).stdout.splitlines()
    code, *loaded = last.split()
    assert code == "0"
    assert not {"torch", "tensorflow", "keras", "tf_keras", "jax", "flax", "rich"} & set(loaded)
