"""Look-ups whose numbers were learnt, and those that are refused, each in its own words."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import porter
from porter.errors import SourceError, UnsupportedModel
from tests.layers.saved_rows import KERAS_MARKS, bundle_module

pytestmark = KERAS_MARKS

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
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
    given = keras.Input((2,), dtype="int64")
    keras.Model(given, layer(given)).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedModel, match=said):
        porter.convert(tmp_path / "model.keras", to="torch", out=tmp_path / "out", verify=False)


def learners(keras: Any) -> Any:
    """Three look-ups that have learnt different numbers, one of them in a model of its own and used twice."""
    layers = keras.layers
    outer, other = layers.IntegerLookup(), layers.IntegerLookup(output_mode="multi_hot", num_oov_indices=2)
    outer.adapt(np.array([[7], [7], [9], [2]]))
    other.adapt(np.array([[3], [11], [11]]))
    inner = layers.IntegerLookup(mask_token=0)
    inner.adapt(np.array([[5], [5], [0], [4]]))
    part = keras.Input((4,), dtype="int64")
    nested = keras.Model(part, layers.Embedding(6, 3)(inner(part)), name="nested")
    given = keras.Input((4,), dtype="int64")
    several = [nested(given), layers.Embedding(6, 3)(outer(given)), nested(outer(given))]
    return keras.Model(given, [layers.Add()(several), other(given)])


@pytest.mark.parametrize("kind", ["keras", "tf_keras"])
def test_what_an_archive_keeps_of_learnt_vocabularies(kind: str, tmp_path: Path) -> None:
    import torch

    keras = pytest.importorskip(kind)
    model = learners(keras)
    model.save(tmp_path / "model.keras")
    given = np.array([[7, 9, 2, 0], [5, 4, 3, 11], [1, 8, 7, 5]])
    porter.convert(tmp_path / "model.keras", to="torch", out=tmp_path / "out", verify=False)
    net = bundle_module(tmp_path / "out").load()
    for found, wanted in zip(net(torch.from_numpy(given)), model(given), strict=True):
        np.testing.assert_allclose(found.detach().numpy(), np.asarray(wanted), atol=1e-6)


def test_a_vocabulary_that_no_file_holds_is_refused(tmp_path: Path) -> None:
    """An architecture and weights saved apart have no place for it."""
    model = learners(pytest.importorskip("keras"))
    (tmp_path / "model.json").write_text(model.to_json())
    model.save_weights(tmp_path / "model.weights.h5")
    files = [tmp_path / "model.json", tmp_path / "model.weights.h5"]
    with pytest.raises(UnsupportedModel) as refused:
        porter.convert(files, to="torch", out=tmp_path / "out", verify=False)
    assert "vocabulary was learnt and is not in its config" in str(refused.value)


def test_a_vocabulary_of_other_things_is_refused(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    learners(keras).save(tmp_path / "model.keras")
    files = tmp_path / "model.keras", tmp_path / "odd.keras"
    with zipfile.ZipFile(files[0]) as whole, zipfile.ZipFile(files[1], "w") as odd:
        for name in whole.namelist():
            odd.writestr(name, b"one\ntwo" if name.endswith(".txt") else whole.read(name))
    with pytest.raises(SourceError, match="is no list of whole numbers"):
        porter.convert(tmp_path / "odd.keras", to="torch", out=tmp_path / "out", verify=False)
