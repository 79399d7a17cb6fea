"""Look-ups that are refused, each in its own words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import porter
from porter.errors import UnsupportedModel
from tests.layers.saved_rows import KERAS_MARKS

pytestmark = KERAS_MARKS

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "learnt": ({}, "vocabulary was learnt and is not in its config"),
    "no_strangers": ({"vocabulary": [3, 5], "num_oov_indices": 0}, "it stops at numbers outside"),
    "hashed": ({"vocabulary": [3, 5], "num_oov_indices": 2, "oov_method": "farmhash"}, "it hashes numbers"),
    "inverted": ({"vocabulary": [3, 5], "invert": True}, "inverted, sparse, padded and weighted"),
    "wide": ({"vocabulary": [3, 2**40]}, "numbers of more than 32 bits"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_integer_lookups_that_are_refused(name: str, tmp_path: Path) -> None:
    import keras

    config, said = REFUSED[name]
    layer = keras.layers.IntegerLookup(**config)
    if "vocabulary" not in config:
        layer.adapt([[7], [7], [9]])
    given = keras.Input((2,), dtype="int64")
    keras.Model(given, layer(given)).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedModel, match=said):
        porter.convert(tmp_path / "model.keras", to="torch", out=tmp_path / "out", verify=False)
