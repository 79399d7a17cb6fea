"""Recurrent layers have rows of their own: what comes down to them, and what each makes of true inputs; and
the layers behind them get true sequences and states."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

import porter
from porter.compare.verdict import LAYER_LIMIT
from porter.verification import contestant
from tests.compare.in_process import InProcess
from tests.compare.test_other_targets import read, weights_of, write

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

layers = keras.layers


def plain() -> keras.Model:
    x = made = keras.Input((9, 5))
    x = layers.LSTM(6, return_sequences=True, name="lstm")(x)
    x = layers.GRU(4, return_sequences=True, go_backwards=True, name="gru")(x)
    x = layers.SimpleRNN(3, name="rnn")(x)
    return keras.Model(made, layers.Dense(3, name="scores")(x))


def both_ways() -> keras.Model:
    x = made = keras.Input((9, 5))
    x = layers.Bidirectional(layers.LSTM(6, return_sequences=True), name="lstm")(x)
    inner = layers.GRU(4, reset_after=False, recurrent_activation="hard_sigmoid")
    x = layers.Bidirectional(inner, name="gru")(x)
    return keras.Model(made, layers.Dense(3, name="scores")(x))


def with_states() -> keras.Model:
    made = keras.Input((9, 5))
    whole, h, c = layers.LSTM(6, return_sequences=True, return_state=True, name="lstm")(made)
    x = layers.LSTM(6, return_sequences=True, name="gru")(whole, initial_state=[h, c])
    return keras.Model(made, layers.Dense(3, name="scores")(x))


def images() -> keras.Model:
    x = made = keras.Input((4, 6, 5, 2))
    x = layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True, name="lstm")(x)
    x = layers.ConvLSTM2D(3, 3, name="gru")(x)
    return keras.Model(made, layers.Dense(3, name="scores")(layers.Flatten()(x)))


NETWORKS = (plain, both_ways, with_states, images)
TARGETS = ("torch", "jax", "tf")

FIRST = ({5, 24}, {2, 3, 12})
"""Sizes that only the first layer's weights for its input have."""

Made = tuple[Path, Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[], keras.Model], str], Made]:
    """The file of a network and its bundle for a target, each made once."""
    folder = tmp_path_factory.mktemp("recurrent")

    def make(network: Callable[[], keras.Model], target: str) -> Made:
        file = folder / f"{network.__name__}.keras"
        if not file.exists():
            model, rng = network(), np.random.default_rng(3)
            for variable in model.weights:
                variable.assign(variable.numpy() + 0.2 * rng.standard_normal(variable.shape))
            model.save(file)
        bundle = folder / f"{network.__name__}_{target}"
        if not bundle.exists():
            porter.convert(file, to=target, out=bundle, verify=False)
        return file, bundle

    return make


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestant, "start", InProcess)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("network", NETWORKS)
def test_each_layer_has_a_row(
    network: Callable[[], keras.Model], target: str, made: Callable[..., Made]
) -> None:
    found = porter.verify(*made(network, target))
    assert found.equivalent, found.verdict
    rows = [row for row in found.layers if row.name in ("lstm", "gru", "rnn")]
    assert len(rows) == (3 if network is plain else 2)
    for row in rows:
        assert row.b is not None
        assert row.isolated is not None
        assert row.times < LAYER_LIMIT / 4


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("network", NETWORKS)
def test_no_other_layer_is_blamed(
    network: Callable[[], keras.Model], target: str, made: Callable[..., Made], tmp_path: Path
) -> None:
    """A mistake in the first layer comes down to all, also by its states; by itself, it alone is wrong."""
    file, bundle = made(network, target)
    mutant = tmp_path / "mutant"
    shutil.copytree(bundle, mutant, ignore=shutil.ignore_patterns("__pycache__"))
    weights = read(weights_of(mutant))
    key = next(key for key, array in weights.items() if any(one <= set(array.shape) for one in FIRST))
    weights[key] = np.flip(weights[key], -1 if target != "torch" else 0).copy()
    write(weights_of(mutant), weights)
    found = porter.verify(file, mutant)
    assert found.diverges == "lstm", found.verdict
    alone = [row.name for row in found.layers if row.isolated and row.isolated.times > LAYER_LIMIT]
    assert alone == ["lstm"]
    assert all(row.times > LAYER_LIMIT for row in found.layers if row.b is not None)
