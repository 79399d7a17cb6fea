"""What a saved Keras model says, as plain values: the one spelling that every layer rule knows.

`load.py` and `upgrade.py` turn every file format and generation into these; `read.py` turns them
into a graph. Nothing here imports Keras, and nothing here has been interpreted yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

import numpy as np

from porter.dataclass import dataclass
from porter.graph.dims import Dim


@dataclass(frozen=True)
class TensorRef:
    """An output of a layer's call: `layer` of the same model, its n-th call, its n-th output."""

    layer: str
    call: int = 0
    output: int = 0
    shape: tuple[int | None, ...] | None = None  # where the file records it
    dtype: str | None = None


@dataclass(frozen=True)
class Call:
    """One use of a layer: its arguments, with TensorRefs wherever tensors stood."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerSpec:
    """One layer of a saved model. `config` is in Keras 3 spelling whatever wrote the file.

    Layers inside the config (a wrapper's "layer", an RNN's "cell") are LayerSpecs too. An
    InputLayer has no calls: its tensor is `TensorRef(name)`, call 0, output 0.
    """

    class_name: str
    name: str
    config: Mapping[str, Any]
    calls: tuple[Call, ...] = ()
    module: str | None = None
    registered_name: str | None = None
    model: ModelSpec | None = None  # when the layer is itself a Sequential or Functional model
    build_shapes: Any = None  # `build_config` of Keras 3: input shapes, for layers that have no calls
    shared_id: int | None = None  # equal for two specs that are one object, used in two places


@dataclass(frozen=True)
class ModelSpec:
    """A Sequential or Functional model (nested ones sit in their LayerSpec)."""

    kind: str  # "Sequential" or "Functional"
    name: str
    layers: tuple[LayerSpec, ...]
    inputs: tuple[TensorRef, ...]
    outputs: Any  # TensorRefs, in the nest (list, tuple, dict) that the model returns
    inputs_nest: Any = None  # the nest of the inputs as the file has it
    trainable: bool = True


@dataclass(frozen=True, eq=False)
class SpreadArray:
    """A constant that a live model makes as large as its batch: an array, and the shape that it fills."""

    array: np.ndarray
    shape: tuple[Dim, ...]


@dataclass(frozen=True)
class Slot:
    """A variable that a layer rule asks for, before it is known which stored array fills it.

    `layer` is the path of layer names from the model down, `attribute` the path of Keras
    attributes inside that layer (`("forward_layer", "cell")`), `index` its place among that
    object's own variables in the order in which Keras lists them (trainable ones first). A member
    of a list is addressed by its place: `("cell", "cells", "0")`. A model inside a wrapper is
    addressed by names alone: `("time_distributed", "inner_model", "dense")`.
    """

    layer: tuple[str, ...]
    attribute: tuple[str, ...]
    name: str
    index: int
    shape: tuple[int, ...]
    trainable: bool = True
    optional: bool = False  # older writers did not store it


@dataclass(frozen=True)
class Origin:
    """What a file tells about its writer; None where it does not say."""

    format: str  # for people: "Keras 3 archive (.keras)", "whole-model HDF5", "JSON + HDF5 weights"
    files: tuple[str, ...]
    keras_version: str | None = None
    backend: str | None = None
    generation: int | None = None  # 0, 1, 2 or 3
    notes: tuple[str, ...] = ()
