"""Ports with planted faults: the true cause is named, `--fix` mends it, and a right port has none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import porter
from porter.diagnosis.diagnose import diagnose
from porter.diagnosis.findings import Diagnosis
from porter.source_model import ReadRequest
from porter.verification import Settings, pair
from tests.layers.saved_rows import KERAS_MARKS

pytest.importorskip("torch")
keras = pytest.importorskip("keras")

pytestmark = KERAS_MARKS

Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class Planted:
    """A fault in a network's bundle, in its weights or its code; the causes that must be named, in order."""

    name: str
    net: str
    causes: Sequence[tuple[str, str]]  # name, and the layer where it is found first
    weights: Callable[[Weights], None] | None = None
    code: tuple[str, str] | None = None


def _flip(*keys: str) -> Callable[[Weights], None]:
    def plant(weights: Weights) -> None:
        weights.update({key: np.ascontiguousarray(weights[key][:, :, ::-1, ::-1]) for key in keys})

    return plant


def _change(key: str, how: Callable[[np.ndarray], np.ndarray]) -> Callable[[Weights], None]:
    def plant(weights: Weights) -> None:
        weights[key] = np.ascontiguousarray(how(weights[key]))

    return plant


def _exchange(one: str, other: str) -> Callable[[Weights], None]:
    def plant(weights: Weights) -> None:
        weights[one], weights[other] = weights[other], weights[one]

    return plant


def _gates(weights: Weights) -> None:
    for key in [key for key in weights if key.startswith("first.")]:
        i, f, g, o = np.split(weights[key], 4)
        weights[key] = np.concatenate([i, g, f, o])


def _one_number(weights: Weights) -> None:
    weights["d2.weight"][3, 4] += 0.05


def _several(weights: Weights) -> None:
    _flip("c2.weight")(weights)
    weights["d3.bias"] *= 0


TANH_GELU = ("F.gelu(", "(lambda v: F.gelu(v, approximate='tanh'))(")

PLANTED = (
    Planted("flipped_kernels", "cnn", [("kernel flipped", "c1")], _flip("c1.weight", "c2.weight")),
    Planted(
        "transposed", "cnn", [("inputs and outputs exchanged", "d2")], _change("d2.weight", np.transpose)
    ),
    Planted(
        "height_and_width", "cnn", [("height and width exchanged", "c2")],
        _change("c2.weight", lambda x: np.swapaxes(x, 2, 3)),
    ),
    Planted("colours", "cnn", [("red and blue exchanged", "c1")], _change("c1.weight", lambda x: x[:, ::-1])),
    Planted("no_bias", "cnn", [("bias dropped", "d3")], _change("d3.bias", np.zeros_like)),
    Planted("deviation", "cnn", [("deviation for variance", "bn")], _change("bn.running_var", np.sqrt)),
    Planted(
        "mean_and_variance", "cnn", [("mean and variance exchanged", "bn")],
        _exchange("bn.running_mean", "bn.running_var"),
    ),
    Planted("one_number", "cnn", [("other numbers", "d2")], _one_number),
    Planted("epsilon", "cnn", [("another epsilon", "bn")], code=("eps=0.001", "eps=1e-05")),
    Planted("gelu", "cnn", [("another approximate", "activation")], code=TANH_GELU),
    Planted("padding_side", "cnn", [("another padding", "c1")], code=("F.pad(x, (0, 1, 0, 1))", "F.pad(x, (1, 0, 1, 0))")),  # noqa: E501
    Planted("last_activation", "cnn", [("another activation", "d3")], code=("F.softmax(self.d3(x), dim=-1)", "F.sigmoid(self.d3(x))")),  # noqa: E501
    Planted("gates", "rnn", [("gates in another order", "first")], _gates),
    Planted(
        "three_at_once", "cnn", [("another epsilon", "bn"), ("kernel flipped", "c2"), ("bias dropped", "d3")],
        _several, ("eps=0.001", "eps=1e-05"),
    ),
)  # fmt: skip


