"""Sampling at free places against torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from porter.errors import GraphError
from porter.numerics.sampling import grid_sample
from tests.numerics.agreement import assert_close, channels_first, channels_last, noise

MODES = {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("outside", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("sizes", [(5, 7), (1, 4), (4, 5, 6)])
def test_is_torchs(mode: str, outside: str, align: bool, sizes: Any) -> None:
    if len(sizes) == 3 and mode == "cubic":
        pytest.skip("torch samples volumes by nearest and linear only")
    x = noise(2, *sizes, 3)
    grid = noise(2, 6, 5, 4, len(sizes), seed=1) if len(sizes) == 3 else noise(2, 6, 5, 2, seed=1)
    want = F.grid_sample(channels_first(x), torch.from_numpy(grid), MODES[mode], outside, align)
    assert_close(grid_sample(x, grid, mode, outside, align), channels_last(want))


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(GraphError, match='"wrap" outside'):
        grid_sample(noise(1, 3, 3, 1), np.zeros((1, 2, 2, 2)), outside="wrap")
