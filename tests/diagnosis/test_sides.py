"""Diagnoses whatever the sides are: a port made by hand, a JAX bundle, two torch modules."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import porter
from porter.diagnosis.diagnose import diagnose
from porter.diagnosis.findings import Diagnosis
from porter.diagnosis.two import of_two
from porter.errors import RequestError
from porter.factories import Factory
from porter.source_model import ReadRequest
from porter.verification import Settings, contestant, pair
from tests.compare.in_process import InProcess
from tests.conftest import ROOT

pytest.importorskip("torch")

SOURCE = ROOT / "fixtures" / "demo_cnn"
CODE = Path(__file__).with_name("by_hand.py")
NAMES = {
    "stem": "conv1", "stem_norm": "bn1", "features": "conv2", "features_norm": "bn2", "hidden": "fc1",
    "shape": "fc2",
}  # fmt: skip

Weights = dict[str, np.ndarray]
FLIPPED = ("kernel flipped", "features")


def _flip(w: Weights) -> None:
    w["conv2.weight"] = w["conv2.weight"][:, :, ::-1, ::-1]


def _of_channels_last(w: Weights) -> None:
    w["fc1.weight"] = w["fc1.weight"].reshape(32, 16, 3, 3).transpose(0, 2, 3, 1).reshape(32, 144)


def _two(w: Weights) -> None:
    _of_channels_last(w)
    w["bn1.running_var"] = np.sqrt(w["bn1.running_var"])


BY_HAND: dict[str, tuple[Callable[[Weights], None], str, list[tuple[str, str]]]] = {
    "flip": (_flip, "build", [FLIPPED]),
    "two": (
        _two,
        "build",
        [("deviation for variance", "stem_norm"), ("flattened in another order", "hidden")],
    ),
    "epsilon": (lambda w: None, "build_with_another_epsilon", [("another epsilon", "stem_norm")]),
}


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """The weights of the port made by hand, as they should be."""
    out = tmp_path_factory.mktemp("right") / "bundle"
    porter.convert(SOURCE, to="torch", out=out, verify=False)
    weights = load_file(out / "model.safetensors")
    return {".".join((NAMES[layer], name)): x for (layer, name), x in _split(weights).items()}


def _split(weights: Weights) -> dict[tuple[str, str], np.ndarray]:
    return {(key.partition(".")[0], key.partition(".")[2]): array for key, array in weights.items()}


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models run in this process."""
    monkeypatch.setattr(contestant, "start", InProcess)


def _saved(weights: Weights, file: Path) -> Path:
    save_file({key: np.array(array, order="C") for key, array in weights.items()}, file)
    return file


def _module(function: str, weights: Path, **more: object) -> ReadRequest:
    return ReadRequest((), factory=Factory(str(CODE), function), weights=weights, **more)  # type: ignore[arg-type]


def _diagnosed(one: ReadRequest, other: ReadRequest) -> Diagnosis:
    a, b, settings = pair(one, other, None, Settings())
    return diagnose(replace(a, runner=None), b, None, settings)


def _named(found: Diagnosis) -> list[tuple[str, str]]:
    return [(cause.name, cause.places[0].layer) for cause in found.causes]


@pytest.mark.parametrize("name", BY_HAND)
def test_port_made_by_hand(name: str, right: Weights, tmp_path: Path) -> None:
    spoil, function, causes = BY_HAND[name]
    weights = dict(right)
    spoil(weights)
    port = _module(function, _saved(weights, tmp_path / "port.safetensors"))
    found = _diagnosed(ReadRequest((SOURCE,)), port)
    assert _named(found) == causes, "\n".join(found.lines())
    assert found.explained


@pytest.mark.parametrize("name", ["flip", "two"])
def test_weights_of_a_port_made_by_hand_are_mended(name: str, right: Weights, tmp_path: Path) -> None:
    weights = dict(right)
    BY_HAND[name][0](weights)
    file = _saved(weights, tmp_path / "port.safetensors")
    before = file.read_bytes()
    sides = ReadRequest((SOURCE,)), _module("build", file)
    found = of_two(*sides, None, Settings(), tmp_path / "mended", force=False)
    assert found.mended is not None
    assert found.mended.equivalent, "\n".join(found.lines())
    spoilt = {key for key in right if not np.array_equal(right[key], weights[key])}
    assert set(found.mended.changed) == spoilt
    (written,) = (tmp_path / "mended").iterdir()
    assert {key: x.tobytes() for key, x in load_file(written).items()} == {
        k: x.tobytes() for k, x in right.items()
    }
    assert file.read_bytes() == before


def test_weights_are_never_written_over_the_original(right: Weights, tmp_path: Path) -> None:
    weights = dict(right)
    _flip(weights)
    sides = ReadRequest((SOURCE,)), _module("build", _saved(weights, tmp_path / "port.safetensors"))
    with pytest.raises(RequestError, match="never written over the original"):
        of_two(*sides, None, Settings(), tmp_path, force=True)


def test_two_torch_modules(right: Weights, tmp_path: Path) -> None:
    one = _saved(right, tmp_path / "one.safetensors")
    weights = dict(right)
    _flip(weights)
    other = _saved(weights, tmp_path / "other.safetensors")
    given = {"x": (2, 1, 28, 28)}
    found = _diagnosed(_module("build", one, input_shapes=given), _module("build", other))
    assert _named(found) == [("kernel flipped", "conv2")], "\n".join(found.lines())


JAX = {
    "kernel": ("stem.kernel", lambda x: x[::-1, ::-1], "", "", ("kernel flipped", "stem")),
    "order": (
        "hidden.kernel", lambda x: x.reshape(3, 3, 16, 32).transpose(2, 0, 1, 3).reshape(144, 32), "", "",
        ("flattened in another order", "hidden"),
    ),
    "epsilon": ("", None, "epsilon=0.001", "epsilon=1e-05", ("another epsilon", "stem_norm")),
}  # fmt: skip


@pytest.mark.parametrize("name", JAX)
def test_jax_bundle(name: str, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    pytest.importorskip("flax")
    made = tmp_path_factory.getbasetemp() / "jax_bundle"
    if not made.exists():
        porter.convert(SOURCE, to="jax", out=made, verify=False)
    port = shutil.copytree(made, tmp_path / "port")
    key, change, before, after, cause = JAX[name]
    if change is not None:
        weights = load_file(port / "model.safetensors")
        _saved({**weights, key: change(weights[key])}, port / "model.safetensors")
    code = (port / "model.py").read_text(encoding="utf-8")
    assert before in code
    (port / "model.py").write_text(code.replace(before, after) if before else code, encoding="utf-8")
    found = _diagnosed(ReadRequest((SOURCE,)), ReadRequest((port,)))
    assert _named(found) == [cause], "\n".join(found.lines())
    assert found.explained
