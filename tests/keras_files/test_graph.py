"""Graphs as files spell them, brought to one form: calls, nests, slices, states; or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from converters.keras.load import load
from converters.keras.spec import LayerSpec, ModelSpec, TensorRef
from converters.keras.values import flat
from porter.errors import SourceError

pytestmark = pytest.mark.filterwarnings("ignore")
KERASES = [keras, tf_keras]


def _read(model: Any, folder: Path) -> ModelSpec:
    path = folder / "model.json"
    path.write_text(model.to_json())
    return load([path], architecture_only=True).model


def _layer(model: ModelSpec, name: str) -> LayerSpec:
    return next(layer for layer in model.layers if layer.name == name)


def _bare(nest: Any) -> Any:
    """References without the shapes that only Keras 3 records."""
    return [(ref.layer, ref.call, ref.output) for ref in flat(nest)]


@pytest.mark.parametrize("library", KERASES)
def test_calls_of_nested_and_shared_models_are_counted_from_zero(tmp_path: Path, library: Any) -> None:
    inputs = library.Input((4,), name="in")
    inner_in = library.Input((4,))
    inner = library.Model(inner_in, library.layers.Dense(4)(inner_in), name="inner")
    chain = library.Sequential([library.layers.Dense(4)], name="chain")
    first = inner(inputs)
    second = chain(inner(chain(first)))
    model = _read(library.Model(inputs, [second, first]), tmp_path)
    assert [_bare(call.args) for call in _layer(model, "inner").calls] == [
        [("in", 0, 0)],
        [("chain", 0, 0)],
    ]
    assert [_bare(call.args) for call in _layer(model, "chain").calls] == [
        [("inner", 0, 0)],
        [("inner", 1, 0)],
    ]
    assert _bare(model.outputs) == [("chain", 1, 0), ("inner", 0, 0)]


@pytest.mark.parametrize("library", KERASES)
def test_only_the_nodes_of_this_model_count(tmp_path: Path, library: Any) -> None:
    dense = library.layers.Dense(4, name="d")
    dense(dense(library.Input((4,))))
    inputs = library.Input((4,), name="in")
    model = _read(library.Model(inputs, dense(dense(inputs))), tmp_path)
    assert [_bare(call.args) for call in _layer(model, "d").calls] == [
        [("in", 0, 0)],
        [("d", 0, 0)],
    ]
    assert model.outputs == TensorRef("d", 1, 0)


@pytest.mark.parametrize("library", KERASES)
def test_nests_of_inputs_and_outputs(tmp_path: Path, library: Any) -> None:
    one, two = library.Input((4,), name="zz"), library.Input((4,), name="aa")
    outputs = {"sum": library.layers.Add(name="add")([one, two]), "one": one}
    model = _read(library.Model({"zz": one, "aa": two}, outputs), tmp_path)
    assert _bare(model.inputs) == [("aa", 0, 0), ("zz", 0, 0)]
    assert model.outputs == {"sum": TensorRef("add"), "one": TensorRef("zz")}
    assert set(model.inputs_nest) == {"zz", "aa"}
    (call,) = _layer(model, "add").calls
    assert isinstance(call.args[0], list)
    assert _bare(call.args) == [("zz", 0, 0), ("aa", 0, 0)]


@pytest.mark.parametrize("library", KERASES)
def test_states_become_an_argument(tmp_path: Path, library: Any) -> None:
    inputs = library.Input((5, 3), name="in")
    _, h, c = library.layers.LSTM(2, return_state=True, name="first")(inputs)
    outputs = library.layers.LSTM(2, name="second")(inputs, initial_state=[h, c])
    (call,) = _layer(_read(library.Model(inputs, outputs), tmp_path), "second").calls
    assert _bare(call.args) == [("in", 0, 0)]
    assert _bare(call.kwargs["initial_state"]) == [("first", 0, 1), ("first", 0, 2)]


def test_operations_of_keras_3(tmp_path: Path) -> None:
    inputs = keras.Input((5, 3), name="in")
    x = inputs[:, 1:-1, ..., None] * 2.0
    x = keras.ops.add(x, np.asarray([1.0, 2.0], "float32"))
    model = _read(keras.Model(inputs, x), tmp_path)
    slicing, product, addition = (layer.calls[0] for layer in model.layers[1:])
    whole = slice(None)
    assert list(slicing.args[1]) == [whole, slice(1, -1, None), Ellipsis, None]
    assert product.args[1] == 2.0
    assert addition.args[1].tolist() == [1.0, 2.0]
    assert addition.args[1].dtype == np.float32
    assert slicing.args[0] == TensorRef("in", shape=(None, 5, 3), dtype="float32")


def test_operations_of_keras_2(tmp_path: Path) -> None:
    inputs = tf_keras.Input((5, 3), name="in")
    x = tf.concat([inputs[:, 1:-1], 1.0 - inputs], axis=1)
    model = _read(tf_keras.Model(inputs, x), tmp_path)
    by_class: dict[str, list[LayerSpec]] = {}
    for layer in model.layers[1:]:
        by_class.setdefault(layer.class_name, []).append(layer)
    (slicing,) = by_class["SlicingOpLambda"][0].calls
    assert slicing.kwargs["slice_spec"] == [slice(None), slice(1, -1)]
    calls = {layer.config["function"]: layer.calls[0] for layer in by_class["TFOpLambda"]}
    assert calls["math.subtract"].args == (1.0,)
    assert calls["math.subtract"].kwargs["y"] == TensorRef("in")
    assert isinstance(calls["concat"].args[0], list)
    assert calls["concat"].kwargs["axis"] == 1


@pytest.mark.parametrize("library", KERASES)
def test_the_input_of_a_sequential_is_made_explicit(tmp_path: Path, library: Any) -> None:
    inner = library.Sequential([library.layers.Dense(2, name="d")], name="inner")
    model = library.Sequential([inner], name="outer")
    model.build((None, 3))
    spec = _read(model, tmp_path)
    entry = spec.layers[0]
    assert (entry.class_name, entry.config["batch_shape"]) == ("InputLayer", [None, 3])
    assert spec.layers[1].model is not None
    assert spec.layers[1].calls[0].args == (TensorRef(entry.name),)
    assert spec.outputs == TensorRef("inner")


def test_an_unknown_input_shape_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(keras.Sequential([keras.layers.Dense(2)], name="lazy").to_json())
    saved = load([path], architecture_only=True)
    assert saved.model.layers[0].config["batch_shape"] is None
    assert "lazy" in saved.origin.notes[0]


@pytest.mark.parametrize("library", KERASES)
def test_layers_inside_layers(tmp_path: Path, library: Any) -> None:
    layers = library.layers
    inputs = library.Input((5, 4, 3))
    inner = library.Sequential([layers.Conv1D(2, 2)], name="inner")
    x = layers.TimeDistributed(inner, name="each")(inputs)
    x = layers.TimeDistributed(layers.Flatten())(x)
    x = layers.RNN([layers.GRUCell(2), layers.LSTMCell(3)], name="stack")(x)
    model = _read(library.Model(inputs, x), tmp_path)
    wrapped = _layer(model, "each").config["layer"]
    assert wrapped.model.kind == "Sequential"
    cell = _layer(model, "stack").config["cell"]
    assert [inner.class_name for inner in cell.config["cells"]] == ["GRUCell", "LSTMCell"]


def _graph(folder: Path, layers: list[tuple[str, list[Any]]], outputs: list[Any]) -> Path:
    """A Keras 2 model of Dense layers with the given inbound nodes."""
    entry = {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [None, 3]}}
    specs = [{**entry, "name": "in", "inbound_nodes": []}] + [
        {"class_name": "Dense", "name": n, "config": {"name": n, "units": 3}, "inbound_nodes": i}
        for n, i in layers
    ]
    config = {"name": "g", "layers": specs, "input_layers": [["in", 0, 0]]}
    model = {
        "class_name": "Model",
        "config": {**config, "output_layers": outputs},
        "keras_version": "2.3.0",
    }
    path = folder / "model.json"
    path.write_text(json.dumps(model))
    return path


def _from(*names: str) -> list[Any]:
    return [[[name, 0, 0, {}] for name in names]]


BROKEN = {
    "cycle": ([("a", _from("in", "b")), ("b", _from("a"))], [["b", 0, 0]], "circle.*'a'"),
    "itself": ([("a", _from("a"))], [["a", 0, 0]], "circle"),
    "dangling": ([("a", _from("ghost"))], [["a", 0, 0]], "layer 'a'.*'ghost'"),
    "no such call": ([("a", [[["in", 3, 0, {}]]])], [["a", 0, 0]], "call 3 of layer 'in'"),
    "no such output": ([("a", _from("in"))], [["b", 0, 0]], "outputs.*'b'"),
    "twice": ([("a", _from("in")), ("a", _from("in"))], [["a", 0, 0]], "one name: 'a'"),
    "malformed": ([("a", [[["in", "x", 0, {}]]])], [["a", 0, 0]], "layer 'a'.*malformed"),
    "malformed outputs": ([("a", _from("in"))], [["a", 0]], "output_layers are malformed"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_graphs_are_refused_by_name(tmp_path: Path, case: str) -> None:
    layers, outputs, words = BROKEN[case]
    with pytest.raises(SourceError, match=f"(?s){words}"):
        load([_graph(tmp_path, layers, outputs)], architecture_only=True)


def test_the_merge_layer_that_early_keras_2_still_had(tmp_path: Path) -> None:
    inputs = [tf_keras.Input((2,), name=name) for name in ("a", "b")]
    model = tf_keras.Model(inputs, tf_keras.layers.Add(name="join")(inputs))
    plain = json.loads(model.to_json())
    merge = plain["config"]["layers"][-1]
    merge["class_name"], merge["config"] = "Merge", {"name": "join", "mode": "concat", "concat_axis": 1}
    merge["inbound_nodes"][0][0][3] = {"mask": [None, None]}
    plain["keras_version"] = "2.0.6"
    (tmp_path / "model.json").write_text(json.dumps(plain))
    layer = _layer(load([tmp_path / "model.json"], architecture_only=True).model, "join")
    assert (layer.class_name, layer.config["axis"]) == ("Concatenate", 1)
