"""A user's own data as the inputs of a comparison: arrays, or images and the function that prepares them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from porter.checking.calls import Function, called
from porter.checking.preprocessing import images_in
from porter.errors import RequestError

Array = np.ndarray

NPY = b"\x93NUMPY"


@contextmanager
def prepared(inputs: str | Path | None, preprocess: str | None = None) -> Iterator[Path | None]:
    """An `.npz` of inputs `x0, x1, ...`: as it is given, of a plain `.npy`, or of images that the function
    `preprocess` (`file.py:function`, given an image's path) makes arrays of."""
    path = None if inputs is None else Path(inputs)
    if path is None or (preprocess is None and path.is_file() and not _is_npy(path)):
        if preprocess is not None:
            raise RequestError(f"--preprocess {preprocess} needs images: give them with --inputs")
        yield path
        return
    if preprocess is None and path.is_dir():
        raise RequestError(
            f"{path} is a folder: give --preprocess FILE.py:FUNCTION, which makes of an image's path "
            "the array that the model takes"
        )
    array = _stacked(path, preprocess) if preprocess is not None else _loaded(path)
    with TemporaryDirectory(prefix="porter-data-") as folder:
        file = Path(folder) / path.name
        file = file.with_name(file.name + ".npz")
        np.savez(file, x0=array)
        yield file


def _is_npy(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(NPY)) == NPY


def _loaded(path: Path) -> Array:
    try:
        found: Array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise RequestError(f"{path}: cannot be read as .npy of plain numbers ({error})") from error
    return found


def _stacked(path: Path, preprocess: str) -> Array:
    files = images_in([path])
    if not files:
        raise RequestError(f"{path}: holds no files")
    arrays = called(Function.parse(preprocess), files)
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        listed = ", ".join(map(str, sorted(shapes)))
        raise RequestError(f"{preprocess} makes arrays of several shapes, which are no batch: {listed}")
    return np.concatenate(arrays) if _has_batch(arrays) else np.stack(arrays)


def _has_batch(arrays: Sequence[Array]) -> bool:
    """Whether a function for one image gave a batch of one already."""
    return arrays[0].ndim >= 4 and arrays[0].shape[0] == 1
