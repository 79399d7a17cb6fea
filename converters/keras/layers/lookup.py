"""Look-up tables of whole numbers: a comparison with each entry of the vocabulary."""

from __future__ import annotations

import numpy as np

from converters.keras.dtypes import compute_dtype
from converters.keras.layer import LayerCall
from converters.keras.layers.preprocessing import encoded
from converters.keras.rules import rules
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Cast, Where
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Reshape
from porter.graph.regroup import Kept

WIDEST = np.iinfo("int32")
"""Numbers that all targets hold; JAX has no others unless it is told to."""


@rules.reads("IntegerLookup")
def read_integer_lookup(layer: LayerCall) -> Value:
    config = layer.config
    mode = str(config.get("output_mode", "int"))
    if config.get("invert") or config.get("sparse") or config.get("pad_to_max_tokens") or mode == "tf_idf":
        raise layer.refuse("inverted, sparse, padded and weighted look-ups are not carried")
    strangers = int(config.get("num_oov_indices", 1))
    if strangers < 1:
        raise layer.refuse("it stops at numbers outside its vocabulary, which no tensor operation does")
    if strangers > 1 and config.get("oov_method", "floormod") != "floormod":
        raise layer.refuse("it hashes numbers outside its vocabulary, which no tensor operation does")
    masked = mode == "int" and config.get("mask_token") is not None
    entries = _entries(layer, ([config["mask_token"]] if masked else []) + [config["oov_token"]] * strangers)
    place = _place(layer, entries, strangers, masked)
    if mode == "int":
        return place
    dtype = compute_dtype(config.get("dtype"), layer.context.policy)
    return encoded(layer, place, len(entries) + strangers, mode, dtype)


def _entries(layer: LayerCall, special: list[int]) -> list[int]:
    """The vocabulary without what stands for numbers outside it, which may be listed in front."""
    told = layer.config.get("vocabulary")
    if not isinstance(told, list) or not told:
        raise layer.refuse(
            "its vocabulary was learnt and is not in its config, nor in a .keras archive",
            "save the model as .keras, or make the layer with vocabulary=layer.get_vocabulary()",
        )
    entries = [int(entry) for entry in (told[len(special) :] if told[: len(special)] == special else told)]
    if not all(WIDEST.min <= entry <= WIDEST.max for entry in entries):
        raise layer.refuse("its vocabulary has numbers of more than 32 bits, which JAX does not hold")
    return entries


def _place(layer: LayerCall, entries: list[int], strangers: int, masked: bool) -> Value:
    """Where each number stands: first the masked one, then those outside the vocabulary, then its entries."""
    value = layer.cast(layer.value, "int64")
    wide = layer.add(Reshape((*(Kept(axis) for axis in range(value.rank)), 1)), value)
    equal = layer.add(Binary("equal"), wide, layer.constant(np.array(entries), "int64"))
    first = int(masked)
    places = layer.constant(np.arange(len(entries)) + first + strangers, "int64")
    last = (value.rank,)
    told = layer.add(Binary("multiply"), layer.add(Cast("int64"), equal), places)
    found = layer.add(Reduce("sum", last), told)
    outside = layer.constant(first, "int64")
    if strangers > 1:
        rest = layer.add(Binary("remainder"), value, layer.constant(strangers, "int64"))
        outside = layer.add(Binary("add"), rest, outside)
    place = layer.add(Where(), layer.add(Reduce("any", last), equal), found, outside)
    if not masked:
        return place
    hidden = layer.add(Binary("equal"), value, layer.constant(int(layer.config["mask_token"]), "int64"))
    return layer.add(Where(), hidden, layer.constant(0, "int64"), place)
