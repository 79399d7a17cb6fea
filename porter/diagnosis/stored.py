"""A bundle's weights beside those that porter would write: which numbers are not the source's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from porter.compare.weights import compare_weights
from porter.sides import Side
from porter.verification.settings import LayerPlan
from porter.weights.reading import stored_tensors

Array = np.ndarray


def stored_otherwise(b: Side, plan: LayerPlan, path: str) -> str | None:
    """How the weights of a module differ from the source's, in a sentence; None where they do not."""
    if b.manifest is None or not plan.weights:
        return None
    file = Path(b.model["bundle"]) / b.manifest["weights"]["file"]
    if file.is_dir():
        return None
    own = {key: weight for key, weight in plan.weights.items() if key.rpartition(".")[0] == path}
    stored = {key: tensor for key, tensor in stored_tensors(file).items() if key in own}
    rows = compare_weights(own, stored)
    if not rows:
        return None
    key = rows[0].name
    wanted, given = own[key].tensor.read(), stored[key].read() if key in stored else None
    return f"{key}: {_told(wanted, given) or rows[0].problem}"


def _told(wanted: Array, given: Array | None) -> str:
    if given is None or given.shape != wanted.shape or not wanted.ndim:
        return ""
    differ = wanted != given
    rows = np.flatnonzero(differ.reshape(len(wanted), -1).any(axis=1))
    if len(rows) == 2 and np.array_equal(wanted[rows], given[rows[::-1]]):
        return f"rows {rows[0]} and {rows[1]} are exchanged"
    count = int(differ.sum())
    largest = float(np.abs(wanted.astype("float64") - given.astype("float64")).max())
    return f"{count} of {wanted.size} numbers are not the source's, by {largest:.1e} at the most"
