"""Layers that move numbers without changing them."""

from __future__ import annotations

from converters.keras.layer import LayerCall
from converters.keras.layers.convolution import orientation
from converters.keras.masks import passes_mask
from converters.keras.rules import rules
from porter.graph.model import Value
from porter.graph.ops.reshaping import Reshape, Tile, Transpose
from porter.graph.regroup import Kept


@rules.reads("InputLayer", "Identity")
def read_identity(layer: LayerCall) -> Value:
    return layer.value


@rules.reads("Flatten")
def read_flatten(layer: LayerCall) -> Value:
    value = layer.value
    if orientation(layer) == "first" and value.rank > 2:
        value = layer.add(Transpose((0, *range(2, value.rank), 1)), value)
    if value.rank == 1:
        return layer.add(Reshape((Kept(0), 1)), value)
    return layer.add(Reshape((Kept(0), None)), value)


@rules.reads("Reshape")
def read_reshape(layer: LayerCall) -> Value:
    wanted = [None if int(size) == -1 else int(size) for size in layer.config["target_shape"]]
    return layer.add(Reshape((Kept(0), *wanted)), layer.value)


@rules.reads("Permute")
def read_permute(layer: LayerCall) -> Value:
    return layer.add(Transpose((0, *(int(axis) for axis in layer.config["dims"]))), layer.value)


@rules.reads("RepeatVector")
def read_repeat_vector(layer: LayerCall) -> Value:
    row = layer.add(Reshape((Kept(0), 1, Kept(1))), layer.value)
    return layer.add(Tile((1, int(layer.config["n"]), 1)), row)


passes_mask("Identity")
