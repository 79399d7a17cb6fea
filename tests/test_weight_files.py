"""Weights written piece by piece hold the same numbers, whichever way their tensor was turned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from porter.weights import pieces as made_in
from porter.weights.files import write_safetensors
from porter.weights.pieces import pieces
from porter.weights.tensor import Constant, moved

TURNED = [
    ((), ()),
    ((0, 3), (1, 0)),
    ((7,), (0,)),
    ((300, 5), (1, 0)),
    ((5, 700), (1, 0)),
    ((300, 301), (1, 0)),
    ((3, 3, 40, 150), (3, 2, 0, 1)),
    ((2, 3, 4, 5), (1, 0, 3, 2)),
    ((2, 1, 260, 3, 1), (2, 4, 1, 3, 0)),
]


def in_one(array: np.ndarray) -> bytes:
    with pieces() as in_order:
        return b"".join(bytes(piece) for piece in in_order.of(array))


@pytest.mark.parametrize("piece", [1, 1000, 4 << 20])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bool"])
@pytest.mark.parametrize(("shape", "order"), TURNED)
def test_in_order(
    shape: tuple[int, ...], order: tuple[int, ...], dtype: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made_in, "PIECE", piece)
    array = np.random.default_rng(0).integers(0, 1000, shape).astype(dtype).transpose(order)
    assert in_one(array) == array.tobytes()


@pytest.mark.parametrize("view", [np.s_[::-1], np.s_[:, ::-1], np.s_[::2, ::3], np.s_[None, :, 3:4]])
def test_views(view: tuple[slice, ...]) -> None:
    array = np.arange(170 * 190, dtype="int32").reshape(170, 190)[view].T
    assert in_one(array) == array.tobytes()


def test_one_after_the_other() -> None:
    """The memory of one array is used for the next."""
    arrays = [np.random.default_rng(seed).normal(size=(2000, 1500)).T for seed in range(3)]
    with pieces() as in_order:
        for array in arrays:
            assert b"".join(map(bytes, in_order.of(array))) == array.tobytes()


def test_safetensors(tmp_path: Path) -> None:
    kernel = Constant(np.random.default_rng(1).normal(size=(2 * 3 * 4, 5)).astype("float32"))
    tensors = {
        "flat": moved(kernel, "(h w c) o -> o (c h w)", h=2, w=3, c=4),
        "flipped": moved(kernel, "i o -> o ~i"),
        "number": Constant(np.array(3.5)),
        "plain": kernel,
    }
    write_safetensors(tmp_path / "weights.safetensors", tensors)
    found = load_file(tmp_path / "weights.safetensors")
    assert list(found) == sorted(tensors)
    for key, tensor in tensors.items():
        np.testing.assert_array_equal(found[key], tensor.read())
