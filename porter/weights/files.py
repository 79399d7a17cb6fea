"""Weight files, written one tensor at a time so that memory is bounded by the largest of them."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from porter.weights.tensor import Array, Tensor

Progress = Callable[[str, int, int], None]

PIECE = 4 << 20
"""How many bytes of a tensor are put in order at once."""

WORKERS = 2
"""Threads that put pieces in order; each piece waits for its turn to be written."""

BLOCK = 256

SAFE_NAMES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "bool": "BOOL",
}
_BYTES = {
    "F64": 8,
    "I64": 8,
    "U64": 8,
    "F32": 4,
    "I32": 4,
    "U32": 4,
    "F16": 2,
    "BF16": 2,
    "I16": 2,
    "U16": 2,
}


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], progress: Progress | None = None) -> None:
    """The safetensors format: a JSON header, then the raw numbers."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for key, tensor in tensors.items():
        kind = SAFE_NAMES[tensor.dtype]
        size = int(np.prod(tensor.shape, dtype=np.int64)) * _BYTES.get(kind, 1)
        header[key] = {
            "dtype": kind,
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file, ThreadPoolExecutor(WORKERS) as pool:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for place, tensor in enumerate(tensors.values()):
            if progress is not None:
                progress("writing weights", place, len(tensors))
            for piece in _pieces(tensor.read(), pool):
                file.write(piece)


def _pieces(array: Array, pool: Executor) -> Iterator[memoryview]:
    """The numbers row by row, some megabytes at a time: a transposed array is never copied as a whole.

    The next pieces are put in order by the pool while one is being written.
    """
    if not array.size:
        return
    array = np.atleast_1d(array)
    rows = max(1, PIECE * len(array) // array.nbytes)
    waiting: deque[Future[Array]] = deque()
    for start in range(0, len(array), rows):
        waiting.append(pool.submit(_in_order, array[start : start + rows]))
        if len(waiting) > WORKERS:
            yield _bytes(waiting.popleft().result())
    while waiting:
        yield _bytes(waiting.popleft().result())


def _bytes(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _in_order(array: Array) -> Array:
    """The array in row-major order; a transposed matrix block by block, which caches like better."""
    if array.flags.c_contiguous or array.ndim != 2:
        return np.ascontiguousarray(array)
    piece = np.empty(array.shape, array.dtype)
    for row in range(0, array.shape[0], BLOCK):
        for column in range(0, array.shape[1], BLOCK):
            block = (slice(row, row + BLOCK), slice(column, column + BLOCK))
            piece[block] = array[block]
    return piece


def write_h5(path: Path, tensors: Mapping[str, Tensor], progress: Progress | None = None) -> None:
    """One HDF5 dataset per tensor, under the same keys; bfloat16 as raw 16-bit numbers with a mark."""
    import h5py

    with h5py.File(path, "w") as file:
        for place, (key, tensor) in enumerate(tensors.items()):
            if progress is not None:
                progress("writing weights", place, len(tensors))
            array = tensor.read()
            marked = array.dtype.name == "bfloat16"
            dataset = file.create_dataset(key, data=array.view(np.uint16) if marked else array)
            if marked:
                dataset.attrs["dtype"] = "bfloat16"


Writer = Callable[[Path, Mapping[str, Tensor], Progress | None], None]
Formats = Mapping[str, tuple[str, Writer]]
"""Formats of `--weights-format`: the file's name and its writer."""

FORMATS: Formats = {
    "safetensors": ("model.safetensors", write_safetensors),
    "h5": ("model.weights.h5", write_h5),
}
"""Those that every target written as code has; converters add their own."""
