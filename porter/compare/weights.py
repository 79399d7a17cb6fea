"""The numbers of a bundle against those of its source, one by one: what no run can show, this does.

A unit that is silent on all inputs of a trial hides a wrong weight behind it. Where a bundle is as porter
writes a model, its weights have to be that model's, moved by axis strings and not otherwise changed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from porter.compare.comparison import WeightRow
from porter.compare.difference import between
from porter.weights.tensor import Stored
from porter.writing.forms import Weight


def compare_weights(wanted: Mapping[str, Weight], stored: Mapping[str, Stored]) -> tuple[WeightRow, ...]:
    """A row for each entry that is not the source's; none where the two do not even have the same entries."""
    if set(wanted) != set(stored):
        return ()
    rows = (_row(key, weight, stored[key]) for key, weight in wanted.items())
    return tuple(row for row in rows if row is not None)


def _row(key: str, weight: Weight, stored: Stored) -> WeightRow | None:
    origin = ", ".join(dict.fromkeys(origin.key for origin in weight.tensor.origins))
    if weight.tensor.shape != stored.shape:
        return WeightRow(key, origin, f"its shape is {stored.shape}, the source's is {weight.tensor.shape}")
    there = stored.read()
    ours = weight.tensor.read().astype(there.dtype)
    # as bytes, so that NaN is itself
    if np.array_equal(
        ours.reshape(-1).view(np.uint8), np.ascontiguousarray(there).reshape(-1).view(np.uint8)
    ):
        return None
    largest = between(ours.astype("float64"), there.astype("float64"))
    return WeightRow(key, origin, f"differs by up to {largest:.1e}") if largest else None
