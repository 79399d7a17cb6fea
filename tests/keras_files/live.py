"""What a live Keras model holds, as slots with the numbers that must be bound to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from converters.keras.spec import Slot

KERNEL = (((), "kernel"), ((), "bias"))
CELL = tuple((("cell",), name) for name in ("kernel", "recurrent_kernel", "bias"))
NORM = (((), "gamma"), ((), "beta"))
BOTH = tuple(
    ((side, "cell"), name)
    for side in ("forward_layer", "backward_layer")
    for name in ("kernel", "recurrent_kernel", "bias")
)
HEADS = tuple(
    ((part,), name)
    for part in ("query_dense", "key_dense", "value_dense", "output_dense")
    for name in ("kernel", "bias")
)

# The variables of each class in Keras's order: the path to their owner, and their name there.
VARIABLES = {
    "BatchNormalization": (*NORM, ((), "moving_mean"), ((), "moving_variance")),
    "LayerNormalization": NORM,
    "Embedding": (((), "embeddings"),),
    "PReLU": (((), "alpha"),),
    "DepthwiseConv2D": (((), "depthwise_kernel"), ((), "bias")),
    "SeparableConv2D": (((), "depthwise_kernel"), ((), "pointwise_kernel"), ((), "bias")),
    "LSTM": CELL,
    "GRU": CELL,
    "SimpleRNN": CELL,
    "ConvLSTM2D": CELL,
    "Bidirectional": BOTH,
    "MultiHeadAttention": HEADS,
}
WITH_KERNEL = ("Dense", "Conv", "LocallyConnected")


def slots_of(model: Any) -> dict[Slot, np.ndarray]:
    """Every variable of `model` that the tests know, with its numbers."""
    return dict(_slots(model, ()))


def _slots(model: Any, path: tuple[str, ...]) -> Iterator[tuple[Slot, np.ndarray]]:
    for layer in model.layers:
        here = (*path, layer.name)
        if hasattr(layer, "layers"):
            yield from _slots(layer, here)
        elif type(layer).__name__ == "TimeDistributed" and hasattr(layer.layer, "layers"):
            yield from _slots(layer.layer, (*here, layer.layer.name))
        else:
            yield from _own(layer, here)


def _own(layer: Any, path: tuple[str, ...]) -> Iterator[tuple[Slot, np.ndarray]]:
    inner, prefix = layer, ()
    if type(layer).__name__ == "TimeDistributed":
        inner, prefix = layer.layer, ("layer",)
    name = type(inner).__name__
    known = VARIABLES.get(name, KERNEL if name.startswith(WITH_KERNEL) else ())
    counts: dict[tuple[str, ...], int] = {}
    for attribute, variable in known:
        owner = inner
        for part in attribute:
            owner = getattr(owner, part) if hasattr(owner, part) else getattr(owner, f"_{part}")
        value = getattr(owner, variable, None)
        if value is None:
            continue
        index = counts.get(attribute, 0)
        counts[attribute] = index + 1
        numbers = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
        trainable = not variable.startswith("moving_")
        slot = Slot(path, (*prefix, *attribute), variable, index, numbers.shape, trainable)
        yield slot, numbers
