"""Whole-graph rows: how models are put together, nested, shared, named and frozen."""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.layers.cases.case import Feed, LayerCase, feed, ids, inputs_of, keras3


def graph(name: str, build: Callable[..., Any], *feeds: Feed, covers: tuple[str, ...] = ()) -> LayerCase:
    """A functional model whose outputs are `build(keras, *inputs)`."""

    def make(keras: Any) -> Any:
        inputs = inputs_of(keras, feeds)
        given = inputs if len(inputs) > 1 else inputs[0]
        return keras.Model(given, build(keras, *inputs), name="model")

    return LayerCase(name, make, feeds, covers=covers)


def stack(name: str, layers: Callable[[Any, Any], list[Any]], one: Feed) -> LayerCase:
    """A Sequential model of `layers(keras, keras.layers)`."""

    def make(keras: Any) -> Any:
        first = keras.Input(shape=one.shape, dtype=one.dtype, name="input_0")
        return keras.Sequential([first, *layers(keras, keras.layers)], name="model")

    return LayerCase(name, make, (one,))


def _mlp(keras: Any, width: int, name: str) -> Any:
    layers = keras.layers
    first = layers.Dense(width + 1, activation="relu", name="first")
    return keras.Sequential([keras.Input((width,)), first, layers.Dense(width, name="second")], name=name)


def _tower(keras: Any, name: str) -> Any:
    """A functional model used as a layer: convolution, batch norm, skip."""
    layers = keras.layers
    inputs = keras.Input((6, 5, 3), name="tower_input")
    values = layers.Conv2D(3, 3, padding="same", name="conv")(inputs)
    values = layers.BatchNormalization(name="norm")(values)
    return keras.Model(inputs, layers.Add(name="add")([values, inputs]), name=name)


def _multi_io(keras: Any, image: Any, vector: Any) -> list[Any]:
    layers = keras.layers
    seen = layers.Flatten(name="flatten")(layers.Conv2D(4, 3, activation="relu", name="conv")(image))
    both = layers.Concatenate(name="both")([seen, layers.Dense(5, name="facts")(vector)])
    return [
        layers.Dense(3, activation="softmax", name="kind")(both),
        layers.Dense(1, name="amount")(both),
    ]


def _dictionary_outputs(keras: Any, vector: Any) -> dict[str, Any]:
    layers = keras.layers
    shared = layers.Dense(4, activation="tanh", name="shared")(vector)
    return {"zeta": layers.Dense(2, name="z")(shared), "alpha": layers.Dense(3, name="a")(shared)}


def _nested_twice(keras: Any, image: Any) -> Any:
    inner = _tower(keras, "inner")
    middle_input = keras.Input((6, 5, 3), name="middle_input")
    scaled = keras.layers.Conv2D(3, 1, name="scale")(inner(middle_input))
    middle = keras.Model(middle_input, scaled, name="middle")
    return keras.layers.GlobalAveragePooling2D(name="mean")(middle(image))


def _nested_shared(keras: Any, left: Any, right: Any) -> Any:
    tower = _tower(keras, "tower")
    difference = keras.layers.Subtract(name="difference")([tower(left), tower(right)])
    return keras.layers.Dense(2, name="verdict")(keras.layers.Flatten(name="flatten")(difference))


def _shared_layer(keras: Any, left: Any, right: Any) -> Any:
    dense = keras.layers.Dense(4, activation="tanh", name="shared")
    product = keras.layers.Multiply(name="product")([dense(left), dense(right)])
    return keras.layers.Dense(2, name="out")(dense(keras.layers.Dense(6, name="widen")(product)))


def _sequential_in_functional_in_sequential(keras: Any, layers: Any) -> list[Any]:
    inputs = keras.Input((6,), name="inner_input")
    inner = keras.Model(
        inputs, layers.Add(name="skip")([inputs, _mlp(keras, 6, "mlp")(inputs)]), name="residual"
    )
    return [layers.Dense(6, name="before"), inner, layers.Dense(3, name="after")]


