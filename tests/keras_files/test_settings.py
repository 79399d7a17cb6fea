"""Configs that no Keras wrote are refused with the layer and the setting, and never stop porter otherwise."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from converters.keras.models import Reading, read_model
from converters.keras.read import read
from converters.keras.upgrade import Writer
from porter.errors import PorterError

STRANGE: tuple[Any, ...] = (
    None, "x", -1, 0, 2.5, float("nan"), [], {}, ["a"], [1, 2, 3], 10**15, True,
    {"class_name": "Dense", "config": {}},
)  # fmt: skip

LAYERS: tuple[tuple[str, tuple[int, ...], dict[str, Any]], ...] = (
    ("Dense", (6,), {"units": 4, "activation": "relu", "use_bias": True}),
    ("Conv2D", (8, 7, 3), {"filters": 4, "kernel_size": [3, 2], "strides": [1, 1], "padding": "same",
                           "dilation_rate": [1, 1], "groups": 1, "data_format": "channels_last"}),
    ("MaxPooling2D", (8, 7, 3), {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}),
    ("BatchNormalization", (5, 4), {"axis": -1, "momentum": 0.9, "epsilon": 1e-3, "center": True,
                                    "scale": True}),
    ("LayerNormalization", (5, 4), {"axis": [-1], "epsilon": 1e-3}),
    ("LSTM", (5, 4), {"units": 3, "return_sequences": True, "go_backwards": False, "activation": "tanh",
                      "recurrent_activation": "sigmoid", "dropout": 0.1}),
    ("Bidirectional", (5, 4), {"merge_mode": "concat", "layer": {"class_name": "GRU", "config": {
        "name": "gru", "trainable": True, "units": 3, "reset_after": True}}}),
    ("Reshape", (6,), {"target_shape": [2, 3]}),
    ("Dropout", (6,), {"rate": 0.3}),
    ("Softmax", (5, 4), {"axis": -1}),
    ("ZeroPadding2D", (5, 4, 2), {"padding": [[1, 2], [0, 1]]}),
    ("UpSampling2D", (5, 4, 2), {"size": [2, 3], "interpolation": "nearest"}),
)  # fmt: skip


def model(kind: str, shape: tuple[int, ...], config: dict[str, Any]) -> dict[str, Any]:
    given = {"class_name": "InputLayer", "config": {"name": "input", "batch_shape": [None, *shape]}}
    layer = {"class_name": kind, "config": {"name": "layer", "trainable": True, "dtype": "float32", **config}}
    return {"class_name": "Sequential", "config": {"name": "model", "layers": [given, layer]}}


def refusal(told: dict[str, Any]) -> str:
    """What porter says of a model; nothing where it reads it. Any other error is a mistake of porter's."""
    try:
        read(read_model(deepcopy(told), Reading(Writer(3))))
    except PorterError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("kind", "shape", "config"), LAYERS, ids=[row[0] for row in LAYERS])
def test_a_strange_setting_is_read_or_refused(
    kind: str, shape: tuple[int, ...], config: dict[str, Any]
) -> None:
    assert not refusal(model(kind, shape, config))
    for name in (*config, "dtype", "trainable"):
        for strange in STRANGE:
            refusal(model(kind, shape, {**config, name: strange}))
        said = refusal(model(kind, shape, {key: value for key, value in config.items() if key != name}))
        assert not said or "layer" in said


def test_what_is_wrong_is_named() -> None:
    said = refusal(model("Dense", (6,), {"units": "many"}))
    assert "layer (Dense): its setting 'units' must be a whole number above zero, and is 'many'" in said
    assert "layer (Dense): its config has no setting 'units'" in refusal(model("Dense", (6,), {}))
