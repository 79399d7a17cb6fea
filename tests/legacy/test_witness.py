"""Numbers that tell on which backend a file was written: recorded predictions, and stored statistics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from converters.keras.inspection import survey
from converters.keras.source import read_source
from porter.errors import UnsupportedModel
from porter.graph.run import run
from porter.source_model import ReadRequest, SourceModel

Array = np.ndarray
RNG = np.random.default_rng(7)
EDGES = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.5, 2.0], [-1.0, 0.0, 1.0]])
KERNEL = EDGES + RNG.normal(0, 0.1, (2, 1, 3, 3))
SLOPES = RNG.normal(1.0, 0.2, (48, 1, 1, 1)) * np.linspace(-1, 1, 7) + RNG.normal(0, 0.2, (48, 1, 6, 7))
"""Images that grow brighter to the right, so that it shows which way round a kernel lies."""
NOISE = RNG.normal(0, 1, (48, 1, 6, 7))


def _layer(class_name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": config}


def _network(kernel_size: int = 3) -> list[dict[str, Any]]:
    """A convolution and what normalises it, as Keras 1.2 wrote them."""
    return [
        _layer(
            "Convolution2D",
            name="conv",
            nb_filter=2,
            nb_row=kernel_size,
            nb_col=kernel_size,
            border_mode="valid",
            dim_ordering="th",
            batch_input_shape=[None, 1, 6, 7],
            activation="linear",
        ),
        _layer("BatchNormalization", name="norm", mode=0, axis=1, epsilon=1e-3),
    ]


def _files(folder: Path, layers: list[dict[str, Any]], arrays: dict[str, list[Array]]) -> tuple[Path, Path]:
    """An architecture and arrays without names of their own, which show no backend."""
    config = {"class_name": "Sequential", "config": layers, "keras_version": "1.2.2"}
    (folder / "model.json").write_text(json.dumps(config))
    with h5py.File(folder / "weights.h5", "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in arrays]
        for name, held in arrays.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"param_{place}".encode() for place in range(len(held))]
            for place, array in enumerate(held):
                group[f"param_{place}"] = array.astype("float32")
    return folder / "model.json", folder / "weights.h5"


def _trained(folder: Path, backend: str) -> tuple[Path, Path]:
    """The network with the statistics that its backend's convolution has on the slopes."""
    blank = [np.ones(2), np.zeros(2), np.zeros(2), np.ones(2)]
    arrays = {"conv": [KERNEL, np.zeros(2)], "norm": blank}
    files = _files(folder, _network(), arrays)
    graph = read_source(ReadRequest(files, source_backend=backend)).graph
    (normed,) = run(graph, [SLOPES])
    given = normed * np.sqrt(1 + 1e-3)  # what went into the blank normalization
    arrays["norm"][2:] = [given.mean(axis=(0, 2, 3)), given.var(axis=(0, 2, 3))]
    return _files(folder, _network(), arrays)


def _read(files: tuple[Path, Path], folder: Path, **arrays: Array) -> SourceModel:
    np.savez(folder / "inputs.npz", **arrays)  # type: ignore[arg-type]
    return read_source(ReadRequest(files, inputs=folder / "inputs.npz"))


@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
def test_stored_statistics_tell(tmp_path: Path, backend: str) -> None:
    facts = _read(_trained(tmp_path, backend), tmp_path, x0=SLOPES).facts
    assert (facts["backend"], facts["backend_certainty"]) == (backend, "likely")
    assert "come within" in facts["backend_evidence"][0]


@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
def test_recorded_predictions_tell_for_certain(tmp_path: Path, backend: str) -> None:
    files = _trained(tmp_path, backend)
    (wanted,) = run(read_source(ReadRequest(files, source_backend=backend)).graph, [NOISE])
    facts = _read(files, tmp_path, x0=NOISE, y0=wanted).facts
    assert (facts["backend"], facts["backend_certainty"]) == (backend, "certain")


def test_other_data_than_it_was_trained_on_tell_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match="--source-backend theano or --source-backend tensorflow"):
        _read(_trained(tmp_path, "theano"), tmp_path, x0=NOISE)


def test_predictions_of_another_model_tell_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match="--source-backend theano or --source-backend tensorflow"):
        _read(_trained(tmp_path, "theano"), tmp_path, x0=NOISE, y0=RNG.normal(0, 1, (48, 2, 4, 5)))


ALIKE = {
    "kernels of one cell": (1, RNG.normal(0, 1, (2, 1, 1, 1))),
    "kernels that look the same turned round": (3, np.ones((2, 1, 3, 3))),
}


@pytest.mark.parametrize("case", ALIKE)
def test_a_network_that_is_the_same_on_both_needs_no_backend(tmp_path: Path, case: str) -> None:
    size, kernel = ALIKE[case]
    statistics = [np.ones(2), np.zeros(2), np.zeros(2), np.ones(2)]
    files = _files(tmp_path, _network(size), {"conv": [kernel, np.zeros(2)], "norm": statistics})
    facts = read_source(ReadRequest(files)).facts
    assert facts["backend_certainty"] == "irrelevant"


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_an_ordering_is_told_or_shown_by_predictions(tmp_path: Path, ordering: str) -> None:
    shape = [None, 6, 5, 7]
    files = _files(tmp_path, [_layer("UpSampling2D", name="up", size=[2, 2], batch_input_shape=shape)], {})
    with pytest.raises(UnsupportedModel, match="NAME:th"):
        read_source(ReadRequest(files))
    seen = survey(ReadRequest(files))
    assert (seen.facts["dim_ordering"], len(seen.layers)) == (None, 2)
    assert "NAME:th" in seen.problems[0].what
    told = read_source(ReadRequest(files, source_backend=f"theano:{ordering}"))
    x = RNG.normal(0, 1, (3, 6, 5, 7))
    (wanted,) = run(told.graph, [x])
    assert wanted.shape == ((3, 6, 10, 14) if ordering == "th" else (3, 12, 10, 7))
    assert _read(files, tmp_path, x0=x, y0=wanted).facts["dim_ordering"] == ordering
    guessed = read_source(ReadRequest(files, source_backend="auto"))
    assert any("are taken to lie" in note for note in guessed.notices)
