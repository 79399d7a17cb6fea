"""Recordings: what is kept of a run, and what a comparison on another machine makes of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import porter
from porter.errors import RequestError
from porter.verification import contestant
from tests.compare.in_process import InProcess
from tests.conftest import ROOT

UNET = ROOT / "fixtures" / "unet_small"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    return porter.convert(UNET, to="torch", out=folder / "unet", verify=False).path


@pytest.fixture(scope="module")
def recording(bundle: Path) -> Path:
    """The bundle, recorded by a worker of its own."""
    made = porter.record(bundle, bundle.parent / "run")
    assert made.layers > 20
    assert made.sets == 2
    return made.path


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch, recording: Path) -> None:
    monkeypatch.setattr(contestant, "start", InProcess)


def listed(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_a_recording_is_compared_with_like_a_model(recording: Path) -> None:
    before = listed(recording)
    found = porter.verify(recording, UNET)
    assert found.equivalent, found.verdict
    assert found.a == "recording of PyTorch (unet)"
    assert found.environment["a"]["framework"] == "PyTorch"
    assert {row.inputs for row in found.outputs} == {"ordinary", "large"}
    assert listed(recording) == before, "a comparison removes nothing of it"


def test_layers_of_a_recording_are_told(recording: Path, bundle: Path) -> None:
    found = porter.verify(recording, bundle)
    assert found.equivalent, found.verdict
    assert sum(row.b is not None and row.isolated is not None for row in found.layers) > 15


def test_a_recording_of_something_else_is_told_from_it(recording: Path, tmp_path: Path) -> None:
    shutil.copytree(recording, tmp_path / "run")
    file = tmp_path / "run" / "set0.npz"
    arrays = dict(np.load(file))
    arrays["y0"][0, 0, 0, 0] += 1e-3
    np.savez(file, **arrays)
    found = porter.verify(tmp_path / "run", UNET)
    assert not found.equivalent
    assert "agrees with the reference, but recording of" in found.verdict


def broken(folder: Path, change: dict[str, object]) -> Path:
    told = json.loads((folder / "recording.json").read_text())
    (folder / "recording.json").write_text(json.dumps({**told, **change}))
    return folder


CHANGES = [
    ({"format": 2}, "newer than this porter"),
    ({"sets": []}, "holds no inputs"),
    ({"sets": [{"name": "x", "file": "../../secret.npz"}]}, "secret.npz: cannot be read"),
    ({"layers": [{"path": "x"}]}, "not what `porter record` writes"),
    ({"layers_of": 7}, "holds no inputs"),
]


@pytest.mark.parametrize(("change", "said"), CHANGES, ids=[said for _, said in CHANGES])
def test_a_broken_recording_is_refused(
    change: dict[str, object], said: str, recording: Path, tmp_path: Path
) -> None:
    shutil.copytree(recording, tmp_path / "run")
    with pytest.raises(RequestError, match=said):
        porter.verify(broken(tmp_path / "run", change), UNET)


def test_requests_that_make_no_sense(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="is a recording already"):
        porter.record(recording, tmp_path / "again")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(RequestError, match="is no recording"):
        porter.record(UNET, tmp_path / "mine")
    assert listed(tmp_path / "mine") == ["file"]
