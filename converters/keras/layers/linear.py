"""Dense layers and tables of vectors."""

from __future__ import annotations

from converters.keras.layer import LayerCall
from converters.keras.layers.activation import activate
from converters.keras.layers.quantised import LEAVE, dequantised, mode_of
from converters.keras.masks import passes_mask
from converters.keras.rules import rules
from porter.graph.model import Param, Value
from porter.graph.ops.elementwise import Binary, Unary
from porter.graph.ops.linear import Embedding, Linear, Unembed


@rules.reads("Dense")
def read_dense(layer: LayerCall) -> Value:
    inputs, units = layer.size(-1), int(layer.config["units"])
    bias = (units,) if layer.config.get("use_bias", True) else None
    layer = dequantised(layer, "kernel", (inputs, units), bias)
    params = {"weight": layer.weight("kernel", (inputs, units), "i o -> o i")}
    if layer.config.get("use_bias", True):
        params["bias"] = layer.weight("bias", (units,))
    value = layer.add(Linear(inputs, units), layer.value, **params)
    return activate(layer, value, layer.config.get("activation"))


@rules.reads("Embedding")
def read_embedding(layer: LayerCall) -> Value:
    entries, width = int(layer.config["input_dim"]), int(layer.config["output_dim"])
    layer = dequantised(layer, "embeddings", (entries, width), None)
    table = layer.weight("embeddings", (entries, width))
    value = layer.add(Embedding(entries, width, layer.weight_dtype), layer.value, weight=table)
    _mask_zero(layer, value)
    return value


def _mask_zero(layer: LayerCall, value: Value) -> None:
    if layer.config.get("mask_zero"):
        with layer.aside("mask"):
            zero = layer.constant(0, layer.value.dtype)
            layer.context.masks[value] = layer.add(Binary("not_equal"), layer.value, zero)


@rules.reads("ReversibleEmbedding")
def read_reversible_embedding(layer: LayerCall) -> Value:
    """A table read forwards, and used backwards as a linear layer; tied, both are one parameter."""
    if mode_of(layer.config.get("dtype")):
        raise layer.refuse("a reversible embedding that is quantised is not carried", LEAVE)
    tied, back = layer.config.get("tie_weights", True), bool(layer.kwargs.get("reverse"))
    used_back = any(call.kwargs.get("reverse") for call in layer.spec.calls)
    if not tied or not used_back:
        return _reversed(layer, None) if back else read_embedding(layer)
    if not back:
        return read_embedding(layer)
    entries, width = int(layer.config["input_dim"]), int(layer.config["output_dim"])
    return _reversed(layer, layer.weight("embeddings", (entries, width)))


def _reversed(layer: LayerCall, table: Param | None) -> Value:
    """One number for each row of the table."""
    if layer.config.get("reverse_dtype") not in (None, layer.value.dtype):
        raise layer.refuse("going back in another precision is not carried")
    entries, width = int(layer.config["input_dim"]), int(layer.config["output_dim"])
    with layer.part("back"):
        if table is None:
            layer.tensor("embeddings", (entries, width))  # stands first
            weight = layer.weight("reverse_embeddings", (width, entries), "d v -> v d")
            value = layer.add(Linear(width, entries), layer.value, weight=weight)
        else:
            value = layer.add(Unembed(entries, width), layer.value, weight=table)
        cap = layer.config.get("logit_soft_cap")
        if cap is None:
            return value
        top = layer.constant(float(cap), value.dtype)
        squeezed = layer.add(Unary("tanh"), layer.add(Binary("divide"), value, top))
        return layer.add(Binary("multiply"), squeezed, top)


passes_mask("Dense")
