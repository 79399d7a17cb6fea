"""Real files of both Kerases: every array in them reaches its variable."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tf_keras

from converters.keras.bind import bind
from converters.keras.load import load, recognises
from porter.errors import SourceError, WeightsError
from tests.keras_files.build import filled, image, reused, tangled
from tests.keras_files.live import slots_of

pytestmark = pytest.mark.filterwarnings("ignore")
KERASES = {"keras3": keras, "keras2": tf_keras}
MODELS = {"tangled": tangled, "image": image}


def _json(model: Any, folder: Path) -> Path:
    path = folder / "model.json"
    path.write_text(model.to_json())
    return path


def _archive(model: Any, folder: Path) -> list[Path]:
    model.save(folder / "model.keras")
    return [folder / "model.keras"]


def _whole(model: Any, folder: Path) -> list[Path]:
    model.save(folder / "model.h5")
    return [folder / "model.h5"]


def _objects(model: Any, folder: Path) -> list[Path]:
    model.save_weights(folder / "model.weights.h5")
    return [folder / "model.weights.h5", _json(model, folder)]


def _names(model: Any, folder: Path) -> list[Path]:
    """JSON, and the whole model's HDF5 as its weights: Keras 3 has no other in the older layout."""
    return [_json(model, folder), *_whole(model, folder)]


def _pair(model: Any, folder: Path) -> list[Path]:
    model.save_weights(folder / "weights.h5", save_format="h5")
    _json(model, folder)
    return [folder]


FORMATS: dict[str, Callable[[Any, Path], list[Path]]] = {
    "archive": _archive,
    "whole": _whole,
    "objects": _objects,
    "names": _names,
    "pair": _pair,
}
CASES = [
    (generation, model, form)
    for generation in KERASES
    for model in MODELS
    for form in FORMATS
    if (generation, form) != ("keras3", "pair")
]


@pytest.fixture(scope="module")
def live() -> dict[tuple[str, str], Any]:
    """Each model, built once with each Keras."""
    return {(g, m): MODELS[m](KERASES[g]) for g in KERASES for m in MODELS}


@pytest.mark.parametrize(("generation", "name", "form"), CASES)
def test_every_array_reaches_its_variable(
    live: dict[tuple[str, str], Any], tmp_path: Path, generation: str, name: str, form: str
) -> None:
    model = live[generation, name]
    paths = FORMATS[form](model, tmp_path)
    assert recognises(paths)
    saved = load(paths)
    wanted = slots_of(model)
    assert len(wanted) == len(model.get_weights())
    binding = bind(list(wanted), saved)
    for slot, numbers in wanted.items():
        np.testing.assert_array_equal(binding.tensors[slot].read(), numbers, err_msg=str(slot))
    assert all(row.slots or row.reason for row in binding.ledger)
    assert saved.origin.generation == (3 if generation == "keras3" else 2)


@pytest.mark.parametrize("form", ["archive", "whole", "objects"])
@pytest.mark.parametrize("generation", KERASES)
def test_a_model_that_is_used_in_two_places_is_stored_once(
    tmp_path: Path, generation: str, form: str
) -> None:
    model = reused(KERASES[generation])
    wanted = slots_of(model)
    binding = bind(list(wanted), load(FORMATS[form](model, tmp_path)))
    for slot, numbers in wanted.items():
        np.testing.assert_array_equal(binding.tensors[slot].read(), numbers, err_msg=str(slot))


@pytest.mark.parametrize("generation", KERASES)
def test_compiled_and_trained_models_list_their_training_state(tmp_path: Path, generation: str) -> None:
    model = image(KERASES[generation])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.zeros((2, 8, 8, 3)), np.zeros((2, 2)), verbose=0)
    for paths in (_archive(model, tmp_path), _whole(model, tmp_path), _objects(model, tmp_path)):
        binding = bind(list(slots_of(model)), load(paths))
        reasons = {row.reason for row in binding.ledger if not row.slots}
        assert "optimizer state" in reasons


@pytest.mark.parametrize("generation", KERASES)
def test_frozen_layers_inside_a_nested_model(tmp_path: Path, generation: str) -> None:
    """Frozen variables move to the end of the flat list, whose names must then decide."""
    model = tangled(KERASES[generation])
    model.get_layer("inner").get_layer("block").get_layer("norm").trainable = False
    wanted = slots_of(model)
    binding = bind(list(wanted), load(_whole(model, tmp_path)))
    for slot, numbers in wanted.items():
        np.testing.assert_array_equal(binding.tensors[slot].read(), numbers)


