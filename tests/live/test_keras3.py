"""Live Keras 3 models become live torch models that compute the same; what cannot be followed is told."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import porter

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@dataclass(frozen=True)
class Row:
    """A model and what it is called with; `known`: it says itself what its inputs are."""

    name: str
    made: Callable[[Any], Any]
    given: Callable[[Any], tuple[Any, ...]]
    known: bool = False
    axes: str = ""  # how torch orders the axes of a first input that is an image
    limit: float = 2e-5


ROWS = (
    Row("language", lambda m: m.Language(), lambda m: (m.ids(3, 12, 50),)),
    Row("block", lambda m: m.Block(8, 2), lambda m: (m.floats(3, 5, 8),)),
    Row("pictures", lambda m: m.Pictures(), lambda m: (m.floats(2, 12, 10, 3),), axes="n c h w"),
    Row("masked", lambda m: m.Masked(), lambda m: (m.ids(4, 9, 30),)),
    Row("twice", lambda m: m.Twice(), lambda m: (m.floats(3, 5), m.floats(3, 5) + 1)),
    Row(
        "dictionary",
        lambda m: m.Dictionary(),
        lambda m: ({"left": m.floats(3, 5), "right": m.floats(3, 6)},),
    ),
    Row(
        "custom_in_functional",
        lambda m: m.custom_in_functional(),
        lambda m: (m.floats(3, 9, 8),),
        known=True,
    ),
    Row("open_length", lambda m: m.open_length(), lambda m: (m.floats(3, 13, 8),), known=True),
    Row(
        "plain_functional",
        lambda m: m.plain_functional(),
        lambda m: (m.floats(2, 12, 10, 3),),
        known=True,
        axes="n c h w",
    ),
    Row("bidirectional", lambda m: m.bidirectional(), lambda m: (m.floats(3, 7, 4),), known=True),
    Row("bidirectional_traced", lambda m: m.bidirectional(), lambda m: (m.floats(3, 7, 4),)),
    Row(
        "in_bfloat16",
        lambda m: m.in_bfloat16(),
        lambda m: (m.floats(2, 12, 10, 3),),
        axes="n c h w",
        limit=8e-2,
    ),
)


def flat(outputs: Any) -> list[Any]:
    if isinstance(outputs, dict):
        return list(outputs.values())
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def as_torch(row: Row, given: tuple[Any, ...]) -> list[Any]:
    import torch

    from porter.axes import permutation

    listed = [array for one in given for array in (one.values() if isinstance(one, dict) else [one])]
    if row.axes:
        listed[0] = listed[0].transpose(permutation("n h w c", row.axes))
    return [torch.from_numpy(np.ascontiguousarray(array)) for array in listed]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_live_model_becomes_one_that_computes_the_same(row: Row) -> None:
    import keras
    import torch

    from tests.live import models

    keras.utils.set_random_seed(3)
    model, given = row.made(models), row.given(models)
    model(*given)
    for variable in model.weights:  # biases and statistics are dull when they are fresh
        if variable.dtype == "float32" and "seed" not in variable.path:
            variable.assign(variable + 0.1 * np.abs(np.random.default_rng(5).standard_normal(variable.shape)))
    want = [keras.ops.convert_to_numpy(one).astype("float64") for one in flat(model(*given, training=False))]
    before = {name: dict(vars(layer)) for name, layer in enumerate(model._flatten_layers())}
    net = porter.to_torch(model, None if row.known else given, verify=False)
    after = {name: dict(vars(layer)) for name, layer in enumerate(model._flatten_layers())}
    assert all(before[n][k] is after[n][k] for n in before for k in before[n]), "the source is left as it was"
    with torch.no_grad():
        got = [one.double().numpy() for one in flat(net(*as_torch(row, given)))]
    assert len(got) == len(want)
    for here, there in zip(got, want, strict=True):
        assert here.shape == there.shape
        assert np.std(there) > 1e-3
        assert np.max(np.abs(here - there)) <= row.limit * max(np.max(np.abs(there)), 1e-6)
