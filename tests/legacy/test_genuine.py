"""Models that genuine old stacks wrote give the outputs that those stacks recorded, here and in torch."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import porter
from converters.keras.arrays import ArrayStore
from converters.keras.backend import Told
from converters.keras.legacy.opening import opened
from converters.keras.source import read_source
from converters.keras.upgrade import Writer
from porter.errors import UnsupportedModel
from porter.graph.run import run
from porter.source_model import ReadRequest, SourceModel

ROOT = Path(__file__).parents[2] / "fixtures" / "legacy"
CASES = sorted(path.parent for path in ROOT.glob("*/*/io.npz"))
SILENT = {"maxpool2d_same_4x4s2_tf"}
"""Without weights, nothing in the file says on what it was written."""

ROUNDING = 2e-6
"""Of the largest output: what a float32 run of these small networks may be off from one in float64."""


def _name(case: Path) -> str:
    return f"{case.parent.name}/{case.name}"


def _backend(case: Path) -> str:
    return "theano" if "theano" in case.parent.name else "tensorflow"


def _arrays(case: Path, letter: str) -> list[np.ndarray]:
    with np.load(case / "io.npz") as file:
        return [file[f"{letter}{place}"] for place in range(len(file.files)) if f"{letter}{place}" in file]


def _read(case: Path, **told: Any) -> SourceModel:
    return read_source(ReadRequest((case / "model.json", case / "weights.h5"), **told))


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_the_reference_computes_what_was_recorded(case: Path) -> None:
    told = _backend(case) if case.name in SILENT else None
    results = run(_read(case, source_backend=told).graph, _arrays(case, "x"))
    for result, wanted in zip(results, _arrays(case, "y"), strict=True):
        assert result.shape == wanted.shape
        assert np.abs(result - wanted).max() <= ROUNDING * max(np.abs(wanted).max(), 1)


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_a_bundle_for_torch_computes_it_too(case: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    porter.convert(
        [case / "model.json", case / "weights.h5"],
        to="torch",
        out=tmp_path / "bundle",
        io_layout="source",
        verify=False,
        source_backend=_backend(case) if case.name in SILENT else None,
    )
    spec = importlib.util.spec_from_file_location("converted", tmp_path / "bundle" / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with torch.no_grad():
        out = module.load()(*[torch.from_numpy(x) for x in _arrays(case, "x")])
    results = out if isinstance(out, tuple) else (out,)
    for result, wanted in zip(results, _arrays(case, "y"), strict=True):
        assert np.abs(result.numpy() - wanted).max() <= 10 * ROUNDING * max(np.abs(wanted).max(), 1)


@pytest.mark.parametrize("case", [case for case in CASES if (case / "full.h5").exists()], ids=_name)
def test_one_file_means_the_same_as_two(case: Path) -> None:
    whole = read_source(ReadRequest((case / "full.h5",)))
    pair = _read(case)
    for one, other in zip(*(run(model.graph, _arrays(case, "x")) for model in (whole, pair)), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("case", [case for case in CASES if case.name in SILENT], ids=_name)
def test_silent_files_are_refused_unless_told_or_shown(case: Path) -> None:
    with pytest.raises(UnsupportedModel, match="--source-backend theano or --source-backend tensorflow"):
        _read(case)
    shown = _read(case, inputs=case / "io.npz")
    assert shown.facts["backend"] == _backend(case)
    assert shown.facts["backend_certainty"] == "certain"
    assert "recorded predictions agree" in shown.facts["backend_evidence"][0]


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_every_array_is_used_or_has_a_reason(case: Path) -> None:
    told = _backend(case) if case.name in SILENT else None
    for row in _read(case, source_backend=told).ledger:
        assert row.used_by or row.reason, row.array.key


@pytest.mark.parametrize("name", ["conv_bn_relu_th", "siamese_conv_th", "imdb_cnn_small_lambda"])
def test_an_architecture_that_lost_its_version_is_dated_by_its_words(name: str, tmp_path: Path) -> None:
    """Before 1.0.8 batch normalization stored deviations, with the same shapes and names, and before 1.1
    kernels in one dimension lay otherwise."""
    case = ROOT / "keras1.2.2-theano0.9.0" / name
    model = json.loads((case / "model.json").read_text())
    assert model.pop("keras_version") == "1.2.2"
    (tmp_path / "model.json").write_text(json.dumps(model))
    read = read_source(ReadRequest((tmp_path / "model.json", case / "weights.h5")))
    for result, wanted in zip(run(read.graph, _arrays(case, "x")), _arrays(case, "y"), strict=True):
        assert np.abs(result - wanted).max() <= ROUNDING * max(np.abs(wanted).max(), 1)


@pytest.mark.parametrize("stack", ["keras2.2.4-theano1.0.5", "keras2.2.4-tf1.12.0"])
def test_keras_2_without_its_attributes_is_told_by_its_names(stack: str, tmp_path: Path) -> None:
    """Theano's files must not be taken for those of TensorFlow's own Keras, which names no backend."""
    case = ROOT / stack / "conv2d_same_even_stride2_in8_cl"
    model = json.loads((case / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({"class_name": "Sequential", "config": model["config"]}))
    shutil.copy(case / "weights.h5", tmp_path / "weights.h5")
    with h5py.File(tmp_path / "weights.h5", "a") as file:
        del file.attrs["backend"], file.attrs["keras_version"]
    request = ReadRequest((tmp_path / "model.json", tmp_path / "weights.h5"))
    if _backend(case) == "theano":
        with pytest.raises(UnsupportedModel, match="lack the ':0'"):
            read_source(request)
    told = read_source(replace(request, inputs=case / "io.npz"))
    assert told.facts["backend"] == _backend(case)


def test_what_no_words_date_is_said() -> None:
    """Genuine files of 1.0.1 have no version either, and nothing else tells a lone normalization of 1.0.7."""
    case = ROOT / "keras1.0.7-theano0.8.2" / "bn_2d"
    assert not any("read as deviations" in note for note in _read(case).notices)
    model = json.loads((case / "model.json").read_text())
    notes = opened(model, Writer(1), ArrayStore(None, "none"), Told())[2]
    assert any("read as deviations" in note for note in notes)


def test_inspect_says_what_is_known_and_what_would_differ() -> None:
    case = ROOT / "keras1.2.2-theano0.9.0"
    silent = case / "maxpool2d_same_4x4s2_tf"
    files = [silent / "model.json", silent / "weights.h5"]
    found = porter.inspect(files)
    assert not found.convertible
    assert "note: if on Theano, loaded as if today's Keras had written it" in found.text()
    assert porter.inspect(files, source_backend="theano").convertible
    known = porter.inspect([case / "conv_bn_relu_th" / name for name in ("model.json", "weights.h5")])
    assert "written by Keras 1.2.2, backend theano" in known.text()
    assert "images lie channels first (dim_ordering 'th')" in known.text()
    bare = porter.inspect(case / "conv_bn_relu_th" / "model.json")
    assert bare.convertible
    assert "is not decided by what is in the files" in bare.text()
