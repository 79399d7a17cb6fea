"""The tables themselves: every row builds, saves, and is hard to get wrong by luck; no layer is forgotten."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.layers.cases import CASES, NOT_HERE, LayerCase, hard_inputs, randomise
from tests.layers.cases.run_keras import run_keras

# Third-party: Keras calls np.array on TensorFlow variables, whose __array__ NumPy 2 calls outdated.
# A Flatten behind an Embedding with mask_zero is common, and Keras warns of the mask that ends there.
pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Layer 'flat' .* was passed an input with a mask:UserWarning"),
]


def _rows(cases: Iterable[LayerCase]) -> list[Any]:
    return [
        pytest.param(case, id=case.name, marks=[pytest.mark.heavy] if case.heavy else []) for case in cases
    ]


def _outputs(case: LayerCase, model: Any) -> list[np.ndarray]:
    """As float64, which np.std wants: NumPy has no bfloat16 of its own."""
    return [output.astype("float64") for output in run_keras(case, model, hard_inputs(case, seed=2))]


def _varies(output: np.ndarray) -> bool:
    return float(np.max(np.std(output, axis=0))) > 1e-3


# The rows go through Keras in test_to_torch too; by themselves they are looked at when they are new.
@pytest.mark.slow
@pytest.mark.parametrize("case", _rows(CASES))
def test_row_builds_saves_and_depends_on_its_input(case: LayerCase, tmp_path: Path) -> None:
    model = randomise(case.model(), seed=1)
    model.save(tmp_path / "model.keras")
    for output in _outputs(case, model):
        assert np.isfinite(output).all(), "the outputs hold infinities or NaN"
        assert _varies(output), "the outputs hardly depend on the input: a wrong port would pass"


@pytest.mark.slow
@pytest.mark.parametrize("case", _rows(case for case in CASES if case.tf_keras))
def test_row_builds_with_tf_keras(case: LayerCase) -> None:
    pytest.importorskip("tf_keras")
    model = randomise(case.model("tf_keras"), seed=1)
    for output in _outputs(case, model):
        assert np.isfinite(output).all()
        assert _varies(output)


def test_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert sorted(set(names)) == sorted(names)


def test_every_layer_class_has_a_row_or_a_reason() -> None:
    import keras

    public = {value.__name__ for _, value in inspect.getmembers(keras.layers, inspect.isclass)}
    covered = {name for case in CASES for name in case.covers}
    assert not public - covered - set(NOT_HERE), "neither a row nor a reason"
    assert not covered & set(NOT_HERE), "a row, and still listed as left out"
    assert not set(NOT_HERE) - public, "listed as left out, but not in keras.layers"


def test_every_activation_has_a_row() -> None:
    import keras

    from tests.layers.cases.activation import NAMES, NOT_BY_NAME

    public = {name for name, _ in inspect.getmembers(keras.activations, inspect.isfunction)}
    assert public - {"get", "serialize", "deserialize"} == {*NAMES, *NOT_BY_NAME}


def test_inputs_are_reproducible_and_hard() -> None:
    case = next(case for case in CASES if case.name == "conv2d")
    (first,), (again,) = hard_inputs(case, seed=3), hard_inputs(case, seed=3)
    assert np.array_equal(first, again)
    for axis in range(1, first.ndim):
        assert not np.allclose(first, np.flip(first, axis)), f"symmetric along axis {axis}"
    assert first.min() < -1
    assert first.max() > 5
