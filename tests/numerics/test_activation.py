"""Activations against torch and Keras, far from 0 as well as near it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from porter.errors import GraphError
from porter.numerics import activation as act
from tests.numerics.agreement import Array, assert_close, noise

Case = tuple[str, Callable[[Array], Array], Callable[[torch.Tensor], torch.Tensor]]

TORCH: list[Case] = [
    ("relu", act.relu, F.relu),
    ("relu6", act.relu6, F.relu6),
    ("leaky_relu", lambda x: act.leaky_relu(x, 0.3), lambda x: F.leaky_relu(x, 0.3)),
    ("prelu", lambda x: act.prelu(x, np.asarray(0.2, x.dtype)), lambda x: F.leaky_relu(x, 0.2)),
    ("elu", act.elu, F.elu),
    ("elu_2", lambda x: act.elu(x, 2.0), lambda x: F.elu(x, 2.0)),
    ("selu", act.selu, F.selu),
    ("celu", lambda x: act.celu(x, 1.5), lambda x: F.celu(x, 1.5)),
    ("gelu", act.gelu, F.gelu),
    ("gelu_tanh", lambda x: act.gelu(x, True), lambda x: F.gelu(x, approximate="tanh")),
    ("silu", act.silu, F.silu),
    ("mish", act.mish, F.mish),
    ("softplus_2", lambda x: act.softplus(x, 2.0, 20.0), lambda x: F.softplus(x, 2.0, 20.0)),
    ("softsign", act.softsign, F.softsign),
    ("sigmoid", act.sigmoid, torch.sigmoid),
    ("log_sigmoid", act.log_sigmoid, F.logsigmoid),
    ("exponential", act.exponential, torch.exp),
    ("hard_sigmoid", act.hard_sigmoid, F.hardsigmoid),
    ("hard_silu", act.hard_silu, F.hardswish),
    ("hard_tanh", lambda x: act.hard_tanh(x, -0.5, 2.0), lambda x: F.hardtanh(x, -0.5, 2.0)),
    ("hard_shrink", lambda x: act.hard_shrink(x, 0.7), lambda x: F.hardshrink(x, 0.7)),
    ("soft_shrink", lambda x: act.soft_shrink(x, 0.7), lambda x: F.softshrink(x, 0.7)),
    ("tanh_shrink", act.tanh_shrink, F.tanhshrink),
    ("threshold", lambda x: act.threshold(x, 0.3, -2.0), lambda x: F.threshold(x, 0.3, -2.0)),
    ("softmax", act.softmax, lambda x: F.softmax(x, -1)),
    ("softmax_1", lambda x: act.softmax(x, 1), lambda x: F.softmax(x, 1)),
    ("log_softmax", lambda x: act.log_softmax(x, 1), lambda x: F.log_softmax(x, 1)),
    ("glu", act.glu, lambda x: F.glu(x, -1)),
    ("glu_1", lambda x: act.glu(x, 1), lambda x: F.glu(x, 1)),
]

# Ours, the name in keras.activations or keras.ops, its arguments.
KERAS: list[tuple[Callable[[Array], Array], str, dict[str, Any]]] = [
    (act.relu, "relu", {}),
    (lambda x: act.relu(x, 0.1), "relu", {"negative_slope": 0.1}),
    (
        lambda x: act.relu(x, 0.1, 3.0, 0.5),
        "relu",
        {
            "negative_slope": 0.1,
            "max_value": 3.0,
            "threshold": 0.5,
        },
    ),
    (lambda x: act.relu(x, 0.2, 6.0), "relu", {"negative_slope": 0.2, "max_value": 6}),
    (lambda x: act.relu(x, 0.0, None, 1.0), "relu", {"threshold": 1.0}),
    (lambda x: act.relu(x, 0.0, None, -1.0), "relu", {"threshold": -1.0}),
    (
        lambda x: act.relu(x, 0.3, 2.0, -1.0),
        "relu",
        {
            "negative_slope": 0.3,
            "max_value": 2.0,
            "threshold": -1.0,
        },
    ),
    (lambda x: act.leaky_relu(x, 0.2), "leaky_relu", {}),
    (lambda x: act.elu(x, 0.5), "elu", {"alpha": 0.5}),
    (act.selu, "selu", {}),
    (lambda x: act.celu(x, 2.0), "celu", {"alpha": 2.0}),
    (act.gelu, "gelu", {"approximate": False}),
    (lambda x: act.gelu(x, True), "gelu", {"approximate": True}),
    (act.silu, "silu", {}),
    (act.mish, "mish", {}),
    (act.softplus, "softplus", {}),
    (act.softsign, "softsign", {}),
    (act.sigmoid, "sigmoid", {}),
    (act.log_sigmoid, "log_sigmoid", {}),
    (act.hard_sigmoid, "hard_sigmoid", {}),
    (act.hard_silu, "hard_silu", {}),
    (act.hard_tanh, "hard_tanh", {}),
    (act.hard_shrink, "hard_shrink", {}),
    (act.soft_shrink, "soft_shrink", {}),
    (act.tanh_shrink, "tanh_shrink", {}),
    (lambda x: act.threshold(x, 0.5, 9.0), "threshold", {"threshold": 0.5, "default_value": 9.0}),
    (act.squareplus, "squareplus", {}),
    (lambda x: act.squareplus(x, 2.0), "squareplus", {"b": 2.0}),
    (act.sparse_plus, "sparse_plus", {}),
    (act.sparse_sigmoid, "sparse_sigmoid", {}),
    (act.sparsemax_of_sums, "sparsemax", {}),
    (lambda x: act.sparsemax_of_sums(x, 1), "sparsemax", {"axis": 1}),
    (lambda x: act.softmax(x, None), "softmax", {"axis": None}),
    (lambda x: act.softmax(x, 1), "softmax", {"axis": 1}),
    (act.log_softmax, "log_softmax", {}),
    (lambda x: act.glu(x, 1), "glu", {"axis": 1}),
]


# TensorFlow keeps these functions' constants in single precision, whatever the data.
SINGLE = ("gelu", "leaky_relu")


def sample(dtype: str, spread: float) -> Array:
    """Noise, both zeros and the kinks of the piecewise functions."""
    x = noise(3, 4, 6, dtype=dtype) * np.asarray(spread, dtype)
    x[0, 0] = [0.0, -0.0, 1.0, -1.0, 3.0, -3.0]
    return x


@pytest.mark.parametrize("case", TORCH, ids=lambda case: case[0])
@pytest.mark.parametrize("spread", [1.0, 30.0, 1e4])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_is_torchs(case: Case, spread: float, dtype: str) -> None:
    _, ours, theirs = case
    x = sample(dtype, spread)
    assert_close(ours(x), theirs(torch.from_numpy(x)), 1e-14 if dtype == "float64" else 1e-6)


@pytest.mark.parametrize("row", KERAS, ids=lambda row: f"{row[1]}-{row[2]}")
@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_is_kerass(row: tuple[Callable[[Array], Array], str, dict[str, Any]], spread: float) -> None:
    keras = pytest.importorskip("keras")
    ours, name, options = row
    x = sample("float64", spread)
    theirs = getattr(keras.activations, name)(keras.ops.convert_to_tensor(x), **options)
    tolerance = 1e-6 if name in SINGLE or "negative_slope" in options else 1e-14
    assert_close(ours(x), keras.ops.convert_to_numpy(theirs), tolerance)


ELEMENTWISE = [case for case in TORCH if not case[0].startswith(("glu", "soft", "log_softmax"))]
OURS_ALONE = [
    act.hard_sigmoid_02,
    act.squareplus,
    act.sparse_plus,
    act.sparse_sigmoid,
    act.softplus,
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_no_warning_at_any_size_and_nan_stays_nan(dtype: str) -> None:
    top = float(np.finfo(dtype).max)
    values = [top, -top, 1e30, -1e30, 800.0, -800.0, 1e-30, -1e-30, math.inf, -math.inf]
    x = np.array([*values, math.nan], dtype)
    for ours in [*(case[1] for case in ELEMENTWISE), *OURS_ALONE]:
        y = ours(x)
        assert y.dtype == x.dtype
        assert not np.isnan(y[:8]).any()
        assert np.isnan(y[-1]) or ours(np.zeros(1, dtype)).shape == (1,)
    act.softmax(x[:-1])
    assert act.softmax(np.array([[top, -top, 0]], dtype)).tolist() == [[1, 0, 0]]


def test_negative_tails_keep_their_digits() -> None:
    x = np.array([-10.0, -30.0])
    np.testing.assert_allclose(act.gelu(x), x * [math.erfc(-v / math.sqrt(2)) / 2 for v in x], 1e-12)
    np.testing.assert_allclose(act.sigmoid(x), np.exp(x) / (1 + np.exp(x)), 1e-14)
    np.testing.assert_allclose(act.squareplus(-np.array([1e9])), [1e-9], 1e-14)


def test_the_older_hard_sigmoid() -> None:
    x = np.array([-9.0, -2.5, -1.0, 0.0, 1.0, 2.5, 9.0])
    np.testing.assert_allclose(act.hard_sigmoid_02(x), [0, 0, 0.3, 0.5, 0.7, 1, 1])


@pytest.mark.parametrize("axis", [-1, 1])
def test_sparsemax_is_the_nearest_point_of_the_simplex(axis: int) -> None:
    x = noise(3, 4, 6)
    y = act.sparsemax(x, axis)
    np.testing.assert_allclose(y.sum(axis=axis), 1, rtol=1e-14)
    # Where y is positive, x - y is one number; elsewhere x lies below it.
    tau = np.where(y > 0, x - y, -np.inf).max(axis=axis, keepdims=True)
    assert (np.abs(np.where(y > 0, x - y - tau, 0)) < 1e-14).all()
    assert (np.where(y > 0, tau, x) <= tau).all()


def test_glu_needs_an_even_axis() -> None:
    with pytest.raises(GraphError, match="even size on axis -1"):
        act.glu(noise(2, 5))
