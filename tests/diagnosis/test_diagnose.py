"""Ports with planted faults: the true cause is named, `--fix` mends it, and a right port has none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import porter
from porter.diagnosis.diagnose import diagnose
from porter.diagnosis.findings import Diagnosis
from porter.source_model import ReadRequest
from porter.verification import Settings, contestant, pair
from tests.compare.in_process import InProcess
from tests.diagnosis.networks import NETWORKS, saved
from tests.diagnosis.planted import PLANTED, Planted
from tests.layers.saved_rows import KERAS_MARKS

pytest.importorskip("torch")
pytest.importorskip("keras")

pytestmark = KERAS_MARKS


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All networks, and a right bundle of each."""
    folder = tmp_path_factory.mktemp("right")
    for name in NETWORKS:
        porter.convert(saved(name, folder), to="torch", out=folder / name, verify=False)
    return folder


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bundles run in this process."""
    monkeypatch.setattr(contestant, "start", InProcess)


def diagnosed(source: Path, bundle: Path) -> Diagnosis:
    """A diagnosis in which the reference stands for the source: Keras need not be started for each row."""
    a, b, settings = pair(ReadRequest((source,)), ReadRequest((bundle,)), None, Settings())
    return diagnose(replace(a, runner=None), b, None, settings)


def row(name: str) -> Planted:
    return next(planted for planted in PLANTED if planted.name == name)


@pytest.mark.parametrize("planted", [pytest.param(row, id=row.name) for row in PLANTED])
@pytest.mark.usefixtures("here")
def test_true_cause_is_named(planted: Planted, right: Path, tmp_path: Path) -> None:
    found = diagnosed(right / f"{planted.net}.keras", planted.plant(right, tmp_path))
    told = "\n".join(found.lines())
    assert [(cause.name, cause.places[0].layer) for cause in found.causes] == list(planted.causes), told
    assert found.explained, told
    places = [place for cause in found.causes for place in cause.places]
    assert all(place.after is None or place.after < 1e-2 * place.before for place in places), told
    json.dumps(found.to_dict())


@pytest.mark.usefixtures("here")
def test_repeated_fault_is_said_once(right: Path, tmp_path: Path) -> None:
    found = diagnosed(right / "cnn.keras", row("flip").plant(right, tmp_path))
    (cause,) = found.causes
    assert [place.layer for place in cause.places] == ["c1", "c2"]
    assert found.after < 1e-5 < found.before
    assert "1 more layer(s) have the same fault" in cause.text


@pytest.mark.parametrize("net", NETWORKS)
@pytest.mark.usefixtures("here")
def test_right_port_has_no_fault(net: str, right: Path) -> None:
    found = diagnosed(right / f"{net}.keras", right / net)
    assert found.equivalent
    assert not found.causes


@pytest.mark.usefixtures("here")
def test_code_is_shown_where_the_fault_is_in_code(right: Path, tmp_path: Path) -> None:
    (cause,) = diagnosed(right / "cnn.keras", row("epsilon").plant(right, tmp_path)).causes
    assert cause.kind == "code"
    (line,) = cause.lines
    assert "self.bn = nn.BatchNorm2d(8, eps=1e-05" in line
    assert "porter writes: self.bn = nn.BatchNorm2d(8, eps=0.001" in line


@pytest.mark.usefixtures("here")
def test_momentum_which_only_training_shows(right: Path, tmp_path: Path) -> None:
    planted = Planted("momentum", "cnn", [], code=[("momentum=0.01", "momentum=0.1")])
    found = diagnosed(right / "cnn.keras", planted.plant(right, tmp_path))
    assert found.equivalent
    (cause,) = found.causes
    assert cause.name == "another momentum"
    assert "momentum=0.1)  (porter writes: " in cause.lines[0]
    assert "only training shows" in found.lines()[0]


def test_fix_mends_weights(porter: Callable[..., Any], right: Path, tmp_path: Path) -> None:
    """As a user does it: both sides in processes of their own."""
    bundle = row("flip").plant(right, tmp_path)
    before = (bundle / "model.safetensors").read_bytes()
    done = porter("diagnose", right / "cnn.keras", bundle, "--fix", tmp_path / "mended")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kernel flipped" in done.stdout
    assert "mended: c1.weight" in done.stdout
    assert "equivalent" in done.stdout.splitlines()[-1]
    assert (bundle / "model.safetensors").read_bytes() == before


def test_original_is_never_overwritten(porter: Callable[..., Any], right: Path, tmp_path: Path) -> None:
    bundle = row("bias_dropped").plant(right, tmp_path)
    done = porter("diagnose", right / "cnn.keras", bundle, "--fix", bundle, "--force")
    assert done.returncode == 2
    assert "never written over the original" in done.stderr