def _text(keras: Any, layers: Any) -> list[Any]:
    """Without names of their own, as most people write it."""
    return [
        layers.Embedding(12, 5),
        layers.Conv1D(6, 3, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(2),
    ]


def _two_outputs_inside(keras: Any, vector: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((6,), name="pair_input")
    pair = keras.Model(
        inputs,
        [layers.Dense(4, name="left")(inputs), layers.Dense(4, name="right")(inputs)],
        name="pair",
    )
    left, right = pair(vector)
    return layers.Subtract(name="gap")([left, right])


def _dictionaries_inside(keras: Any, vector: Any) -> Any:
    """A nested model that takes and gives dictionaries, whose order is that of their keys."""
    layers = keras.layers
    inputs = {name: keras.Input((6,), name=name) for name in ("second", "first")}
    outputs = {name: layers.Dense(4, name=f"{name}_dense")(one) for name, one in inputs.items()}
    pair = keras.Model(inputs, {"late": outputs["first"], "early": outputs["second"]}, name="pair")
    found = pair({"second": vector, "first": layers.Dense(6, name="dense")(vector)})
    return layers.Subtract(name="gap")([found["late"], found["early"]])


def _input_is_output(keras: Any, vector: Any) -> list[Any]:
    return [vector, keras.layers.Dense(3, name="dense")(vector)]


def _frozen(keras: Any, image: Any) -> Any:
    base = _tower(keras, "base")
    base.trainable = False
    pooled = keras.layers.GlobalMaxPooling2D(name="pool")(base(image))
    return keras.layers.Dense(2, name="head")(pooled)


def _partly_frozen(keras: Any, image: Any) -> Any:
    base = _tower(keras, "base")
    base.get_layer("conv").trainable = False
    head = keras.layers.Dense(2, name="head")
    return head(
        keras.layers.Dense(3, trainable=False, name="fixed")(keras.layers.Flatten(name="flat")(base(image)))
    )


def _awkward_names(keras: Any, vector: Any) -> Any:
    names = (
        "class",
        'it\'s "quoted"',
        "with space",
        "1st",
        "layer-2.x",
        "forward",
        "self",
        "import os; os._exit(3)",
        "größe",
        "__init__",
    )
    for name in names:
        vector = keras.layers.Dense(5, activation="tanh", name=name)(vector)
    return vector


def _names_that_clash(keras: Any, vector: Any) -> Any:
    for name in ("dense_1", "dense-1", "dense 1", "Dense_1", "training", "parameters", "_modules"):
        vector = keras.layers.Dense(5, activation="tanh", name=name)(vector)
    return vector


CASES: tuple[LayerCase, ...] = (
    stack("sequential", lambda keras, layers: [layers.Dense(6, activation="relu"), layers.Dropout(0.3), layers.Dense(3)], feed(5)),
    stack("sequential_nested", lambda keras, layers: [_mlp(keras, 5, "mlp"), layers.Dense(3, name="head")], feed(5)),
    stack("sequential_one_layer", lambda keras, layers: [layers.Dense(3)], feed(5)),
    stack("sequential_in_functional_in_sequential", _sequential_in_functional_in_sequential, feed(5)),
    stack("sequential_text", _text, ids(9, below=12)),
    graph("functional", lambda keras, x: keras.layers.Dense(3, name="b")(keras.layers.Dense(4, activation="relu", name="a")(x)), feed(5)),
    graph("multi_io", _multi_io, feed(7, 6, 3), feed(4)),
    keras3(graph("dictionary_outputs", _dictionary_outputs, feed(4))),
    graph("nested_once", lambda keras, x: keras.layers.Flatten(name="flat")(_tower(keras, "tower")(x)), feed(6, 5, 3)),
    graph("nested_twice", _nested_twice, feed(6, 5, 3)),
    graph("nested_shared", _nested_shared, feed(6, 5, 3), feed(6, 5, 3)),
    graph("nested_two_outputs", _two_outputs_inside, feed(6)),
    graph("nested_dictionaries", _dictionaries_inside, feed(6)),
    graph("shared_layer", _shared_layer, feed(6), feed(6)),
    graph("one_input_twice", lambda keras, x: keras.layers.Multiply(name="square")([x, x]), feed(5)),
    graph("input_is_output", _input_is_output, feed(5)),
    graph("same_output_twice", lambda keras, x: [keras.layers.Dense(3, name="dense")(x)] * 2, feed(5)),
    graph("frozen_model", _frozen, feed(6, 5, 3)),
    graph("partly_frozen", _partly_frozen, feed(6, 5, 3)),
    keras3(graph("awkward_names", _awkward_names, feed(5))),
    keras3(graph("names_that_clash", _names_that_clash, feed(5))),
)  # fmt: skip
