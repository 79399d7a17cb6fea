"""Configs of older writers in today's spelling: one row per difference."""

from __future__ import annotations

from typing import Any

import pytest

from converters.keras.upgrade import RawLayer, Writer, upgraded, upgraded_module

Row = tuple[int, str, dict[str, Any], str, dict[str, Any]]
POLICY = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
POLICY_3 = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "bfloat16"}}
QUANTIZED = {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8"}}
OURS = {"class_name": "function", "module": "keras.activations", "config": "relu"}
THEIRS = {"class_name": "function", "module": "builtins", "config": "mine"}

ROWS: dict[str, Row] = {
    "batch shape": (
        *(2, "InputLayer", {"batch_input_shape": [None, 3]}),
        *("InputLayer", {"batch_shape": [None, 3]}),
    ),
    "versioned class": (2, "BatchNormalizationV2", {}, "BatchNormalization", {}),
    "versioned cell": (2, "LSTMV2", {}, "LSTM", {}),
    "synchronized": (2, "SyncBatchNormalization", {}, "BatchNormalization", {"synchronized": True}),
    "fused kernels stay": (2, "CuDNNLSTM", {}, "CuDNNLSTM", {}),
    "policy": (2, "Dense", {"dtype": POLICY}, "Dense", {"dtype": "mixed_float16"}),
    "policy of Keras 3": (3, "Dense", {"dtype": POLICY_3}, "Dense", {"dtype": "bfloat16"}),
    "quantised": (3, "Dense", {"dtype": QUANTIZED}, "Dense", {"dtype": QUANTIZED}),
    "hard sigmoid of Keras 2": (
        *(2, "LSTM", {"recurrent_activation": "hard_sigmoid"}),
        *("LSTM", {"recurrent_activation": "hard_sigmoid_02"}),
    ),
    "hard sigmoid of Keras 3": (
        3,
        "Dense",
        {"activation": "hard_sigmoid"},
        "Dense",
        {"activation": "hard_sigmoid"},
    ),
    "swish": (3, "Activation", {"activation": "swish"}, "Activation", {"activation": "silu"}),
    "function": (3, "Dense", {"activation": OURS}, "Dense", {"activation": "relu"}),
    "own function": (3, "Dense", {"activation": THEIRS}, "Dense", {"activation": THEIRS}),
    "early GRU": (2, "GRU", {}, "GRU", {"reset_after": False}),
    "GRU": (2, "GRU", {"reset_after": True}, "GRU", {"reset_after": True}),
    "list axis": (2, "BatchNormalization", {"axis": [3]}, "BatchNormalization", {"axis": 3}),
    "layer norm keeps its list": (
        2,
        "LayerNormalization",
        {"axis": [1, 2]},
        "LayerNormalization",
        {"axis": [1, 2]},
    ),
    "slope": (2, "LeakyReLU", {"alpha": 0.25}, "LeakyReLU", {"negative_slope": 0.25}),
    "type of ids": (2, "Embedding", {"dtype": "int32"}, "Embedding", {}),
    "type of a table": (2, "Embedding", {"dtype": "float16"}, "Embedding", {"dtype": "float16"}),
    "early Flatten": (2, "Flatten", {}, "Flatten", {"data_format": "channels_last"}),
}


@pytest.mark.parametrize(
    ("version", "half_pixel"),
    [
        *(("2.2.4", False), ("2.3.1", False), ("2.1.6-tf", False)),
        *(("2.2.4-tf", True), ("2.3.0-tf", True), ("2.4.0", True)),
    ],
)
def test_where_a_bilinear_upsampling_samples(version: str, half_pixel: bool) -> None:
    """Measured: Keras 2.2.4, Keras 2.3.1 and tf.keras of TensorFlow 1.15."""
    layer = upgraded(RawLayer("UpSampling2D", {"interpolation": "bilinear"}), Writer(2, version))
    assert layer.config["half_pixel"] is half_pixel


@pytest.mark.parametrize("name", ROWS)
def test_one_difference(name: str) -> None:
    generation, class_name, config, wanted_class, wanted = ROWS[name]
    before = repr(config)
    result = upgraded(RawLayer(class_name, config), Writer(generation))
    assert (result.class_name, result.config) == (wanted_class, wanted)
    assert repr(config) == before
    assert upgraded(result, Writer(generation)) == result


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tf_keras.src.layers.core", "keras.layers.core"),
        ("tensorflow.python.keras.layers", "keras.layers"),
        ("keras.layers", "keras.layers"),
        ("my_tf_keras", "my_tf_keras"),
        (None, None),
    ],
)
def test_modules(old: str | None, new: str | None) -> None:
    assert upgraded_module(old) == new
