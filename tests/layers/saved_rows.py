"""What the tests of all targets share: rows saved by Keras, a bundle's module, how near is near enough."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from porter.axes import permutation
from porter.source_model import IoLayout
from tests.layers.cases import FAMILIES, LayerCase, hard_inputs, randomise
from tests.layers.cases.run_keras import run_keras

# Third-party: Keras calls np.array on TensorFlow variables, whose __array__ NumPy 2 calls outdated.
# A Flatten behind an Embedding with mask_zero is common, and Keras warns of the mask that ends there.
KERAS_MARKS = [
    pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Layer 'flat' .* was passed an input with a mask:UserWarning"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]

ONE_LAYER = 1e-5
WHOLE_NET = 2e-5
"""Distances are relative to the largest number of an output. One float32 operation is off by 6e-8 of its
result; a layer's sums of some hundred terms, which two frameworks add up in another order, come to 1e-6.
A single layer may be ten times worse, for sums that cancel; a net adds its layers' errors up. What is really
wrong (a flipped kernel, a wrong epsilon, a pixel of padding) is off by 1e-3 and more."""

HALF = {"float16": 2e-2, "bfloat16": 8e-2}
"""Policies that round every layer's result to 11 or 8 bits: some ten roundings in a row. The reference does
not round at all, so that here it can only say that nothing is grossly wrong."""

NETS = {case.name for family in ("graphs", "networks") for case in FAMILIES[family]}


OLD_FORMAT = (
    "dense", "conv2d_same_stride_2_odd", "batch_norm_image", "separable_conv2d", "conv2d_transpose_same",
    "time_distributed_model", "bidirectional_lstm_concat", "normalization_adapted", "nested_twice",
    "sequential_nested", "shared_layer", "multi_io", "frozen_model", "partly_frozen", "unet", "resnet",
    "ops_softmax_axis", "ops_reshape", "ops_zeros_like",
)  # fmt: skip
"""Rows that are saved in the older whole-model HDF5 format too: every kind of nesting and of weight,
and functions that bear the names of layers."""


@dataclass(frozen=True)
class Saved:
    """A row on disk: the file, its inputs, what Keras says, and how near the others must come."""

    file: Path
    inputs: list[np.ndarray]
    outputs: list[np.ndarray]
    limit: float


def first_of_each_class(cases: Iterable[LayerCase]) -> tuple[LayerCase, ...]:
    """One row for each layer class, and every row that is about no single class."""
    listed = list(cases)
    named = {name: case for case in reversed(listed) for name in case.covers or (case.name,)}
    return tuple(dict.fromkeys(named.values()))


def rows_of(cases: Iterable[LayerCase], *, thinned: bool = False) -> list[Any]:
    """The rows as pytest takes them; `thinned`: all but one for each class are marked slow, for targets that
    share readers, passes and layout with one for which every row is run."""
    listed = list(cases)
    usual = set(first_of_each_class(listed)) if thinned else set(listed)
    marks = {True: [pytest.mark.slow], False: []}
    heavy = {True: [pytest.mark.heavy], False: []}
    return [
        pytest.param(case, id=case.name, marks=[*heavy[case.heavy], *marks[case not in usual]])
        for case in listed
    ]


def save(case: LayerCase, folder: Path, name: str = "model.keras", framework: str = "keras") -> Saved:
    model = randomise(case.model(framework), seed=1)
    model.save(folder / name)
    inputs = hard_inputs(case, seed=2)
    outputs = run_keras(case, model, inputs)
    for output in outputs:
        numbers = output.astype("float64")
        assert np.isfinite(numbers).all(), "Keras gives infinities or NaN"
        assert np.max(np.std(numbers, axis=0)) > 1e-3, "outputs that hardly vary let a wrong port pass"
    rough = [limit for dtype, limit in HALF.items() if case.name.endswith(dtype)]
    limit = rough[0] if rough else WHOLE_NET if case.name in NETS else ONE_LAYER
    return Saved(folder / name, inputs, outputs, limit)


def bundle_module(folder: Path) -> ModuleType:
    """A bundle's `model.py`, imported from where it lies."""
    spec = importlib.util.spec_from_file_location("converted_model", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def keras_outputs(model: Any, given: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What a Keras model on TensorFlow says."""
    import tensorflow as tf

    def call(*inputs: Any) -> Any:
        return model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)

    try:
        outputs = call(*given)
    except (tf.errors.OpError, NotImplementedError, ValueError):
        # TensorFlow's own CPU kernels refuse some strides that XLA computes
        outputs = tf.function(call, jit_compile=True)(*[tf.constant(x) for x in given])
    listed = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    return [np.asarray(x).astype("float32") if "bfloat16" in str(x.dtype) else np.asarray(x) for x in listed]


def several(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, tuple) else [outputs]


def turned(arrays: Sequence[np.ndarray], told: Sequence[Any], before: str, after: str) -> list[np.ndarray]:
    """Arrays whose axes are named by `before`, in the order of `after`."""
    rows = zip(arrays, told, strict=True)
    return [array.transpose(permutation(one[before], one[after])) for array, one in rows]


def assert_near(got: Sequence[np.ndarray], want: Sequence[np.ndarray], limit: float, who: str) -> None:
    assert len(got) == len(want), f"{who}: {len(got)} outputs, wanted {len(want)}"
    for place, (here, there) in enumerate(zip(got, want, strict=True)):
        assert here.shape == there.shape, f"{who}, output {place}: {here.shape}, wanted {there.shape}"
        scale = max(float(np.max(np.abs(there.astype("float64")), initial=0)), 1e-6)
        distance = float(np.max(np.abs(here.astype("float64") - there.astype("float64")), initial=0)) / scale
        assert distance <= limit, (
            f"{who}, output {place}: {distance:.2e} of the output's scale, at most {limit:.0e}"
        )


def io_layouts(saved: Saved) -> tuple[IoLayout, ...]:
    ranks = {array.ndim for array in (*saved.inputs, *saved.outputs)}
    return ("native", "source") if ranks & {4, 5} else ("native",)
