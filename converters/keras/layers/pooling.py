"""Pooling: over windows, and over everything."""

from __future__ import annotations

from converters.keras.layer import LayerCall
from converters.keras.layers.convolution import numbers, orientation, padding, spatial
from converters.keras.layers.merging import masked_mean
from converters.keras.rules import rules
from porter.graph.model import Value
from porter.graph.ops.pooling import AdaptivePool, AvgPool, MaxPool
from porter.graph.ops.reduction import Reduce


@rules.reads("MaxPooling1D", "MaxPooling2D", "MaxPooling3D")
def read_max_pool(layer: LayerCall) -> Value:
    return _pool(layer, MaxPool)


@rules.reads("AveragePooling1D", "AveragePooling2D", "AveragePooling3D")
def read_average_pool(layer: LayerCall) -> Value:
    return _pool(layer, AvgPool)


def _pool(layer: LayerCall, kind: type[MaxPool] | type[AvgPool]) -> Value:
    value = layer.value
    rank = value.rank - 2
    window = numbers(layer.config.get("pool_size", 2), rank)
    told = layer.config.get("strides")
    strides = window if told is None else numbers(told, rank)
    sizes, _ = spatial(layer, value)
    pads = padding(layer, sizes, window, strides, (1,) * rank, layer.context.conventions.pooling)
    return layer.add(kind(window, strides, pads, orientation(layer)), value)


@rules.reads("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D")
def read_global_max_pool(layer: LayerCall) -> Value:
    return _global(layer, "max")


@rules.reads("GlobalAveragePooling2D", "GlobalAveragePooling3D")
def read_global_average_pool(layer: LayerCall) -> Value:
    return _global(layer, "mean")


@rules.reads("GlobalAveragePooling1D")
def read_global_average_pool_1d(layer: LayerCall) -> Value:
    if layer.mask is None:
        return _global(layer, "mean")
    axis = 2 if orientation(layer) == "first" else 1
    return masked_mean(layer, layer.value, layer.mask, axis, bool(layer.config.get("keepdims", False)))


def _global(layer: LayerCall, function: str) -> Value:
    rank = layer.value.rank
    axes = range(2, rank) if orientation(layer) == "first" else range(1, rank - 1)
    return layer.add(Reduce(function, tuple(axes), bool(layer.config.get("keepdims", False))), layer.value)


@rules.reads("AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D")
def read_adaptive_max_pool(layer: LayerCall) -> Value:
    return _adaptive(layer, "max")


@rules.reads("AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D")
def read_adaptive_average_pool(layer: LayerCall) -> Value:
    return _adaptive(layer, "avg")


def _adaptive(layer: LayerCall, function: str) -> Value:
    size = numbers(layer.config["output_size"], layer.value.rank - 2)
    return layer.add(AdaptivePool(function, size, orientation(layer)), layer.value)
