"""Masks: which steps of a sequence count. Layers pass them on, use them, make them or drop them, as
Keras does."""

from __future__ import annotations

from collections.abc import Sequence

from converters.keras.layer import LayerCall
from converters.keras.operation import is_keras_operation
from porter.graph.model import Value

PASS_ON: set[str] = set()
"""Layer classes whose output keeps the mask of their (first) input; filled by the layer families."""

TAKES_MASKS = frozenset({"MultiHeadAttention"})
"""Layer classes of Keras 3 that take the masks of their inputs away, for whatever runs after them."""


def passes_mask(*class_names: str) -> None:
    """Declare layer classes that hand the mask of their first input on to their outputs."""
    PASS_ON.update(class_names)


def carry_masks(layer: LayerCall, outputs: Sequence[Value]) -> None:
    """Give the outputs of a layer the mask that Keras would give them, unless its rule already did."""
    mask = layer.mask
    if mask is None or layer.spec.class_name not in PASS_ON or is_keras_operation(layer.spec):
        return
    for value in outputs:
        layer.context.masks.setdefault(value, mask)