def _cnn() -> Any:
    layers = keras.layers
    given = keras.Input((12, 14, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", name="c1")(given)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.Activation("gelu", name="activation")(x)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="c2")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(16, activation="relu", name="d1")(x)
    x = layers.Dense(16, activation="relu", name="d2")(x)
    return keras.Model(given, layers.Dense(4, activation="softmax", name="d3")(x))


def _rnn() -> Any:
    layers = keras.layers
    given = keras.Input((7, 5))
    x = layers.LSTM(6, return_sequences=True, name="first")(given)
    x = layers.GRU(6, name="second")(x)
    return keras.Model(given, layers.Dense(4, name="scores")(x))


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both networks, and a right bundle of each."""
    folder = tmp_path_factory.mktemp("right")
    rng = np.random.default_rng(0)
    for name, build in (("cnn", _cnn), ("rnn", _rnn)):
        model = build()
        for variable in model.variables:
            numbers = rng.standard_normal(variable.shape) * 0.3
            variable.assign(np.abs(numbers) + 0.2 if "variance" in variable.path else numbers)
        model.save(folder / f"{name}.keras")
        porter.convert(folder / f"{name}.keras", to="torch", out=folder / name, verify=False)
    return folder


def _faulty(planted: Planted, right: Path, folder: Path) -> Path:
    from safetensors.numpy import load_file, save_file

    bundle = shutil.copytree(right / planted.net, folder / "port")
    if planted.weights is not None:
        weights = {key: array.copy() for key, array in load_file(bundle / "model.safetensors").items()}
        planted.weights(weights)
        save_file(weights, bundle / "model.safetensors")
    if planted.code is not None:
        code = (bundle / "model.py").read_text(encoding="utf-8")
        assert planted.code[0] in code, f"{planted.code[0]!r} is not in the generated code"
        (bundle / "model.py").write_text(code.replace(*planted.code), encoding="utf-8")
    return bundle


def _diagnosed(source: Path, bundle: Path) -> Diagnosis:
    """A diagnosis in which the reference stands for the source: Keras need not be started for each row."""
    a, b, settings = pair(ReadRequest((source,)), ReadRequest((bundle,)), None, Settings())
    return diagnose(replace(a, runner=None), b, None, settings)


@pytest.mark.parametrize("planted", [pytest.param(row, id=row.name) for row in PLANTED])
def test_true_cause_is_named(planted: Planted, right: Path, tmp_path: Path) -> None:
    found = _diagnosed(right / f"{planted.net}.keras", _faulty(planted, right, tmp_path))
    told = "\n".join(found.lines())
    assert [(cause.name, cause.places[0].layer) for cause in found.causes] == list(planted.causes), told
    assert found.explained, told
    assert all(place.after < 1e-2 * place.before for cause in found.causes for place in cause.places), told
    json.dumps(found.to_dict())


def test_repeated_fault_is_said_once(right: Path, tmp_path: Path) -> None:
    found = _diagnosed(right / "cnn.keras", _faulty(PLANTED[0], right, tmp_path))
    (cause,) = found.causes
    assert [place.layer for place in cause.places] == ["c1", "c2"]
    assert found.after < 1e-5 < found.before
    assert "1 more layer(s) have the same fault" in cause.text


def test_right_port_has_no_fault(right: Path) -> None:
    found = _diagnosed(right / "cnn.keras", right / "cnn")
    assert found.equivalent
    assert not found.causes


def test_code_is_shown_where_the_fault_is_in_code(right: Path, tmp_path: Path) -> None:
    planted = next(row for row in PLANTED if row.name == "epsilon")
    (cause,) = _diagnosed(right / "cnn.keras", _faulty(planted, right, tmp_path)).causes
    assert cause.kind == "code"
    assert any("self.bn = nn.BatchNorm2d(8, eps=1e-05" in line for line in cause.lines)


def test_fix_mends_weights(porter: Callable[..., Any], right: Path, tmp_path: Path) -> None:
    bundle = _faulty(PLANTED[0], right, tmp_path)
    before = (bundle / "model.safetensors").read_bytes()
    done = porter("diagnose", right / "cnn.keras", bundle, "--fix", tmp_path / "mended")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kernel flipped" in done.stdout
    assert "mended: c1.weight" in done.stdout
    assert (bundle / "model.safetensors").read_bytes() == before
    again = porter("verify", right / "cnn.keras", tmp_path / "mended")
    assert again.returncode == 0, again.stdout


def test_original_is_never_overwritten(porter: Callable[..., Any], right: Path, tmp_path: Path) -> None:
    bundle = _faulty(PLANTED[4], right, tmp_path)
    done = porter("diagnose", right / "cnn.keras", bundle, "--fix", bundle, "--force")
    assert done.returncode == 2
    assert "never written over the original" in done.stderr
