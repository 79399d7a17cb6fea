"""On which backend a file was written: what decides it, what only hints at it, and what conflicts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from converters.keras.load import load
from porter.errors import RequestError, SourceError, UnsupportedModel, WeightsError

Names = Mapping[str, tuple[int, ...]]
PLAIN: Names = {"conv_W": (3, 2, 3, 3), "conv_b": (3,)}
NUMBERED: Names = {"conv_W:0": (3, 2, 3, 3), "conv_b:0": (3,)}
ANONYMOUS: Names = {"param_0": (3, 2, 3, 3), "param_1": (3,)}


def _conv(**more: Any) -> dict[str, Any]:
    config = {
        "name": "conv",
        "nb_filter": 3,
        "nb_row": 3,
        "nb_col": 3,
        "border_mode": "valid",
        "dim_ordering": "th",
        "batch_input_shape": [None, 2, 8, 8],
        "activation": "linear",
    }
    return {"class_name": "Convolution2D", "config": config | more}


def _files(
    folder: Path, layers: list[dict[str, Any]], names: Names, version: str | None = "1.2.2"
) -> list[Path]:
    model: dict[str, Any] = {"class_name": "Sequential", "config": layers}
    if version:
        model["keras_version"] = version
    (folder / "model.json").write_text(json.dumps(model))
    with h5py.File(folder / "weights.h5", "w") as file:
        file.attrs["layer_names"] = [b"conv"]
        group = file.create_group("conv")
        group.attrs["weight_names"] = [name.encode() for name in names]
        for name, shape in names.items():
            group[name] = np.zeros(shape, "float32")
    return [folder / "model.json", folder / "weights.h5"]


ROWS: dict[str, tuple[dict[str, Any], Names, str | None, str | None, str]] = {
    "plain names": (_conv(), PLAIN, "1.2.2", "theano", "certain"),
    "numbered names": (_conv(), NUMBERED, "1.2.2", "tensorflow", "certain"),
    "no names": (_conv(), ANONYMOUS, "1.2.2", None, "undecided"),
    "no names, early": (_conv(), ANONYMOUS, "1.0.8", "theano", "likely"),
    "full border": (_conv(border_mode="full"), ANONYMOUS, "1.2.2", "theano", "certain"),
    "contradiction": (_conv(border_mode="full"), NUMBERED, "1.2.2", None, "undecided"),
}


@pytest.mark.parametrize("case", ROWS)
def test_evidence(tmp_path: Path, case: str) -> None:
    layer, names, version, wanted, certainty = ROWS[case]
    backend = load(_files(tmp_path, [layer], names, version)).backend
    assert (backend.name, backend.certainty) == (wanted, certainty)


def test_the_users_word_wins(tmp_path: Path) -> None:
    files = _files(tmp_path, [_conv()], PLAIN)
    assert load(files, source_backend="tensorflow").backend.certainty == "told"
    with pytest.raises(RequestError, match="--source-backend 'torch'"):
        load(files, source_backend="torch")


def test_auto_takes_the_likelier_one_and_says_so(tmp_path: Path) -> None:
    saved = load(_files(tmp_path, [_conv()], ANONYMOUS), source_backend="auto")
    assert (saved.backend.name, saved.backend.certainty) == ("theano", "likely")
    assert any("probably written on Theano" in note for note in saved.origin.notes)


def test_layers_that_mean_the_same_everywhere_need_no_backend(tmp_path: Path) -> None:
    dense = {
        "class_name": "Dense",
        "config": {"name": "conv", "output_dim": 2, "input_dim": 3, "activation": "relu"},
    }
    saved = load(_files(tmp_path, [dense], {"param_0": (3, 2), "param_1": (2,)}))
    assert saved.backend.certainty == "irrelevant"


def test_what_a_naive_load_gets_wrong_is_said(tmp_path: Path) -> None:
    saved = load(_files(tmp_path, [_conv(border_mode="same", subsample=[2, 2])], PLAIN))
    note = next(note for note in saved.origin.notes if note.startswith("loaded as if"))
    assert "kernels lie turned round in space (conv)" in note
    assert "put their zeros elsewhere (conv)" in note


def test_an_unmarked_layer_takes_the_files_ordering(tmp_path: Path) -> None:
    up = {"class_name": "UpSampling2D", "config": {"name": "up", "size": [2, 2]}}
    saved = load(_files(tmp_path, [_conv(), up], PLAIN))
    assert saved.model.layers[2].config["data_format"] == "channels_first"


def test_an_unmarked_layer_alone_is_refused(tmp_path: Path) -> None:
    up = {"class_name": "UpSampling2D", "config": {"name": "up", "batch_input_shape": [None, 4, 4, 4]}}
    with pytest.raises(UnsupportedModel, match=r"where its channels are.*NAME:th"):
        load(_files(tmp_path, [up], {}))


def test_an_old_architecture_with_new_weights_is_refused(tmp_path: Path) -> None:
    files = _files(tmp_path, [_conv()], PLAIN)
    with h5py.File(files[1], "a") as file:
        file.attrs["keras_version"] = b"2.2.4"
        file.attrs["backend"] = b"tensorflow"
    with pytest.raises(WeightsError, match=r"Keras 1\.2\.2, the weights by Keras 2\.2\.4"):
        load(files)


def test_arrays_that_another_version_laid_out_are_named(tmp_path: Path) -> None:
    """Before 1.1 a one-dimensional kernel lay with its channels in front."""
    from converters.keras.source import read_source
    from porter.source_model import ReadRequest

    config = {"name": "conv", "nb_filter": 3, "filter_length": 4, "batch_input_shape": [None, 9, 2]}
    layer = {"class_name": "Convolution1D", "config": {**config, "border_mode": "valid"}}
    files = _files(tmp_path, [layer], {"conv_W": (3, 2, 4, 1), "conv_b": (3,)})
    with pytest.raises(WeightsError, match="another version wrote the weights") as caught:
        read_source(ReadRequest(tuple(files)))
    assert caught.value.problems[0].where == "layer 'conv'"


def test_numbered_arrays_are_of_another_generation(tmp_path: Path) -> None:
    files = _files(tmp_path, [_conv()], PLAIN)
    with h5py.File(files[1], "w") as file:
        file.attrs["nb_layers"] = 1
        file["layer_0/param_0"] = np.zeros((3, 2, 3, 3), "float32")
    with pytest.raises(WeightsError, match=r"Keras 1\.2\.2, the weights by Keras 0"):
        load(files)


def test_a_backend_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    files = _files(tmp_path, [_conv()], PLAIN)
    with h5py.File(files[1], "a") as file:
        file.attrs["backend"] = b"mxnet"
    with pytest.raises(UnsupportedModel, match="'mxnet'"):
        load(files)
    assert load(files, source_backend="tensorflow").backend.certainty == "told"


def test_a_version_that_is_no_text_is_refused(tmp_path: Path) -> None:
    files = _files(tmp_path, [_conv()], PLAIN)
    model = json.loads(files[0].read_text())
    files[0].write_text(json.dumps({**model, "keras_version": 1.2}))
    with pytest.raises(SourceError, match="keras_version is no text"):
        load(files)


STRANGE: dict[str, tuple[dict[str, Any], str]] = {
    "text for a number": ({"nb_row": "three"}, "kernel_size.*three"),
    "nothing for sizes": ({"subsample": []}, "strides"),
    "no number of filters": ({"nb_filter": None}, "filters"),
}


@pytest.mark.parametrize("case", STRANGE)
def test_a_config_that_no_rule_can_use_is_the_files_fault(tmp_path: Path, case: str) -> None:
    from converters.keras.source import read_source
    from porter.source_model import ReadRequest

    change, said = STRANGE[case]
    layer = _conv(**change)
    layer["config"] = {key: value for key, value in layer["config"].items() if value is not None}
    with pytest.raises(UnsupportedModel) as caught:
        read_source(ReadRequest(tuple(_files(tmp_path, [layer], PLAIN))))
    assert re.search(said, str(caught.value))


def test_the_users_word_against_proof_is_said(tmp_path: Path) -> None:
    saved = load(_files(tmp_path, [_conv()], PLAIN), source_backend="tensorflow")
    assert "as told, though its arrays lack the ':0'" in saved.backend.sentence


def test_mixed_words_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="mixes generations"):
        load(_files(tmp_path, [_conv(kernel_initializer="glorot")], PLAIN))


def test_a_wrong_count_of_arrays_names_the_versions_count(tmp_path: Path) -> None:
    from converters.keras.source import read_source
    from porter.source_model import ReadRequest

    files = _files(tmp_path, [_conv()], {**PLAIN, "conv_extra": (3,)})
    with pytest.raises(WeightsError, match=r"holds 3 arrays for it, Keras 1\.2\.2 stores 2"):
        read_source(ReadRequest(tuple(files)))
