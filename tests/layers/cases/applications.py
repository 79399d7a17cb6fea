"""Rows of the layers that keras.applications defines for itself and saves in its models."""

from __future__ import annotations

import importlib
from typing import Any

from tests.layers.cases.case import Feed, LayerCase, feed, inputs_of


def _layer_scale(keras: Any, image: Any) -> Any:
    module = importlib.import_module("keras.src.applications.convnext")
    return module.LayerScale(1e-6, 3, name="layer")(image)


def _residual_scale(keras: Any, image: Any, branch: Any) -> Any:
    module = importlib.import_module("keras.src.applications.inception_resnet_v2")
    return module.CustomScaleLayer(scale=0.17, name="layer")([image, branch])


def _application(name: str, layer: Any, *feeds: Feed) -> LayerCase:
    def build(keras: Any) -> Any:
        inputs = inputs_of(keras, feeds)
        given = inputs if len(inputs) > 1 else inputs[0]
        return keras.Model(given, layer(keras, *inputs), name="model")

    return LayerCase(name, build, feeds, tf_keras=False)


CASES: tuple[LayerCase, ...] = (
    _application("application_layer_scale", _layer_scale, feed(4, 5, 3)),
    _application("application_residual_scale", _residual_scale, feed(4, 5, 3), feed(4, 5, 3)),
)
