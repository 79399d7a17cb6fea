"""A user's own data: arrays as they are, or images with a function that prepares them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from porter.errors import PorterError
from porter.own_data import prepared

PREPARE = """
import numpy as np

def one(path):
    return np.full((4, 5, 3), float(len(open(path).read())))

def batched(path):
    return one(path)[None]

def uneven(path):
    return np.zeros((len(open(path).read()), 2))

def broken(path):
    raise ValueError("no such picture")
"""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in (1, 2, 3):
        (folder / f"{number}.png").write_text("x" * number)
    (tmp_path / "prepare.py").write_text(PREPARE)
    return folder


def test_nothing_and_an_npz_pass_as_they_are(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x0=np.ones(2))
    with prepared(None) as file:
        assert file is None
    with prepared(tmp_path / "x.npz") as file:
        assert file == tmp_path / "x.npz"


def test_an_npy_is_the_only_input(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(6.0).reshape(2, 3))
    with prepared(tmp_path / "x.npy") as file:
        assert file is not None
        np.testing.assert_array_equal(np.load(file)["x0"], [[0, 1, 2], [3, 4, 5]])
    assert not file.exists()


@pytest.mark.parametrize("function", ["one", "batched"])
def test_images_become_a_batch(function: str, images: Path) -> None:
    with prepared(images, f"{images.parent / 'prepare.py'}:{function}") as file:
        assert file is not None
        found = np.load(file)["x0"]
    assert found.shape == (3, 4, 5, 3)
    assert [int(row.max()) for row in found] == [1, 2, 3]


REFUSED = [
    ("images", None, "is a folder: give --preprocess"),
    ("images", "{}:uneven", "several shapes"),
    ("images", "{}:broken", "no such picture"),
    ("images", "nothing", "names no function"),
    (None, "{}:one", "needs images"),
]


@pytest.mark.parametrize(("inputs", "function", "said"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_cannot_be_is_refused(inputs: str | None, function: str | None, said: str, images: Path) -> None:
    told = None if function is None else function.format(images.parent / "prepare.py")
    with (
        pytest.raises(PorterError, match=said),
        prepared(None if inputs is None else images.parent / inputs, told),
    ):
        pass


def test_pickled_arrays_are_not_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(PorterError, match=r"cannot be read as \.npy"), prepared(tmp_path / "x.npy"):
        pass
