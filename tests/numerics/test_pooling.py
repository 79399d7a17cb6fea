"""Pooling against torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from porter.numerics.convolution import same_padding
from porter.numerics.pooling import (
    adaptive_avg_pool,
    adaptive_max_pool,
    avg_pool,
    lp_pool,
    max_pool,
)
from tests.numerics.agreement import assert_close, channels_first, channels_last, noise

MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
LP = {1: F.lp_pool1d, 2: F.lp_pool2d, 3: F.lp_pool3d}
ADAPTIVE_AVG = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
ADAPTIVE_MAX = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}

# sizes, window, strides, padding, dilation
ROWS = [
    ((9,), (3,), (2,), (1,), (1,)),
    ((9,), (2,), (3,), (0,), (2,)),
    ((8, 7), (2, 2), (2, 2), (0, 0), (1, 1)),
    ((8, 7), (3, 2), (1, 2), (1, 1), (1, 1)),
    ((8, 9), (3, 3), (2, 1), (1, 0), (2, 3)),
    ((4, 5, 6), (2, 3, 2), (2, 1, 2), (1, 1, 0), (1, 1, 1)),
]


def overhang(sizes: Any, window: Any, strides: Any, padding: Any, dilation: Any) -> Any:
    """What torch's ceil_mode reaches over at the high side of each axis."""
    over = []
    for size, k, stride, p, step in zip(sizes, window, strides, padding, dilation, strict=True):
        free = size + 2 * p - (k - 1) * step - 1
        windows = -(-free // stride) + 1
        if (windows - 1) * stride >= size + p:
            windows -= 1
        over.append(max((windows - 1) * stride - free, 0))
    return over


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("ceil", [False, True])
def test_max_pool_is_torchs(row: Any, ceil: bool) -> None:
    sizes, window, strides, padding, dilation = row
    x = noise(2, *sizes, 3) - 5
    over = overhang(*row) if ceil else (0,) * len(sizes)
    sides = [(p, p + more) for p, more in zip(padding, over, strict=True)]
    want = MAX[len(sizes)](channels_first(x), window, strides, padding, dilation, ceil)
    assert_close(max_pool(x, window, strides, sides, dilation), channels_last(want), 0)


@pytest.mark.parametrize("row", [row for row in ROWS if max(row[-1]) == 1], ids=str)
@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("count", [False, True])
def test_avg_pool_is_torchs(row: Any, ceil: bool, count: bool) -> None:
    sizes, window, strides, padding, _ = row
    x = noise(2, *sizes, 3)
    over = overhang(*row) if ceil else (0,) * len(sizes)
    sides = [(p, p + more) for p, more in zip(padding, over, strict=True)]
    got = avg_pool(x, window, strides, sides, count, uncounted=over)
    want = AVG[len(sizes)](channels_first(x), window, strides, padding, ceil, count)
    assert_close(got, channels_last(want))


def test_avg_pool_with_a_divisor_of_its_own() -> None:
    x = noise(2, 6, 6, 3)
    got = avg_pool(x, (2, 2), (2, 2), ((1, 1), (1, 1)), True, divisor=3)
    want = F.avg_pool2d(channels_first(x), 2, 2, 1, divisor_override=3)
    assert_close(got, channels_last(want))


@pytest.mark.parametrize("row", ROWS[2:4], ids=str)
@pytest.mark.parametrize("p", [1, 2, 3, 2.5])
@pytest.mark.parametrize("ceil", [False, True])
def test_lp_pool_is_torchs(row: Any, p: float, ceil: bool) -> None:
    sizes, window, strides, _, dilation = row
    x = noise(2, *sizes, 3)  # sums below zero have no root: nan in both
    over = overhang(sizes, window, strides, (0, 0), dilation) if ceil else (0, 0)
    got = lp_pool(x, window, strides, p, padding=[(0, more) for more in over], uncounted=over)
    want = LP[len(sizes)](channels_first(x), p, window, strides, ceil)
    assert_close(got, channels_last(want))


@pytest.mark.parametrize(
    ("sizes", "out"),
    [
        ((7,), (3,)),
        ((3,), (7,)),
        ((8, 9), (4, 1)),
        ((8, 9), (3, 5)),
        ((4, 5, 6), (2, 3, 6)),
    ],
)
def test_adaptive_pools_are_torchs(sizes: Any, out: Any) -> None:
    x = noise(2, *sizes, 3)
    tensor = channels_first(x)
    assert_close(adaptive_avg_pool(x, out), channels_last(ADAPTIVE_AVG[len(out)](tensor, out)))
    assert_close(adaptive_max_pool(x, out), channels_last(ADAPTIVE_MAX[len(out)](tensor, out)), 0)


@pytest.mark.parametrize(("size", "window", "stride"), [(7, 3, 2), (8, 2, 3), (5, 4, 1), (6, 3, 2)])
def test_same_pools_are_tensorflows(size: int, window: int, stride: int) -> None:
    tf = pytest.importorskip("tensorflow")
    x = noise(2, size, size, 3, dtype="float32") - 4
    sides = (same_padding(size, window, stride),) * 2
    shape = ((window,) * 2, (stride,) * 2)
    assert_close(avg_pool(x, *shape, sides, False), tf.nn.avg_pool2d(x, window, stride, "SAME").numpy(), 1e-6)
    assert_close(max_pool(x, *shape, sides), tf.nn.max_pool2d(x, window, stride, "SAME").numpy(), 0)


def test_whole_numbers_and_nan() -> None:
    x = -np.arange(10, dtype=np.int32).reshape(1, 10, 1) - 7
    got = max_pool(x, (3,), (2,), ((1, 1),))
    assert got.dtype == np.int32
    assert got.ravel().tolist() == [-7, -8, -10, -12, -14]
    y = noise(1, 6, 1)
    y[0, 2] = np.nan
    want = channels_last(F.max_pool1d(torch.from_numpy(np.moveaxis(y, -1, 1).copy()), 2))
    assert_close(max_pool(y, (2,), (2,), ((0, 0),)), want, 0)
