"""Files that are damaged, hostile or something else: one clear sentence each, and nothing run."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from converters.keras.load import load, recognises
from porter.errors import PorterError, RequestError, SourceError, UnsupportedModel

MODEL: dict[str, Any] = {
    "class_name": "Sequential",
    "config": {
        "name": "m",
        "layers": [
            {
                "class_name": "Dense",
                "config": {"name": "d", "units": 2, "batch_input_shape": [None, 3]},
            }
        ],
    },
    "keras_version": "2.4.0",
    "backend": "tensorflow",
}


def _weights(path: Path) -> h5py.File:
    """A sound weights file, left open for a fault to be added."""
    file = h5py.File(path, "w")
    file.attrs["layer_names"] = [b"d"]
    group = file.create_group("d")
    group.attrs["weight_names"] = [b"d/kernel:0", b"d/bias:0"]
    group["d/kernel:0"] = np.ones((3, 2), "float32")
    group["d/bias:0"] = np.ones(2, "float32")
    return file


def _soft(file: h5py.File) -> None:
    del file["d/d/bias:0"]
    file["d/d/bias:0"] = h5py.SoftLink("/d/d/kernel:0")


def _external_link(file: h5py.File) -> None:
    file["other"] = h5py.ExternalLink("/etc/passwd", "/")


def _external_storage(file: h5py.File) -> None:
    file.create_dataset("x", (4,), "uint8", external=[("/etc/passwd", 0, 4)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="float32")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "x", shape=(4,))
    file.create_virtual_dataset("x", layout)


def _bomb(file: h5py.File) -> None:
    file.create_dataset("x", (1 << 20, 1 << 20), "float32", chunks=(64, 64), compression="gzip")


def _hole(file: h5py.File) -> None:
    file.create_dataset("x", (1 << 18, 1 << 18), "float32")


def _circle(file: h5py.File) -> None:
    file["d/again"] = file["d"]


def _unlisted(file: h5py.File) -> None:
    file["d"].attrs["weight_names"] = [b"d/kernel:0", b"../d/bias:0"]


FAULTS: dict[Callable[[h5py.File], None], str] = {
    _soft: "soft link",
    _external_link: "links are refused",
    _external_storage: "in other files",
    _virtual: "in other files",
    _bomb: "claims the shape",
    _hole: "claims the shape",
    _circle: "contains itself",
}


@pytest.fixture
def architecture(tmp_path: Path) -> Path:
    """A JSON file that is in order."""
    path = tmp_path / "model.json"
    path.write_text(json.dumps(MODEL))
    return path


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_hostile_hdf5(tmp_path: Path, architecture: Path, fault: Callable[[h5py.File], None]) -> None:
    path = tmp_path / "w.h5"
    with _weights(path) as file:
        fault(file)
    with pytest.raises(SourceError, match=FAULTS[fault]) as caught:
        load([architecture, path])
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", [0, 7, 100, 600, 2000, -10])
def test_truncated_hdf5(tmp_path: Path, architecture: Path, length: int) -> None:
    path = tmp_path / "w.h5"
    _weights(path).close()
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(SourceError, match=r"w\.h5"):
        load([architecture, path])


def test_scrambled_hdf5_never_escapes_as_another_error(tmp_path: Path, architecture: Path) -> None:
    path = tmp_path / "w.h5"
    _weights(path).close()
    sound = path.read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(60):
        data = bytearray(sound)
        for place in rng.integers(8, len(data), 12):
            data[place] = rng.integers(256)
        path.write_bytes(bytes(data))
        with contextlib.suppress(PorterError):
            for array in load([architecture, path]).arrays.arrays.values():
                array.read()


def _archive(path: Path, **members: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return path


def test_compressed_archives_are_read(tmp_path: Path) -> None:
    _weights(tmp_path / "w.h5").close()
    path = _archive(
        tmp_path / "m.bin",
        config__json=json.dumps(MODEL),
        metadata__json='{"keras_version": "2.13.1"}',
        model__weights__h5=(tmp_path / "w.h5").read_bytes(),
    )
    saved = load([path])
    assert saved.origin.keras_version == "2.13.1"
    np.testing.assert_array_equal(saved.arrays.arrays["d/d/bias:0"].read(), [1, 1])


def _cut(tmp_path: Path) -> Path:
    path = _archive(tmp_path / "x.keras", config__json=json.dumps(MODEL))
    path.write_bytes(path.read_bytes()[:-30])
    return path


def _text(content: str | bytes) -> Callable[[Path], Path]:
    def write(tmp_path: Path) -> Path:
        path = tmp_path / "x.json"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def _model(**changes: Any) -> Callable[[Path], Path]:
    return _text(json.dumps({**MODEL, **changes}))


def _hdf5(fill: Callable[[h5py.File], Any]) -> Callable[[Path], Path]:
    def write(tmp_path: Path) -> Path:
        path = tmp_path / "x.h5"
        with h5py.File(path, "w") as file:
            fill(file)
        return path

    return write


def _saved_model(tmp_path: Path) -> Path:
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    return tmp_path


def _empty_folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    return tmp_path / "inner"


SINGLE = {"class_name": "Dense", "config": {"name": "d", "units": 2}}
SUBCLASSED = {"class_name": "MyModel", "config": {}, "module": "my", "keras_version": "3.1.0"}
WRONG: dict[str, tuple[Callable[[Path], Path], type[PorterError], str]] = {
    "cut zip": (_cut, SourceError, "zip archive"),
    "zip of something else": (
        lambda folder: _archive(folder / "x.zip", data__pkl="x"),
        SourceError,
        "no config.json",
    ),
    "archive without weights": (
        lambda folder: _archive(folder / "x.keras", config__json=json.dumps(MODEL)),
        SourceError,
        "no model.weights.h5",
    ),
    "empty file": (_text(""), SourceError, "is not JSON"),
    "binary": (_text(b"\x00\x01\x02" * 50), SourceError, "neither HDF5"),
    "latin-1": (_text(b"caf\xe9"), SourceError, "nor text"),
    "broken JSON": (_text('{"class_name": '), SourceError, "is not JSON"),
    "deep JSON": (_text("[" * 100_000), SourceError, "nested|not JSON"),
    "a number": (_text("3"), SourceError, "not a Keras model"),
    "other JSON": (_text('{"a": 1}'), SourceError, "not a Keras model"),
    "mixed generations": (_model(keras_version="1.2.2"), SourceError, "words of Keras 2"),
    "Keras 4": (_model(keras_version="4.0.0"), UnsupportedModel, "Keras 4.0.0"),
    "YAML": (_text("class_name: Sequential\nconfig:\n- a\n"), SourceError, "no class_name"),
    "a layer": (_model(**SINGLE), SourceError, "single layer"),
    "subclassed": (_text(json.dumps(SUBCLASSED)), UnsupportedModel, "subclassed"),
    "empty Sequential": (_model(config=[]), SourceError, "without layers"),
    "layer without class": (_model(config=[{"config": {}}]), SourceError, "no class_name"),
    "layer without name": (
        _model(config=[{"class_name": "Dense", "config": {}}]),
        SourceError,
        "no name",
    ),
    "weights alone": (
        _hdf5(lambda file: file.attrs.update(layer_names=[b"d"])),
        SourceError,
        "JSON file as well",
    ),
    "other HDF5": (
        _hdf5(lambda file: file.create_dataset("images", data=[1.0])),
        SourceError,
        "images",
    ),
    "SavedModel": (_saved_model, UnsupportedModel, "SavedModel"),
    "empty folder": (_empty_folder, SourceError, "no Keras model"),
    "no such file": (lambda folder: folder / "nothing.h5", RequestError, "no such file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_one_sentence_and_the_file(tmp_path: Path, case: str) -> None:
    make, kind, words = WRONG[case]
    path = make(tmp_path)
    with pytest.raises(kind, match=words) as caught:
        load([path], architecture_only=True)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 500


def test_an_architecture_needs_its_weights(tmp_path: Path, architecture: Path) -> None:
    with pytest.raises(SourceError, match="without weights"):
        load([architecture])
    assert load([architecture], architecture_only=True).model.name == "m"


def test_two_of_a_kind(tmp_path: Path, architecture: Path) -> None:
    _weights(tmp_path / "a.h5").close()
    _weights(tmp_path / "b.h5").close()
    with pytest.raises(RequestError, match="several files hold weights"):
        load([tmp_path / "a.h5", architecture, tmp_path / "b.h5"])
    with pytest.raises(RequestError, match="several files hold an architecture"):
        load([architecture, architecture, tmp_path / "b.h5"])
    with pytest.raises(RequestError, match="no file"):
        load([])


def test_recognised_by_content_never_by_name(tmp_path: Path, architecture: Path) -> None:
    _weights(tmp_path / "w.h5").close()
    disguised = (tmp_path / "w.h5").rename(tmp_path / "weights.json")
    plain = architecture.rename(tmp_path / "model.h5")
    assert recognises([disguised, plain])
    assert load([disguised, plain]).model.name == "m"
    pickle = _archive(tmp_path / "model.keras", data__pkl=b"x")
    assert not recognises([pickle])
    assert not recognises([tmp_path / "missing"])
    (tmp_path / "porter.json").write_text("{}")
    assert not recognises([tmp_path])


def test_nothing_in_a_lambda_runs(tmp_path: Path) -> None:
    layer = {
        "class_name": "Lambda",
        "config": {"name": "evil", "function": ["4wAA", None, None], "batch_input_shape": [1, 2]},
    }
    path = _model(config=[layer])(tmp_path)
    spec = load([path], architecture_only=True).model.layers[1]
    assert (spec.class_name, spec.config["function"]) == ("Lambda", ["4wAA", None, None])
