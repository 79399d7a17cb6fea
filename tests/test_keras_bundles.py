"""Keras bundles as wholes: their files, what reads them, and what is refused."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import porter
from porter import frameworks
from porter.bundle_params import Places
from porter.bundle_source import _brought_back
from porter.errors import RequestError
from porter.graph.model import Param
from porter.graph.run import run
from porter.source_model import ReadRequest
from porter.weights.tensor import Stacked, Stored, Summed, Tensor, moved
from porter.writing.forms import Weight
from tests.conftest import ROOT, Finished

DEMO = ROOT / "fixtures" / "demo_cnn"
SOURCE = [DEMO / "model.json", DEMO / "model.weights.h5"]
FILES = {"model.py", "model.json", "model.weights.h5", "model.keras", "porter.json"}


def _recorded() -> tuple[np.ndarray, np.ndarray]:
    with np.load(DEMO / "io.npz") as file:
        return file["x0"], file["y0"]


def test_files_of_a_bundle(tmp_path: Path) -> None:
    bundle = porter.convert(SOURCE, to="tf", out=tmp_path / "out", verify=False)
    assert {path.name for path in bundle.path.iterdir()} == FILES
    with zipfile.ZipFile(bundle.path / "model.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert archive.read("model.weights.h5") == (bundle.path / "model.weights.h5").read_bytes()
        assert json.loads(archive.read("config.json")) == json.loads((bundle.path / "model.json").read_text())
    again = porter.convert(SOURCE, to="tf", out=tmp_path / "again", verify=False)
    for name in FILES - {"porter.json"}:
        assert (again.path / name).read_bytes() == (bundle.path / name).read_bytes(), name


def test_a_bundle_is_read_back(tmp_path: Path) -> None:
    inputs, outputs = _recorded()
    bundle = porter.convert(SOURCE, to="tf", out=tmp_path / "out", verify=False)
    for source in ([bundle.path], [bundle.path / "model.keras"]):
        request = ReadRequest(tuple(source))
        graph = frameworks.source(request.paths, None).read(request).graph
        assert np.allclose(run(graph, [inputs])[0], outputs, atol=1e-5)


def test_weights_of_a_keras_bundle_have_one_format(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="weights format 'safetensors' is not one that Keras has: h5"):
        porter.convert(SOURCE, to="tf", out=tmp_path / "out", verify=False, weights_format="safetensors")


def test_only_keras_has_saved_models(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="PyTorch bundles have no saved_model"):
        porter.convert(SOURCE, to="torch", out=tmp_path / "out", verify=False, saved_model=True)
    assert not (tmp_path / "out").exists()


SERVE = """
import sys
sys.modules["keras"] = sys.modules["porter"] = None
import numpy as np
import tensorflow as tf
data = np.load(sys.argv[2])
served = tf.saved_model.load(sys.argv[1])
found = served.serve(data["x0"])
assert np.allclose(found, data["y0"], atol=1e-5), np.max(np.abs(found - data["y0"]))
"""


@pytest.mark.heavy
def test_a_saved_model_needs_nothing_but_tensorflow(tmp_path: Path, python: Callable[..., Finished]) -> None:
    pytest.importorskip("tensorflow")
    bundle = porter.convert(SOURCE, to="tf", out=tmp_path / "out", verify=False, saved_model=True)
    done = python("-c", SERVE, bundle.path / "saved_model", DEMO / "io.npz")
    assert done.returncode == 0, done.stderr[-1000:]


def _stored(name: str, array: np.ndarray) -> Stored:
    return Stored("file", name, array.shape, str(array.dtype), lambda: array)


@pytest.mark.parametrize("kind", [Stacked, Summed])
def test_tensors_put_together_are_taken_apart_again(kind: type[Stacked | Summed]) -> None:
    """GRU's two biases lie in one array, and LSTM's are one; either way a bundle gives back what adds up."""
    numbers = [np.arange(6.0), np.arange(6.0) ** 2]
    params: list[Tensor] = [_stored(f"bias_{k}", array) for k, array in enumerate(numbers)]
    order = "({r z n} u) -> ({z r n} u)"
    first, second = (moved(param, order, u=2) for param in params)
    held = kind((first, second))
    places = Places({"key": Weight(held)})
    lies = _stored("key", held.read())
    back = [_brought_back(lies, places(Param(param))).read() for param in params]
    if kind is Stacked:
        assert np.array_equal(back, numbers)
    assert np.array_equal(sum(back), sum(numbers))
