"""Layers that `keras.applications` defines for its own networks."""

from __future__ import annotations

from converters.keras.layer import LayerCall
from converters.keras.rules import rules
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.sources import Constant


@rules.reads("LayerScale")
def read_layer_scale(layer: LayerCall) -> Value:
    """ConvNeXt: every channel times a learned number."""
    shape = (int(layer.config["projection_dim"]),)
    gamma = layer.add(Constant(shape, layer.weight_dtype), value=layer.weight("gamma", shape))
    return layer.add(Binary("multiply"), layer.value, gamma)


@rules.reads("CustomScaleLayer")
def read_custom_scale(layer: LayerCall) -> Value:
    """Inception-ResNet: a branch, scaled, on top of the trunk."""
    trunk, branch = layer.inputs
    scale = layer.constant(float(layer.config["scale"]), branch.dtype)
    return layer.add(Binary("add"), trunk, layer.add(Binary("multiply"), branch, scale))