def test_names_that_say_nothing_leave_it_to_the_order(tmp_path: Path) -> None:
    model = tangled(tf_keras)
    path = _whole(model, tmp_path)[0]
    with h5py.File(path, "r+") as file:
        for layer in file["model_weights"].values():
            names = [str(name) for name in layer.attrs["weight_names"]]
            for index, name in enumerate(names):
                layer.move(name, f"param_{index}")
            layer.attrs["weight_names"] = [f"param_{index}" for index in range(len(names))]
    wanted = slots_of(model)
    binding = bind(list(wanted), load([path]))
    for slot, numbers in wanted.items():
        np.testing.assert_array_equal(binding.tensors[slot].read(), numbers)


def test_attributes_in_chunks(tmp_path: Path) -> None:
    model = image(tf_keras)
    path = _whole(model, tmp_path)[0]
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]
        names = list(group.attrs["layer_names"])
        del group.attrs["layer_names"]
        for index, name in enumerate(names):
            group.attrs[f"layer_names{index}"] = [name]
        conv = group["conv"]
        weights = list(conv.attrs["weight_names"])
        del conv.attrs["weight_names"]
        conv.attrs["weight_names0"], conv.attrs["weight_names1"] = weights[:1], weights[1:]
    assert len(bind(list(slots_of(model)), load([path])).tensors) == len(model.get_weights())


@pytest.mark.parametrize("policy", ["bfloat16", "float16", "mixed_bfloat16"])
def test_reduced_precision(tmp_path: Path, policy: str) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, dtype=policy, name="d")])
    stored = policy if not policy.startswith("mixed") else "float32"
    for paths in (_archive(model, tmp_path), _whole(model, tmp_path)):
        saved = load(paths)
        assert saved.model.layers[1].config["dtype"] == policy
        for slot, array in bind(list(slots_of(model)), saved).tensors.items():
            assert array.dtype == stored
            numbers = np.asarray(array.read(), dtype="float32")
            np.testing.assert_array_equal(numbers, slots_of(model)[slot].astype("float32"))


def test_all_misfits_are_named_at_once(tmp_path: Path) -> None:
    model = image(keras)
    paths = _archive(model, tmp_path)
    wanted = list(slots_of(model))
    wrong = [*wanted[1:], *(type(slot)(**{**vars(slot), "shape": (9, 9)}) for slot in wanted[:1])]
    extra = [type(slot)(**{**vars(slot), "layer": ("nowhere",)}) for slot in wanted[:1]]
    unasked = [slot for slot in wrong if slot.layer != ("class",)]
    with pytest.raises(WeightsError) as caught:
        bind(unasked + extra, load(paths))
    text = str(caught.value)
    assert "has shape (3, 3, 3, 4), wanted (9, 9)" in text
    assert "layer 'nowhere': no array for 'kernel'" in text
    assert "array 'layers/dense/vars/0': of shape (144, 2) belongs to no layer" in text
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("generation", KERASES)
def test_weights_of_another_model(tmp_path: Path, generation: str) -> None:
    library = KERASES[generation]
    model, other = (
        image(library),
        library.Sequential([library.Input((5,)), library.layers.Dense(7), library.layers.Dense(11)]),
    )
    model_json = _json(model, tmp_path)
    weights = _whole(other, tmp_path)[0]
    with pytest.raises(WeightsError, match="weights of another model"):
        bind(list(slots_of(model)), load([weights, model_json]))


def test_json_encoded_twice_and_bare_lists(tmp_path: Path) -> None:
    model = image(tf_keras)
    paths = _objects(model, tmp_path)
    plain = json.loads(model.to_json())
    (tmp_path / "model.json").write_text(json.dumps(model.to_json()))
    assert load(paths).model.name == "image"
    plain["config"] = plain["config"]["layers"]
    (tmp_path / "model.json").write_text(json.dumps(plain))
    saved = load(paths)
    assert saved.model.kind == "Sequential"
    assert len(bind(list(slots_of(model)), saved).tensors) == len(model.get_weights())


@pytest.mark.parametrize("as_text", [True, False])
def test_a_model_among_values_of_another_program(tmp_path: Path, as_text: bool) -> None:
    model = image(tf_keras)
    weights, _ = _objects(model, tmp_path)
    plain = json.loads(model.to_json())
    optimizer = {"class_name": "Adam", "config": {"lr": 0.1}}
    topology = {
        "keras_version": plain.pop("keras_version"),
        "model_config": json.dumps(plain) if as_text else plain,
        "training_config": {"optimizer_config": optimizer},
    }
    (tmp_path / "model.json").write_text(json.dumps({"weights_file": "w.h5", "modelTopology": topology}))
    saved = load([tmp_path / "model.json", weights])
    assert (saved.model.name, saved.writer.version) == ("image", tf_keras.__version__)
    (tmp_path / "model.json").write_text(json.dumps({"a": plain, "b": plain}))
    with pytest.raises(SourceError, match="holds 2 Keras models among other values"):
        load([tmp_path / "model.json", weights])


