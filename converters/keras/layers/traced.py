"""What a live model's trace adds to Keras's layers: lone variables, and constants as large as the batch."""

from __future__ import annotations

from converters.keras.dtypes import is_float
from converters.keras.layer import LayerCall
from converters.keras.operation import OpCall
from converters.keras.rules import rules
from converters.keras.sizes import spread
from porter.graph.model import Value
from porter.graph.ops.sources import Constant


@rules.reads("porter.Variable")
def read_variable(layer: LayerCall) -> Value:
    shape = tuple(int(size) for size in layer.config["shape"])
    param = layer.weight("value", shape, trainable=bool(layer.config["trainable"]))
    dtype = layer.weight_dtype if is_float(layer.config["dtype"]) else layer.config["dtype"]
    return layer.add(Constant(shape, dtype), value=param)


@rules.reads("porter.Spread")
def read_spread(layer: LayerCall) -> Value:
    call = OpCall(**vars(layer))
    return spread(call, layer.constant(layer.config["array"]), layer.config["shape"])


@rules.reads("porter.Mask")
def read_mask(layer: LayerCall) -> Value:
    mask = layer.context.masks.get(layer.value)
    if mask is None:
        raise layer.refuse("the mask of a tensor is used that is not carried to here")
    return mask
