"""The fixtures are what their ORIGIN.md says, small, and still give the recorded outputs."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.layers.cases.run_keras import as_list

ROOT = Path(__file__).parent.parent / "fixtures"
FOLDERS = sorted(path.parent for path in ROOT.glob("*/io.npz"))
LEGACY = sorted(path.parent for path in ROOT.glob("legacy/*/*/io.npz"))
MODEL_FILES = {
    "model.json",
    "weights.h5",
    "model.weights.h5",
    "model.keras",
    "model.h5",
    "full.h5",
}


def _name(folder: Path) -> str:
    return folder.name


@pytest.mark.parametrize("folder", FOLDERS, ids=_name)
def test_origin_lists_every_file_with_its_hash(folder: Path) -> None:
    origin = (folder / "ORIGIN.md").read_text()
    told = dict(re.findall(r"^\| (\S+) \| \d+ \| ([0-9a-f]{64}) \|$", origin, re.MULTILINE))
    files = [path for path in folder.iterdir() if path.name != "ORIGIN.md"]
    assert told == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("folder", FOLDERS + LEGACY, ids=_name)
def test_holds_a_model_and_outputs_that_depend_on_the_input(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} & MODEL_FILES
    with np.load(folder / "io.npz") as recorded:
        assert "x0" in recorded.files
        for name in recorded.files:
            values = recorded[name].astype("float64")
            assert np.isfinite(values).all()
            assert np.std(values, axis=0).max() > 1e-4, name


def test_sizes() -> None:
    sizes = {
        folder.name: sum(path.stat().st_size for path in folder.iterdir()) for folder in FOLDERS + LEGACY
    }
    assert max(sizes.values()) <= 300 * 1024
    assert sum(sizes.values()) <= 3 * 1024 * 1024


def _compiled_first(folder: Path) -> bool:
    return "compiled by XLA" in (folder / "ORIGIN.md").read_text()


def _written_by(framework: str) -> list[Path]:
    return [
        folder
        for folder in FOLDERS
        if f"written by: {framework} " in (folder / "ORIGIN.md").read_text() and not _compiled_first(folder)
    ]


def _reload(framework: str, folder: Path) -> list[np.ndarray]:
    keras = pytest.importorskip(framework)
    pair = folder / "model.json"
    if pair.exists():
        text = pair.read_text()
        model = keras.models.model_from_json(text)
        weights = {"model.weights.h5", "weights.h5"} & {path.name for path in folder.iterdir()}
        model.load_weights(folder / weights.pop())
    else:
        (path,) = (folder / name for name in MODEL_FILES if (folder / name).exists())
        model = keras.models.load_model(path, compile=False)
    with np.load(folder / "io.npz") as recorded:
        inputs = [recorded[f"x{k}"] for k in range(sum(name[0] == "x" for name in recorded.files))]
    outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    return [np.asarray(output) for output in as_list(outputs)]


@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("framework", "folder"),
    [
        pytest.param(framework, folder, id=f"{framework}-{folder.name}")
        for framework in ("keras", "tf_keras")
        for folder in _written_by(framework)
    ],
)
def test_the_framework_that_wrote_it_still_gives_the_recorded_outputs(framework: str, folder: Path) -> None:
    outputs = _reload(framework, folder)
    with np.load(folder / "io.npz") as recorded:
        for index, output in enumerate(outputs):
            assert np.allclose(output, recorded[f"y{index}"], rtol=1e-3, atol=1e-5)


def test_architectures_are_json() -> None:
    for path in ROOT.glob("**/model.json"):
        assert isinstance(json.loads(path.read_text()), dict), path