def test_an_optimizer_array_at_the_root_is_none_of_the_models(tmp_path: Path) -> None:
    """Keras 2.0 on Theano gave such arrays absolute names."""
    model = image(tf_keras)
    (path,) = _whole(model, tmp_path)
    with h5py.File(path, "r+") as file:
        file["iterations"] = np.zeros((), "float32")
    binding = bind(list(slots_of(model)), load([path]))
    (row,) = (row for row in binding.ledger if row.array.key == "iterations")
    assert row.reason == "it lies outside model_weights/, where a model's weights lie"


@pytest.mark.parametrize("generation", KERASES)
def test_one_layer_in_two_models_is_stored_once(tmp_path: Path, generation: str) -> None:
    library = KERASES[generation]
    shared = library.layers.Dense(4, name="shared")
    inner_in, inputs = library.Input((4,)), library.Input((4,))
    inner = library.Model(inner_in, shared(inner_in), name="inner")
    last = library.layers.Dense(4, name="last")
    model = filled(library.Model(inputs, last(shared(inner(inputs)))))
    wanted = slots_of(model)
    for paths in (_archive(model, tmp_path), _whole(model, tmp_path), _objects(model, tmp_path)):
        binding = bind(list(wanted), load(paths))
        for slot, numbers in wanted.items():
            np.testing.assert_array_equal(binding.tensors[slot].read(), numbers)


def test_groups_of_older_writers(tmp_path: Path) -> None:
    """Keras 2.12 and 2.13 name the container otherwise, skip numbers and note no names."""
    model = tangled(tf_keras)
    paths = _objects(model, tmp_path)
    with h5py.File(paths[0], "r+") as file:
        file.move("layers", "_layer_checkpoint_dependencies")
        top = file["_layer_checkpoint_dependencies"]
        top.move("gru_1", "gru_2")
        top["functional"].move("layers", "_layer_checkpoint_dependencies")
    wanted = slots_of(model)
    binding = bind(list(wanted), load(paths))
    for slot, numbers in wanted.items():
        np.testing.assert_array_equal(binding.tensors[slot].read(), numbers)


@pytest.mark.parametrize("generation", KERASES)
def test_paths_as_windows_joins_them(tmp_path: Path, generation: str) -> None:
    model = tangled(KERASES[generation])
    paths = _objects(model, tmp_path)
    with h5py.File(paths[0], "r+") as file:
        found: list[str] = []
        file.visit(found.append)
        for path in reversed([path for path in found if "/" in path and path.rpartition("/")[2] == "vars"]):
            owner = path.rpartition("/")[0]
            file.move(path, owner.replace("/", "\\") + "/vars")
            for name in [name for name in file[owner].attrs if "/" in owner]:
                file[owner.replace("/", "\\")].attrs[name] = file[owner].attrs[name]
        del file["layers"]
    wanted = slots_of(model)
    for slot, array in bind(list(wanted), load(paths)).tensors.items():
        np.testing.assert_array_equal(array.read(), wanted[slot])
    with h5py.File(paths[0], "r+") as file:
        name = next(name for name in file if "\\" in name)
        file.copy(name, name.replace("\\", "/"))
    with pytest.raises(SourceError, match="with a slash and with a backslash"):
        load(paths)


def test_names_beside_the_groups_decide(tmp_path: Path) -> None:
    """Keras 3 notes the layers' names; early versions did not, and left out empty groups."""
    model = tangled(keras)
    paths = _objects(model, tmp_path)
    wanted = slots_of(model)
    with h5py.File(paths[0], "r+") as file:
        layers = file["layers"]
        layers.move("gru", "swap")
        layers.move("gru_1", "gru")
        layers.move("swap", "gru_1")
    for slot, array in bind(list(wanted), load(paths)).tensors.items():
        np.testing.assert_array_equal(array.read(), wanted[slot])
    _objects(model, tmp_path)
    with h5py.File(paths[0], "r+") as file:
        groups: list[str] = []
        file.visit(groups.append)
        for group in (name for name in groups if name.endswith("vars")):
            file[group].attrs.pop("name", None)
        for name in ("input_layer", "input_layer_1", "add", "repeat_vector"):
            file["layers"].pop(name, None)
    for slot, array in bind(list(wanted), load(paths)).tensors.items():
        np.testing.assert_array_equal(array.read(), wanted[slot])


def test_the_ledger_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    model = image(keras)
    binding = bind(list(slots_of(model)), load(_whole(model, tmp_path)))
    keys = [row.array.key.removeprefix("model_weights/") for row in binding.ledger]
    assert keys == sorted(keys)
    assert len(keys) == len(model.get_weights())
