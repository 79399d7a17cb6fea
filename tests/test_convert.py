"""Converting as a whole: bundles appear whole or not at all, and bad input is told in one clear sentence."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

import porter
from porter.weights.reading import stored_tensors

FIXTURES = Path(__file__).parents[1] / "fixtures"
PAIR = (FIXTURES / "mnist_cnn_keras2" / "model.json", FIXTURES / "mnist_cnn_keras2" / "weights.h5")
OTHER = FIXTURES / "multi_io" / "weights.h5"
WHOLE = FIXTURES / "mnist_cnn_keras2_whole" / "model.h5"


def convert(source: object, out: Path, **options: object) -> porter.Bundle:
    return porter.convert(source, to="torch", out=out, verify=False, **options)  # type: ignore[arg-type]


def test_bundle_holds_what_the_contract_names(tmp_path: Path) -> None:
    bundle = convert(PAIR, tmp_path / "out")
    assert {path.name for path in bundle.path.iterdir()} == {"model.py", "model.safetensors", "porter.json"}
    manifest = json.loads((bundle.path / "porter.json").read_text(encoding="utf-8"))
    signature = {"name", "shape", "dtype", "axes", "source_axes"}
    assert all(set(row) == signature for row in (*manifest["inputs"], *manifest["outputs"]))
    assert manifest["inputs"][0]["shape"][0] is None
    imports = [
        n for n in ast.walk(ast.parse((bundle.path / "model.py").read_text())) if isinstance(n, ast.Import)
    ]
    assert {alias.name.split(".")[0] for node in imports for alias in node.names} <= {"torch", "h5py"}


def test_every_array_is_accounted_for(tmp_path: Path) -> None:
    bundle = convert(PAIR, tmp_path / "out")
    rows = bundle.manifest["ledger"]
    with h5py.File(PAIR[1]) as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    assert sorted(row["array"] for row in rows) == sorted(names)
    keys = stored_tensors(bundle.path / "model.safetensors")
    assert all(entry["key"] in keys for row in rows for entry in row["becomes"])


def test_both_weight_formats_hold_the_same(tmp_path: Path) -> None:
    one, other = convert(PAIR, tmp_path / "a"), convert(PAIR, tmp_path / "b", weights_format="h5")
    left = stored_tensors(one.path / "model.safetensors")
    right = stored_tensors(other.path / "model.weights.h5")
    assert set(left) == set(right)
    for key in left:
        np.testing.assert_array_equal(left[key].read(), right[key].read())


def test_a_bundle_can_be_read_back(tmp_path: Path) -> None:
    first = convert(PAIR, tmp_path / "a")
    second = convert(first.path, tmp_path / "b")
    left = stored_tensors(first.path / "model.safetensors")
    right = stored_tensors(second.path / "model.safetensors")
    assert list(left) == list(right)
    for key in left:
        np.testing.assert_array_equal(left[key].read(), right[key].read())


def test_a_failure_leaves_the_old_bundle(tmp_path: Path) -> None:
    out = tmp_path / "out"
    convert(PAIR, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(porter.WeightsError):
        convert((PAIR[0], OTHER), out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_others_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    with pytest.raises(porter.RequestError, match="no bundle"):
        convert(PAIR, tmp_path / "out")
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"
    convert(PAIR, tmp_path / "out", force=True)
    assert (tmp_path / "out" / "porter.json").exists()


def _truncated(folder: Path) -> list[Path]:
    path = folder / "short.h5"
    path.write_bytes(WHOLE.read_bytes()[:5000])
    return [path]


def _written(folder: Path, name: str, text: str) -> list[Path]:
    (folder / name).write_text(text)
    return [folder / name]


def _changed_config(folder: Path, change: Callable[[dict], None]) -> list[Path]:  # type: ignore[type-arg]
    config = json.loads(PAIR[0].read_text())
    change(config)
    (folder / "model.json").write_text(json.dumps(config))
    shutil.copy(PAIR[1], folder / "weights.h5")
    return [folder / "model.json", folder / "weights.h5"]


def _unknown_classes(config: dict) -> None:  # type: ignore[type-arg]
    layers = config["config"]["layers"]
    layers[-1]["class_name"], layers[-2]["class_name"] = "Mystery", "Riddle"


def _surplus(folder: Path) -> list[Path]:
    shutil.copy(PAIR[1], folder / "weights.h5")
    with h5py.File(folder / "weights.h5", "a") as file:
        names = [np.bytes_(name) for name in file.attrs["layer_names"]]
        extra = file.create_group("stowaway")
        extra.create_dataset("kernel:0", data=np.zeros((2, 2), "float32"))
        extra.attrs["weight_names"] = np.array([b"kernel:0"])
        file.attrs["layer_names"] = np.array([*names, np.bytes_("stowaway")])
    return [PAIR[0], folder / "weights.h5"]


BAD: dict[str, tuple[Callable[[Path], object], type[Exception], str]] = {
    "no such file": (lambda f: [f / "none.h5"], porter.SourceError, "no such file"),
    "truncated": (_truncated, porter.SourceError, "short.h5"),
    "not a model": (lambda f: _written(f, "a.json", '{"a": 1}'), porter.SourceError, "not a model"),
    "text": (lambda f: _written(f, "a.h5", "hello"), porter.SourceError, "not a model"),
    "architecture alone": (lambda f: [PAIR[0]], porter.SourceError, "without weights"),
    "weights alone": (lambda f: [PAIR[1]], porter.SourceError, "without an architecture"),
    "weights of another model": (lambda f: [PAIR[0], OTHER], porter.WeightsError, "multi_io"),
    "surplus array": (_surplus, porter.WeightsError, "stowaway"),
    "unknown classes": (lambda f: _changed_config(f, _unknown_classes), porter.UnsupportedModel, "Riddle"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str, tmp_path: Path) -> None:
    make, error, words = BAD[name]
    given = tmp_path / "given"
    given.mkdir()
    with pytest.raises(error, match=words) as caught:
        convert(make(given), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    if name == "unknown classes":  # every problem is told at once
        assert "Mystery" in str(caught.value)
