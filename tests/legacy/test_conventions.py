"""The padding rules against the procedures that they stand for: pad both sides, compute, cut the end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from converters.keras.legacy.conventions import (
    TENSORFLOW,
    conventions,
    half_in_front,
    pooled_in_front,
    smaller_half_in_front,
)
from converters.keras.upgrade import Writer

SIZES, WINDOWS, STRIDES = range(6, 12), range(1, 6), range(1, 4)


def _windows(row: np.ndarray, window: int, stride: int) -> list[np.ndarray]:
    return [row[start : start + window] for start in range(0, len(row) - window + 1, stride)]


def _padded(row: np.ndarray, before: int, after: int) -> np.ndarray:
    return np.concatenate([np.full(before, np.nan), row, np.full(after, np.nan)])


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("size", SIZES)
def test_theanos_half_border(size: int, window: int, stride: int) -> None:
    """Half a window on both sides, then as many results as ceil(size / stride)."""
    row = np.arange(size, dtype=float)
    wanted = _windows(_padded(row, window // 2, window // 2), window, stride)[: -(-size // stride)]
    have = _windows(_padded(row, *half_in_front(size, window, stride, 1)), window, stride)
    assert np.array_equal(have, wanted, equal_nan=True)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("size", SIZES)
def test_theanos_pooling(size: int, window: int, stride: int) -> None:
    """Keras asked for window - 2 on both sides if that is odd, else window - 1, and cut the end."""
    pad = window - 2 if window > 2 and window % 2 else window - 1
    row = np.arange(size, dtype=float)
    wanted = _windows(_padded(row, pad, pad), window, stride)[: -(-size // stride)]
    have = _windows(_padded(row, *pooled_in_front(size, window, stride, 1)), window, stride)
    assert np.array_equal(have, wanted, equal_nan=True)


def test_dilation_widens_the_window() -> None:
    assert half_in_front(10, 3, 1, 2) == (2, 2)
    assert half_in_front(10, 2, 1, 3) == (2, 1)
    assert smaller_half_in_front(10, 2, 1, 3) == (1, 2)


VERSIONS = {
    (0, None, "theano"): "deviation",
    (1, None, "theano"): "deviation",
    (1, "1.0.6", "theano"): "deviation",
    (1, "1.0.6", "tensorflow"): "beside",
    (1, "1.0.7", "theano"): "beside",
    (1, "1.0.8", "theano"): "inside",
    (1, "1.2.2", "tensorflow"): "inside",
    (2, "2.2.4", "theano"): "inside",
}


@pytest.mark.parametrize(("generation", "version", "backend"), VERSIONS)
def test_where_epsilon_stands(generation: int, version: str | None, backend: str) -> None:
    ways = conventions(Writer(generation, version, backend))
    assert ways.batch_norm == VERSIONS[generation, version, backend]
    assert ways.turned == (backend == "theano")


def test_todays_files_are_tensorflows() -> None:
    assert conventions(Writer(3, "3.15.1")) == TENSORFLOW
    assert conventions(Writer(2, "2.11.0")) == TENSORFLOW
    assert conventions(Writer(2, "2.2.4", "cntk")) == replace(TENSORFLOW, old_grid=True)


GRIDS = {
    (1, None): True,
    (1, "1.2.2"): True,
    (2, "2.2.4"): True,
    (2, "2.3.1"): True,
    (2, "2.1.6-tf"): True,
    (2, "2.2.4-tf"): False,
    (2, None): False,
    (3, None): False,
}


@pytest.mark.parametrize(("generation", "version"), GRIDS)
def test_where_cells_of_a_resized_image_lie(generation: int, version: str | None) -> None:
    assert conventions(Writer(generation, version)).old_grid == GRIDS[generation, version]
