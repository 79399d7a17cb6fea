"""Normalizations against torch and Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from porter.errors import GraphError
from porter.numerics import normalisation as norm
from tests.numerics.agreement import assert_close, channels_first, channels_last, noise


def vectors(size: Any, count: int) -> list[Any]:
    """Positive parameters, none of them 1."""
    shape = (size,) if isinstance(size, int) else size
    return [np.abs(noise(*shape, seed=7 + k)) + 0.3 for k in range(count)]


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("shift", [True, False])
def test_batch_norm_is_torchs(scale: bool, shift: bool) -> None:
    x = noise(2, 4, 5, 3)
    mean, variance, gamma, beta = vectors(3, 4)
    gamma, beta = (gamma if scale else None), (beta if shift else None)
    want = F.batch_norm(
        channels_first(x),
        *(None if v is None else torch.from_numpy(v) for v in (mean, variance, gamma, beta)),
        eps=1e-3,
    )
    got = norm.batch_norm(x, mean, variance, gamma, beta, 1e-3)
    assert_close(got, channels_last(want))
    first = norm.batch_norm(np.moveaxis(x, -1, 1), mean, variance, gamma, beta, 1e-3, axis=1)
    assert_close(first, want)


@pytest.mark.parametrize("axes", [(-1,), (1, 2), (3, 1), (1, 2, 3), (2,)])
def test_layer_norm_is_kerass(axes: tuple[int, ...]) -> None:
    keras = pytest.importorskip("keras")
    x = noise(2, 4, 5, 3) * 3 + 1
    scale, shift = vectors([x.shape[axis] for axis in sorted(a % 4 for a in axes)], 2)
    layer = keras.layers.LayerNormalization(axis=axes, epsilon=1e-3, dtype="float64")
    layer.build(x.shape)
    layer.set_weights([scale, shift])
    got = norm.layer_norm(x, axes, scale, shift, 1e-3)
    assert_close(got, keras.ops.convert_to_numpy(layer(x)))


@pytest.mark.parametrize("axes", [(-1,), (2, 3), (1, 2, 3)])
def test_rms_norm_is_kerass(axes: tuple[int, ...]) -> None:
    keras = pytest.importorskip("keras")
    x = noise(2, 4, 5, 3) * 3 + 1
    (scale,) = vectors([x.shape[axis] for axis in axes], 1)
    layer = keras.layers.RMSNormalization(axis=axes, epsilon=1e-3, dtype="float64")
    layer.build(x.shape)
    layer.set_weights([scale])
    assert_close(norm.rms_norm(x, axes, scale, 1e-3), keras.ops.convert_to_numpy(layer(x)))


def test_layer_norm_is_torchs() -> None:
    x = noise(2, 4, 5, 3) * 3 + 1
    scale, shift = vectors((5, 3), 2)
    parameters = (torch.from_numpy(scale), torch.from_numpy(shift))
    want = F.layer_norm(torch.from_numpy(x), (5, 3), *parameters, eps=1e-5)
    assert_close(norm.layer_norm(x, (-2, -1), scale, shift, 1e-5), want)
    plain = F.layer_norm(torch.from_numpy(x), (3,), eps=1e-5)
    assert_close(norm.layer_norm(x, (-1,), None, None, 1e-5), plain)


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_group_norm_is_torchs(groups: int) -> None:
    x = noise(2, 4, 5, 6) * 3 + 1
    scale, shift = vectors(6, 2)
    want = F.group_norm(channels_first(x), groups, torch.from_numpy(scale), torch.from_numpy(shift), 1e-4)
    assert_close(norm.group_norm(x, groups, -1, scale, shift, 1e-4), channels_last(want))
    first = norm.group_norm(np.moveaxis(x, -1, 1), groups, 1, scale, shift, 1e-4)
    assert_close(first, want)
    if groups == 6:
        assert_close(norm.instance_norm(x, -1, scale, shift, 1e-4), channels_last(want))


@pytest.mark.parametrize("axes", [(-1,), (1, 2), (1, 3)])
def test_unit_norm_is_kerass(axes: tuple[int, ...]) -> None:
    keras = pytest.importorskip("keras")
    x = noise(2, 4, 5, 3)
    x[0, :2] = 0
    x[1] *= 1e-13
    layer = keras.layers.UnitNormalization(axis=list(axes), dtype="float64")
    assert_close(norm.unit_norm(x, axes), keras.ops.convert_to_numpy(layer(x)))


@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
def test_unit_norm_of_other_orders_is_torchs(order: float) -> None:
    x = noise(2, 4, 5)
    assert_close(norm.unit_norm(x, (1,), order=order), F.normalize(torch.from_numpy(x), order, 1))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_local_response_norm_is_torchs(size: int) -> None:
    x = noise(2, 4, 5, 7)
    want = F.local_response_norm(channels_first(x), size, 0.3, 0.6, 1.5)
    got = norm.local_response_norm(x, size // 2, (size - 1) // 2, alpha=0.3 / size, beta=0.6, bias=1.5)
    assert_close(got, channels_last(want))


def test_the_dtype_that_came_in_goes_out() -> None:
    x = noise(2, 4, 6, dtype="float32")
    v = np.abs(noise(6, dtype="float32"))
    results = [
        norm.batch_norm(x, v, v, v, v, 1e-3),
        norm.layer_norm(x, (-1,), v, v, 1e-3),
        norm.rms_norm(x, (-1,), v, 1e-3),
        norm.group_norm(x, 2, -1, v, v, 1e-3),
        norm.unit_norm(x, (-1,)),
        norm.local_response_norm(x, 1, 1),
    ]
    assert {y.dtype.name for y in results} == {"float32"}


def test_groups_that_do_not_divide_are_refused() -> None:
    with pytest.raises(GraphError, match=r"4 groups do not divide axis 2 of shape \(2, 4, 6\)"):
        norm.group_norm(noise(2, 4, 6), 4, -1, None, None, 1e-3)
