"""Recurrent layers as TensorFlow's Keras 2 saves and computes them: other files, other habits."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import porter
from tests.layers.cases import CASES, LayerCase, hard_inputs, randomise
from tests.layers.cases.run_keras import as_list
from tests.layers.saved_rows import bundle_module

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="tf_keras is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
    pytest.mark.filterwarnings("ignore::UserWarning:tf_keras"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]

NAMES = (
    "lstm_unrolled", "gru_no_bias", "simplernn_backwards_last", "lstm_state_sequences",
    "gru_started_sequences", "seq2seq", "bidirectional_gru_reset_before_state",
    "bidirectional_lstm_relu_ave", "bidirectional_stacked", "bidirectional_other_backward", "rnn_stack",
    "rnn_lstm_cell", "bidirectional_rnn_stack", "conv_lstm1d_plain", "conv_lstm2d_strides",
    "conv_lstm3d_plain", "ids_two_layers", "ids_bilstm_classifier", "ids_translator", "masking_gru",
    "masked_lstm_last", "masked_lstm_sequences", "masked_gru_zeros", "masked_bidirectional_gru_both_sum",
    "masked_bidirectional_lstm_both_sequences", "masked_bidirectional_gru_both_reset_before",
    "masked_lstm_started_sequences", "masked_simplernn_started_last",
)  # fmt: skip
ROWS = [case for case in CASES if case.name in NAMES]


def _near(got: Any, want: Any) -> None:
    got, want = np.asarray(got, "float64"), np.asarray(want, "float64")
    assert got.shape == want.shape
    assert np.max(np.abs(got - want)) <= 1e-5 * max(np.max(np.abs(want)), 1e-6)


def _assert_same(model: Any, inputs: list[np.ndarray], folder: Path, name: str = "model.h5") -> porter.Bundle:
    """Save, convert, run, compare with the model itself."""
    model.save(folder / name)
    want = as_list(model(inputs if len(inputs) > 1 else inputs[0], training=False))
    bundle = porter.convert(folder / name, to="torch", out=folder / "out", io_layout="source", verify=False)
    for here, there in zip(_outputs(bundle, inputs), want, strict=True):
        _near(here, there)
    return bundle


def _outputs(bundle: porter.Bundle, inputs: list[np.ndarray]) -> list[Any]:
    """What the bundle's own `model.py` gives."""
    import torch

    spec = importlib.util.spec_from_file_location("converted_model", bundle.path / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with torch.no_grad():
        got = module.load()(*map(torch.from_numpy, inputs))
    return list(got) if isinstance(got, tuple) else [got]


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in ROWS])
def test_row_of_tf_keras_computes_the_same(case: LayerCase, name: str, tmp_path: Path) -> None:
    model = randomise(case.model("tf_keras"), seed=1)
    _assert_same(model, hard_inputs(case, seed=2), tmp_path, name)


def test_the_rows_exist() -> None:
    assert {case.name for case in ROWS} == set(NAMES)


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype("float32")


def _built(layer: Callable[[Any, Any], Any], *shape: int | None) -> Any:
    import tf_keras

    tf_keras.backend.clear_session()
    x = tf_keras.Input(shape=shape, name="x")
    return randomise(tf_keras.Model(x, layer(tf_keras.layers, x)))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_hard_sigmoid_of_keras_2_is_another_function(kind: str, tmp_path: Path) -> None:
    options = {} if kind == "SimpleRNN" else {"recurrent_activation": "hard_sigmoid"}

    def layer(layers: Any, x: Any) -> Any:
        return getattr(layers, kind)(4, activation="hard_sigmoid", name="layer", **options)(x)

    _assert_same(_built(layer, 5, 3), [3 * _noise(2, 5, 3)], tmp_path)


@pytest.mark.parametrize("both", [False, True], ids=["one_way", "both_ways"])
def test_time_may_come_first(both: bool, tmp_path: Path) -> None:
    def layer(layers: Any, x: Any) -> Any:
        inner = layers.LSTM(4, time_major=True, return_sequences=True, name="inner")
        return (layers.Bidirectional(inner, name="layer") if both else inner)(x)

    _assert_same(_built(layer, 2, 3), [_noise(5, 2, 3)], tmp_path)


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_stateful_layer_starts_from_zeros_and_says_so(kind: str, name: str, tmp_path: Path) -> None:
    import tf_keras

    tf_keras.backend.clear_session()
    x = tf_keras.Input(batch_shape=(2, 5, 3), name="x")
    layer = getattr(tf_keras.layers, kind)(4, stateful=True, name="layer")
    model = randomise(tf_keras.Model(x, layer(x)))
    model.reset_states()
    bundle = _assert_same(model, [_noise(2, 5, 3)], tmp_path, name)
    assert any("layer: it is stateful" in notice for notice in bundle.manifest["notices"])


@pytest.mark.parametrize("both", [False, True], ids=["one_way", "both_ways"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_cudnn_layers_hold_their_weights_in_another_way(kind: str, both: bool, tmp_path: Path) -> None:
    """tf_keras cannot run them on a CPU, but loads their files into the plain layers."""
    import tf_keras
    from tf_keras.src.layers.rnn import cudnn_gru, cudnn_lstm

    cudnn = {"LSTM": cudnn_lstm.CuDNNLSTM, "GRU": cudnn_gru.CuDNNGRU}[kind]

    def model(make: Callable[..., Any]) -> Any:
        def layer(layers: Any, x: Any) -> Any:
            inner = make(4, return_sequences=True, name="inner")
            return (layers.Bidirectional(inner, name="layer") if both else inner)(x)

        return _built(layer, 5, 3)

    made = model(cudnn)
    made.set_weights([_noise(*w.shape) * (1 + place) / 4 for place, w in enumerate(made.get_weights())])
    made.save(tmp_path / "cudnn.h5")
    plain = model(getattr(tf_keras.layers, kind))
    plain.load_weights(tmp_path / "cudnn.h5")
    x = _noise(2, 5, 3)
    bundle = porter.convert(tmp_path / "cudnn.h5", to="torch", out=tmp_path / "out", verify=False)
    (got,) = _outputs(bundle, [x])
    _near(got, plain(x))
    assert f"nn.{kind}(" in (bundle.path / "model.py").read_text(encoding="utf-8")
    if importlib.util.find_spec("flax") is not None:  # whose cells have one bias
        flax = porter.convert(tmp_path / "cudnn.h5", to="jax", out=tmp_path / "flax", verify=False)
        _near(bundle_module(flax.path).load()(x), plain(x))
