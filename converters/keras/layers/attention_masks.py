"""Masks of attention: which keys a query may look at, from what its inputs and arguments say."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np

from converters.keras.layer import LayerCall
from porter.graph.model import Value
from porter.graph.ops.attention import SeenKeys
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.reshaping import Reshape
from porter.graph.regroup import Kept


def both(layer: LayerCall, left: Value | None, right: Value | None) -> Value | None:
    """Where both masks let a key be seen; None hides nothing."""
    if left is None or right is None:
        return right if left is None else left
    if left.rank != right.rank and min(left.rank, right.rank) > 2:
        raise layer.refuse(f"masks of {left.rank} and of {right.rank} axes are not carried together")
    with layer.part("mask"):
        return layer.add(Binary("logical_and"), left, right)


def widened(layer: LayerCall, rows: Value | None, columns: Iterable[Value | None]) -> Value | None:
    """Masks over queries (`rows`) and over keys (`columns`) as one over pairs."""
    found = [] if rows is None else [_with_axis(layer, rows, rows.rank)]
    found += [_with_axis(layer, mask, mask.rank - 1) for mask in dict.fromkeys(columns) if mask is not None]
    return reduce(lambda a, b: both(layer, a, b), found, None)


def heads_apart(layer: LayerCall, mask: Value | None, rank: int) -> Value | None:
    """A mask over `(batch, t, s)` with an axis for the heads; one over `(t, s)` serves as it is."""
    while mask is not None and 2 < mask.rank < rank:
        mask = _with_axis(layer, mask, mask.rank - 2)
    return mask


def seen(layer: LayerCall, query: Value, key: Value, causal: bool, window: Any = None) -> Value:
    """Which keys may be seen by their places."""
    with layer.part("mask"):
        return layer.add(SeenKeys(causal, None if window is None else int(window)), query, key)


def truth(layer: LayerCall, mask: Any) -> Value:
    """A mask given as an argument, as truths."""
    with layer.part("mask"):
        if not isinstance(mask, Value):
            return layer.constant(np.asarray(mask, bool))
        return layer.cast(mask, "bool")


def _with_axis(layer: LayerCall, mask: Value, place: int) -> Value:
    kept = [Kept(axis) for axis in range(mask.rank)]
    with layer.part("mask"):
        return layer.add(Reshape((*kept[:place], 1, *kept[place:])), mask)
