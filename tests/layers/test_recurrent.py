"""What recurrent layers become in torch: its own layers where they mean the same; names and notices."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import porter
from porter.errors import UnsupportedModel
from tests.layers.cases import CASES

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

NATIVE = {
    "lstm": "nn.LSTM(3, 4, batch_first=True)",
    "lstm_no_bias": "nn.LSTM(3, 4, batch_first=True, bias=False)",
    "gru": "nn.GRU(3, 4, batch_first=True)",
    "simplernn": "nn.RNN(3, 4, batch_first=True)",
    "simplernn_relu": 'nn.RNN(3, 4, batch_first=True, nonlinearity="relu")',
    "bidirectional_lstm_sum_sequences": "nn.LSTM(3, 4, batch_first=True, bidirectional=True)",
    "masked_gru_sequences": "nn.GRU(3, 4, batch_first=True)",
    "rnn_lstm_cell": "nn.LSTM(3, 3, batch_first=True)",
    "lstm_relu": "LSTMLoop(3, 4, activation=F.relu)",
    "gru_reset_before": "GRULoop(3, 4)",
    "bidirectional_gru_reset_before": "BothWays(GRULoop(3, 4), GRULoop(3, 4))",
}
"""Rows, and the constructor call that a person would write for them."""


def _text(model: Any, folder: Path) -> tuple[str, porter.Bundle]:
    model.save(folder / "model.keras")
    bundle = porter.convert(folder / "model.keras", to="torch", out=folder / "out", verify=False)
    return (bundle.path / "model.py").read_text(encoding="utf-8"), bundle


@pytest.mark.parametrize("name", NATIVE)
def test_torchs_own_layer_where_it_means_the_same(name: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == name)
    text, _ = _text(case.model(), tmp_path)
    assert f"= {NATIVE[name]}\n" in text


def _model(build: Callable[[Any, Any], Any], *shape: int | None, **options: Any) -> Any:
    import keras

    keras.backend.clear_session()
    x = keras.Input(shape, name="x", **options)
    return keras.Model(x, build(keras.layers, x), name="model")


def test_a_classifier_reads_as_a_person_would_write_it(tmp_path: Path) -> None:
    def build(layers: Any, x: Any) -> Any:
        values = layers.Embedding(100, 64, name="embedding")(x)
        inner = layers.LSTM(32, return_sequences=True, name="inner")
        values = layers.Bidirectional(inner, name="bidirectional")(values)
        values = layers.GlobalMaxPooling1D(name="pool")(values)
        return layers.Dense(1, activation="sigmoid", name="score")(values)

    text, _ = _text(_model(build, None, dtype="int32"), tmp_path)
    assert "self.bidirectional = nn.LSTM(64, 32, batch_first=True, bidirectional=True)" in text
    assert "x, _ = self.bidirectional(x)" in text


def test_the_bias_that_keras_lacks_is_zero_and_stays_so(tmp_path: Path) -> None:
    text, bundle = _text(_model(lambda layers, x: layers.LSTM(4, name="lstm")(x), 5, 3), tmp_path)
    assert "self.lstm.bias_hh_l0.requires_grad_(False)" in text
    keys = {entry["key"] for row in bundle.manifest["ledger"] for entry in row["becomes"]}
    assert keys == {"lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.bias_ih_l0"}


def test_names_that_would_hide_a_helper_are_changed(tmp_path: Path) -> None:
    import keras

    x = keras.Input((5, 3), name="torch")
    mask = keras.Input((5,), dtype="bool", name="masked")
    values = keras.layers.Dense(3, name="nn")(x)
    result = keras.layers.LSTM(3, return_sequences=True, name="F")(values, mask=mask)
    text, _ = _text(keras.Model([x, mask], [values, result], name="LSTMLoop"), tmp_path)
    assert "def forward(self, torch_2, masked_2):" in text
    assert ", _ = masked(self.F, nn_2, masked_2)" in text


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
def test_a_stateful_layer_is_converted_with_a_notice(name: str, tmp_path: Path) -> None:
    import keras

    x = keras.Input(batch_shape=(2, 5, 3))
    model = keras.Model(x, keras.layers.Bidirectional(keras.layers.GRU(4, stateful=True), name="both")(x))
    model.save(tmp_path / name)
    bundle = porter.convert(tmp_path / name, to="torch", out=tmp_path / "out", verify=False)
    assert any("both: it is stateful" in notice for notice in bundle.manifest["notices"])


def test_dropout_lives_in_training_and_what_cannot_is_told(tmp_path: Path) -> None:
    def build(layers: Any, x: Any) -> Any:
        values = layers.LSTM(4, dropout=0.5, return_sequences=True, name="low")(x)
        return layers.GRU(4, recurrent_dropout=0.2, name="high")(values)

    text, bundle = _text(_model(build, 5, 3), tmp_path)
    assert "self.low_dropout = SharedDropout(0.5, (1,))" in text
    (notice,) = bundle.manifest["notices"]
    assert notice == "high: its recurrent_dropout, which acts in training only, is left out"


def test_a_mask_that_keras_3_leaves_aside_is_told(tmp_path: Path) -> None:
    def build(layers: Any, x: Any) -> Any:
        values = layers.Embedding(5, 4, mask_zero=True, name="embedding")(x)
        start = layers.GlobalAveragePooling1D(name="start")(values)
        return layers.GRU(4, name="gru")(values, initial_state=start)

    text, bundle = _text(_model(build, 5, dtype="int32"), tmp_path)
    assert any("gru: Keras 3 does not apply its mask" in notice for notice in bundle.manifest["notices"])
    assert "masked(" not in text


def test_a_cell_of_the_writers_own_is_refused_by_name(tmp_path: Path) -> None:
    import keras

    @keras.saving.register_keras_serializable("tests")
    class Counting(keras.layers.Layer):  # type: ignore[misc]
        state_size = output_size = 3

        def call(self, x: Any, states: Any) -> Any:
            return states[0] + 1, [states[0] + 1]

    model = _model(lambda layers, x: layers.RNN(Counting(), name="rnn")(x), 5, 3)
    model.save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedModel, match="its cell Counting is not known"):
        porter.convert(tmp_path / "model.keras", to="torch", out=tmp_path / "out", verify=False)
