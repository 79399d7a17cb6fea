"""Weight files read lazily: every tensor of a safetensors or HDF5 file as a `Stored`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from porter.errors import SourceError
from porter.weights.files import SAFE_NAMES
from porter.weights.msgpack import looks_like_msgpack, read_msgpack
from porter.weights.tensor import Array, Stored, number_type

__all__ = ["number_type", "stored_tensors"]

LONGEST_HEADER = 100 << 20


def stored_tensors(path: Path) -> dict[str, Stored]:
    """The tensors of a weight file by key, whichever format it is in: safetensors, HDF5 or msgpack."""
    if path.is_dir():
        raise SourceError(
            f"{path}: an Orbax checkpoint, which only Orbax can read; convert with another weights format"
        )
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    with path.open("rb") as file:
        start = file.read(9)
    if start[:8] == b"\x89HDF\r\n\x1a\n":
        return _hdf5(path)
    if start[8:] != b"{" and looks_like_msgpack(start):
        return read_msgpack(path)
    return _safetensors(path)


def _safetensors(path: Path) -> dict[str, Stored]:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if not 2 <= size <= min(LONGEST_HEADER, path.stat().st_size - 8):
            raise SourceError(f"{path}: neither a safetensors nor an HDF5 file")
        try:
            header = json.loads(file.read(size))
        except ValueError as problem:
            raise SourceError(f"{path}: its safetensors header is damaged") from problem
    room = path.stat().st_size - 8 - size
    return {
        key: _entry(path, key, row, 8 + size, room) for key, row in header.items() if key != "__metadata__"
    }


def _entry(path: Path, key: str, row: dict[str, Any], base: int, room: int) -> Stored:
    names = {code: name for name, code in SAFE_NAMES.items()}
    try:
        dtype, shape = names[row["dtype"]], tuple(int(size) for size in row["shape"])
        start, end = (int(offset) for offset in row["data_offsets"])
    except (KeyError, TypeError, ValueError) as problem:
        raise SourceError(f"{path}: the entry {key!r} is damaged: {row}") from problem
    cells = int(np.prod(shape, dtype=np.int64))
    if not 0 <= start <= end <= room or cells * number_type(dtype).itemsize != end - start:
        raise SourceError(f"{path}: the entry {key!r} does not fit the file: {row}")
    return Stored(str(path), key, shape, dtype, partial(_read, path, base + start, cells, dtype, shape))


def _read(path: Path, offset: int, cells: int, dtype: str, shape: tuple[int, ...]) -> Array:
    numbers = np.fromfile(path, dtype=number_type(dtype), count=cells, offset=offset)
    return numbers.reshape(shape)


def _hdf5(path: Path) -> dict[str, Stored]:
    import h5py

    found: dict[str, Stored] = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            dtype = str(item.attrs.get("dtype", item.dtype))
            key = name.replace("/", ".")
            found[key] = Stored(str(path), key, item.shape, dtype, partial(_read_hdf5, path, name, dtype))

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def _read_hdf5(path: Path, name: str, dtype: str) -> Array:
    import h5py

    with h5py.File(path, "r") as file:
        array = np.asarray(file[name])
    return array.view(number_type(dtype)) if dtype == "bfloat16" else array
