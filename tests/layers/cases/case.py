"""What one row of the layer tables is: a small model, its inputs, and where it can be built."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

DYNAMIC_SIZES = (11, 7, 13)  # what stands for the n-th None of a shape: odd, and no two alike


@dataclass(frozen=True)
class Feed:
    """One input of a case: shape without the batch, dtype, and the range of ids where it holds ids."""

    shape: tuple[int | None, ...]
    dtype: str = "float32"
    ids: int | None = None  # values are in range(ids)
    padded: bool = False  # rows end in zeros, as a tokenizer pads them
    dynamic: tuple[int, ...] = DYNAMIC_SIZES  # what stands for each None of the shape

    def sizes(self) -> tuple[int, ...]:
        """The shape with a number for every unknown size."""
        stand_in = iter(self.dynamic)
        return tuple(next(stand_in) if size is None else size for size in self.shape)


@dataclass(frozen=True)
class LayerCase:
    """One row: `build(keras)` returns a model made with that namespace (keras, or tf_keras where set)."""

    name: str
    build: Callable[[Any], Any]
    inputs: tuple[Feed, ...]
    covers: tuple[str, ...] = ()  # names of the classes in keras.layers that this row is about
    tf_keras: bool = True  # tf_keras spells and computes it alike
    runs_on_tf: bool = True  # TensorFlow has a CPU kernel; else it runs only when XLA compiles it
    heavy: bool = False

    def model(self, framework: str = "keras") -> Any:
        """The built model, with the same automatic layer names whatever was built before."""
        namespace = importlib.import_module(framework)
        namespace.backend.clear_session()
        return self.build(namespace)


def feed(*shape: int | None, dtype: str = "float32", dynamic: tuple[int, ...] = DYNAMIC_SIZES) -> Feed:
    """An input of plain numbers."""
    return Feed(shape, dtype, dynamic=dynamic)


def ids(*shape: int | None, below: int, dtype: str = "int32", padded: bool = False) -> Feed:
    """An input of ids in range(below)."""
    return Feed(shape, dtype, below, padded)


def inputs_of(keras: Any, feeds: tuple[Feed, ...]) -> list[Any]:
    """The symbolic inputs of a functional model; named, since automatic names differ between versions."""
    return [
        keras.Input(shape=one.shape, dtype=one.dtype, name=f"input_{index}")
        for index, one in enumerate(feeds)
    ]


def functional(keras: Any, feeds: tuple[Feed, ...], layer: Any) -> Any:
    """A functional model of one layer; a layer that merges is given the list of its inputs."""
    inputs = inputs_of(keras, feeds)
    given = inputs if len(inputs) > 1 else inputs[0]
    return keras.Model(given, layer(given), name="model")


def row(name: str, layer: str, *feeds: Feed, **config: Any) -> LayerCase:
    """The common row: one layer class with this configuration, named `layer` inside the model."""

    def build(keras: Any) -> Any:
        return functional(keras, feeds, getattr(keras.layers, layer)(name="layer", **config))

    return LayerCase(name, build, feeds, covers=(layer,))


def keras3(case: LayerCase) -> LayerCase:
    """The same row for Keras 3 alone: tf_keras lacks the layer or the option, or computes another thing."""
    return LayerCase(**{**vars(case), "tf_keras": False})


def not_on_tf(case: LayerCase) -> LayerCase:
    """The same row, marked as having no TensorFlow CPU kernel."""
    return LayerCase(**{**vars(case), "runs_on_tf": False})


def heavy(case: LayerCase) -> LayerCase:
    """The same row, marked as slow."""
    return LayerCase(**{**vars(case), "heavy": True})
