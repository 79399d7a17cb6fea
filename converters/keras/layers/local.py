"""Locally connected layers of Keras 2: a kernel of its own at every place."""

from __future__ import annotations

from converters.keras.layer import LayerCall
from converters.keras.layers.activation import activate
from converters.keras.layers.convolution import numbers, orientation, spatial
from converters.keras.rules import rules
from porter.graph.dims import Dim
from porter.graph.model import Param, Value
from porter.graph.ops.convolution import window_output
from porter.graph.ops.local import LocalConv
from porter.weights.tensor import moved


@rules.reads("LocallyConnected1D", "LocallyConnected2D")
def read_locally_connected(layer: LayerCall) -> Value:
    value = layer.value
    rank = value.rank - 2
    if layer.config.get("padding", "valid") != "valid" or int(layer.config.get("implementation", 1)) != 1:
        raise layer.refuse("only implementation 1 with padding 'valid' is known")
    sizes, channels = spatial(layer, value)
    kernel = numbers(layer.config["kernel_size"], rank)
    strides = numbers(layer.config.get("strides", 1), rank)
    filters = int(layer.config["filters"])
    found: list[Dim] = [
        window_output(n, k, s, 1, (0, 0)) for n, k, s in zip(sizes, kernel, strides, strict=True)
    ]
    places = tuple(size for size in found if isinstance(size, int))
    if len(places) < rank:
        raise layer.refuse("the size of its input must be known", "give it with --input-shape")
    params = {"weight": _kernel(layer, places, kernel, channels, filters)}
    if layer.config.get("use_bias", True):
        params["bias"] = _bias(layer, places, filters)
    value = layer.add(
        LocalConv(channels, filters, kernel, strides, places, orientation(layer)), value, **params
    )
    return activate(layer, value, layer.config.get("activation"))


def _kernel(
    layer: LayerCall, places: tuple[int, ...], kernel: tuple[int, ...], channels: int, filters: int
) -> Param:
    """Keras holds all places in one axis; in a window cells come before channels, or after them."""
    count, cells = 1, 1
    for place, size in zip(places, kernel, strict=True):
        count, cells = count * place, cells * size
    at = " ".join(f"p{axis}" for axis in range(len(places)))
    order = "(i k)" if orientation(layer) == "first" else "(k i)"
    sizes = {"k": cells, **{f"p{axis}": size for axis, size in enumerate(places)}}
    stored = layer.tensor("kernel", (count, cells * channels, filters))
    move = f"({at}) {order} o -> {at} (k i) o"
    return Param(moved(stored, move, **sizes), layer.trainable, "kernel")


def _bias(layer: LayerCall, places: tuple[int, ...], filters: int) -> Param:
    """Shaped `(*places, filters)`; with channels first Keras reads the numbers as `(filters, *places)`."""
    at = " ".join(f"p{axis}" for axis in range(len(places)))
    if orientation(layer) == "last":
        return layer.weight("bias", (*places, filters))
    stored = moved(layer.tensor("bias", (*places, filters)), f"{at} o -> ({at} o)")
    sizes = {"o": filters, **{f"p{axis}": size for axis, size in enumerate(places)}}
    return Param(moved(stored, f"(o {at}) -> {at} o", **sizes), layer.trainable, "bias")
