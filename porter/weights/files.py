"""Weight files, written one tensor at a time so that memory is bounded by the largest of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from porter.weights.tensor import Moved, Tensor

Progress = Callable[[str, int, int], None]

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
    from porter.weights.pieces import pieces  # brings threads along

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
    start = len(text).to_bytes(8, "little") + text
    with path.open("wb") as file, pieces() as in_order:
        _reserve(file, len(start) + offset)
        file.write(start)
        for place, tensor in enumerate(tensors.values()):
            if progress is not None:
                progress("writing weights", place, len(tensors))
            numbers = tensor.read_unmerged() if isinstance(tensor, Moved) else tensor.read()
            for piece in in_order.of(numbers):
                file.write(piece)


def _reserve(file: BinaryIO, size: int) -> None:
    """Room on the disk at once, where the system can: filling it is faster, and a full disk told early."""
    if hasattr(os, "posix_fallocate") and size:
        os.posix_fallocate(file.fileno(), 0, size)


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
