"""Quantised layers that round at run time are refused, with what to do instead."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

import porter

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`:UserWarning"),
]

CANNOT = {
    "int8": r"layer \(Dense\): it is quantised as int8 and rounds its inputs at run time as well",
    "float8": r"layer \(Dense\): it is quantised as float8, whose rounding at run time is not carried",
}


@pytest.mark.parametrize("mode", CANNOT)
def test_rounding_at_run_time_is_refused(mode: str, tmp_path: Path) -> None:
    import keras

    given = keras.Input((6,))
    model: Any = keras.Model(given, keras.layers.Dense(5, name="layer")(given))
    model.quantize(mode)
    model.save(tmp_path / "model.keras")
    with pytest.raises(porter.UnsupportedModel, match=CANNOT[mode]):
        porter.convert(tmp_path / "model.keras", to="torch", out=tmp_path / "out", verify=False)


def test_quantised_heads_are_refused(tmp_path: Path) -> None:
    import keras

    given = keras.Input((4, 6))
    model: Any = keras.Model(given, keras.layers.MultiHeadAttention(2, 3, name="heads")(given, given))
    model.quantize("int8")
    model.save(tmp_path / "model.keras")
    with pytest.raises(porter.PorterError, match="heads"):
        porter.convert(tmp_path / "model.keras", to="torch", out=tmp_path / "out", verify=False)
