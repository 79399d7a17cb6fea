"""Resizing against torch, tf.image and Keras, for growing, shrinking and odd ratios."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch.nn.functional as F

from porter.errors import GraphError
from porter.numerics import resampling as rs
from tests.numerics.agreement import Array, assert_close, channels_first, channels_last, noise

SIZES = [
    ((5, 7), (10, 14)),
    ((5, 7), (15, 28)),
    ((8, 9), (4, 3)),
    ((8, 9), (5, 13)),
    ((9, 8), (1, 1)),
    ((1, 1), (4, 3)),
    ((6, 6), (6, 6)),
    ((13, 11), (5, 3)),
]

Torch = dict[str, Any]
# Ours, then the arguments of torch.nn.functional.interpolate.
TORCH: list[tuple[Callable[[Array, Any], Array], Torch]] = [
    (lambda x, s: rs.resize(x, s, "linear"), {"mode": "bilinear"}),
    (
        lambda x, s: rs.resize(x, s, "linear", half_pixel=False, align_corners=True),
        {"mode": "bilinear", "align_corners": True},
    ),
    (
        lambda x, s: rs.resize(x, s, "linear", antialias=True),
        {"mode": "bilinear", "antialias": True},
    ),
    (lambda x, s: rs.resize(x, s, "cubic", cubic=-0.75, clamp=True), {"mode": "bicubic"}),
    (
        lambda x, s: rs.resize(x, s, "cubic", cubic=-0.75, clamp=True, half_pixel=False, align_corners=True),
        {"mode": "bicubic", "align_corners": True},
    ),
    (lambda x, s: rs.resize(x, s, "cubic", antialias=True), {"mode": "bicubic", "antialias": True}),
    (
        lambda x, s: rs.resize_nearest(x, s, half_pixel=False, rounding="floor"),
        {"mode": "nearest"},
    ),
    (rs.resize_nearest, {"mode": "nearest-exact"}),
]


@pytest.mark.parametrize("row", TORCH, ids=lambda row: str(row[1]))
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_is_torchs(row: Any, before: Any, after: Any) -> None:
    ours, options = row
    x = noise(2, *before, 3)
    want = F.interpolate(channels_first(x), after, **options)
    assert_close(ours(x, after), channels_last(want))


@pytest.mark.parametrize("factor", [1.3, 0.7, 2.5])
def test_a_stated_factor_is_torchs(factor: float) -> None:
    x = noise(2, 7, 9, 3)
    scales = (1 / factor, 1 / factor)
    for mode, options in [("bilinear", {}), ("bicubic", {"cubic": -0.75, "clamp": True})]:
        want = channels_last(F.interpolate(channels_first(x), scale_factor=factor, mode=mode))
        got = rs.resize(x, want.shape[1:3], mode[2:], scales=scales, **options)
        assert_close(got, want)
    want = channels_last(F.interpolate(channels_first(x), scale_factor=factor, mode="nearest"))
    size = want.shape[1:3]
    got = rs.resize_nearest(x, size, half_pixel=False, rounding="floor", scales=scales)
    assert_close(got, want, 0)


@pytest.mark.parametrize("rank", [1, 3])
def test_other_ranks_are_torchs(rank: int) -> None:
    x = noise(2, *(5, 4, 6)[:rank], 3)
    after = (7, 9, 2)[:rank]
    mode = {1: "linear", 3: "trilinear"}[rank]
    assert_close(
        rs.resize(x, after, "linear"),
        channels_last(F.interpolate(channels_first(x), after, mode=mode)),
    )


# Ours, then the method and antialias of tf.image.resize (version 2).
TENSORFLOW: list[tuple[Callable[[Array, Any], Array], str, bool]] = [
    (lambda x, s: rs.resize(x, s, "linear"), "bilinear", False),
    (lambda x, s: rs.resize(x, s, "linear", antialias=True), "bilinear", True),
    (lambda x, s: rs.resize(x, s, "cubic", grid=1024), "bicubic", False),
    (lambda x, s: rs.resize(x, s, "cubic", antialias=True), "bicubic", True),
    (lambda x, s: rs.resize(x, s, "lanczos3"), "lanczos3", False),
    (lambda x, s: rs.resize(x, s, "lanczos3", antialias=True), "lanczos3", True),
    (lambda x, s: rs.resize(x, s, "lanczos5"), "lanczos5", False),
    (lambda x, s: rs.resize(x, s, "lanczos5", antialias=True), "lanczos5", True),
    (lambda x, s: rs.resize(x, s, "area"), "area", False),
    (rs.resize_nearest, "nearest", False),
]


@pytest.mark.parametrize("row", TENSORFLOW, ids=lambda row: f"{row[1]}-{row[2]}")
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_is_tensorflows(row: Any, before: Any, after: Any) -> None:
    tf = pytest.importorskip("tensorflow")
    ours, method, antialias = row
    x = noise(2, *before, 3, dtype="float32")
    want = tf.image.resize(x, after, method, antialias=antialias).numpy()
    # TensorFlow computes places and weights in single precision.
    assert_close(ours(x, after), want, 1e-5)


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("factors", [(2, 3), (4, 2)])
def test_upsampling_is_kerass(method: str, factors: tuple[int, int]) -> None:
    keras = pytest.importorskip("keras")
    x = noise(2, 5, 4, 3, dtype="float32")
    want = keras.layers.UpSampling2D(factors, interpolation=method)(x)
    size = (5 * factors[0], 4 * factors[1])
    grid = 1024 if method == "bicubic" else None
    name = method.removeprefix("bi")
    assert_close(rs.resize(x, size, name, grid=grid), keras.ops.convert_to_numpy(want), 1e-5)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_nearest_chooses_the_same_cell_at_every_ratio(mode: str) -> None:
    options: Any = {"half_pixel": False, "rounding": "floor"} if mode == "nearest" else {}
    for before in range(1, 40):
        x = np.arange(before, dtype=np.float32).reshape(1, before, 1)
        for after in range(1, 70):
            want = channels_last(F.interpolate(channels_first(x), after, mode=mode))
            got = rs.resize_nearest(x, (after,), **options)
            # A place right between two cells: "nearest-exact" depends on the machine's rounding.
            tie = (2 * np.arange(after) + 1) * before % (2 * after) == 0
            decided = ~tie if mode == "nearest-exact" else np.ones_like(tie)
            assert_close(got[:, decided], want[:, decided], 0)


def test_nearest_on_ties_is_tensorflows() -> None:
    tf = pytest.importorskip("tensorflow")
    for before, after in [(2, 41), (2, 47), (3, 123), (5, 10), (7, 35)]:
        x = np.arange(before, dtype=np.float32).reshape(1, before, 1, 1)
        want = tf.image.resize(x, (after, 1), "nearest").numpy()
        assert_close(rs.resize_nearest(x, (after, 1)), want, 0)


def test_nearest_with_corners_aligned_is_tensorflows() -> None:
    tf = pytest.importorskip("tensorflow")
    for before, after in [((5, 7), (10, 14)), ((8, 9), (4, 3)), ((8, 9), (5, 13))]:
        x = noise(2, *before, 3)
        want = tf.compat.v1.image.resize_nearest_neighbor(x, after, align_corners=True).numpy()
        got = rs.resize_nearest(x, after, half_pixel=False, align_corners=True)
        assert_close(got, want, 0)


def test_rounding_of_ties() -> None:
    x = np.arange(6).reshape(1, 6, 1)
    rows = {
        "floor": [0, 2, 4],
        "ceil": [1, 3, 5],
        "round_half_up": [1, 3, 5],
        "round_half_down": [0, 2, 4],
    }
    for rounding, want in rows.items():
        assert rs.resize_nearest(x, (3,), rounding=rounding).ravel().tolist() == want


def test_repeating_cells() -> None:
    x = noise(2, 3, 4, 5)
    want = channels_last(F.interpolate(channels_first(x), scale_factor=(2, 3), mode="nearest"))
    assert_close(rs.upsample_nearest(x, (2, 3)), want, 0)


def test_pixel_shuffle_is_torchs_and_tensorflows() -> None:
    tf = pytest.importorskip("tensorflow")
    x = noise(2, 3, 4, 12)
    shuffled = rs.pixel_shuffle(x, (2, 2))
    assert_close(shuffled, channels_last(F.pixel_shuffle(channels_first(x), 2)), 0)
    assert_close(rs.pixel_unshuffle(shuffled, (2, 2)), x, 0)
    spread = rs.pixel_shuffle(x, (2, 2), blocks_first=True)
    assert_close(spread, tf.nn.depth_to_space(x, 2).numpy(), 0)
    assert_close(rs.pixel_unshuffle(spread, (2, 2), blocks_first=True), x, 0)


def test_what_makes_no_sense_is_refused() -> None:
    x = noise(1, 4, 3)
    with pytest.raises(GraphError, match='got "mitchell"'):
        rs.resize(x, (8,), "mitchell")
    with pytest.raises(GraphError, match="exclude one another"):
        rs.resize(x, (8,), "linear", align_corners=True)
    with pytest.raises(GraphError, match="not for data of int64"):
        rs.resize(np.ones((1, 4, 1), np.int64), (8,), "linear")
    with pytest.raises(GraphError, match=r"size \(8, 8\)"):
        rs.resize(x, (8, 8), "linear")
    with pytest.raises(GraphError, match='got "up"'):
        rs.resize_nearest(x, (8,), rounding="up")
