"""Flax's msgpack files: nested maps with arrays as leaves, written and read one tensor at a time.

map of (str -> map | array)         the path `conv1.kernel` as a map in a map
ext 1 of (shape, dtype name, bytes) an array
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from porter.errors import RequestError, SourceError
from porter.weights.tensor import Array, Stored, Tensor, number_type

Progress = Callable[[str, int, int], None]
Tree = dict[str, Any]

ARRAY = 1
"""Flax's number for the extension type of arrays."""

LARGEST = 2**32 - 2**10
DEEPEST = 64


def write_msgpack(path: Path, tensors: Mapping[str, Tensor], progress: Progress | None = None) -> None:
    """Write tensors, keyed by dotted paths, as `flax.serialization.msgpack_restore` reads them."""
    with path.open("wb") as file:
        for place, part in enumerate(_parts(_nested(tensors))):
            if isinstance(part, bytes):
                file.write(part)
                continue
            if progress is not None:
                progress("writing weights", place, len(tensors))
            _write_array(file, part)


def _nested(tensors: Mapping[str, Tensor]) -> Tree:
    tree: Tree = {}
    for key, tensor in tensors.items():
        *way, name = key.split(".")
        inner = tree
        for step in way:
            inner = inner.setdefault(step, {})
        inner[name] = tensor
    return tree


def _parts(tree: Tree) -> Iterator[bytes | Tensor]:
    """The file piece by piece; tensors stand for themselves."""
    yield b"\xdf" + len(tree).to_bytes(4, "big")
    for name, value in tree.items():
        yield _text(name)
        if isinstance(value, dict):
            yield from _parts(value)
        else:
            yield value


def _text(text: str) -> bytes:
    data = text.encode()
    return b"\xdb" + len(data).to_bytes(4, "big") + data


def _write_array(file: BinaryIO, tensor: Tensor) -> None:
    array = tensor.read()
    if array.nbytes > LARGEST:
        raise RequestError(f"msgpack holds no array of {array.nbytes} bytes; choose another weights format")
    sizes = b"".join(b"\xcf" + size.to_bytes(8, "big") for size in array.shape)
    head = b"\x93\xdd" + len(array.shape).to_bytes(4, "big") + sizes + _text(tensor.dtype)
    head += b"\xc6" + array.nbytes.to_bytes(4, "big")
    file.write(b"\xc9" + (len(head) + array.nbytes).to_bytes(4, "big") + bytes([ARRAY]) + head)
    file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.size else b"")


def looks_like_msgpack(start: bytes) -> bool:
    """Whether a file that begins so may be a map in msgpack."""
    return start[:1] in (b"\xde", b"\xdf") or 0x80 <= start[0] <= 0x8F


def read_msgpack(path: Path) -> dict[str, Stored]:
    """The arrays of a file by dotted path; their numbers are read when asked for."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            tree = _Reader(path, data).value(0)
        except (IndexError, KeyError, TypeError, ValueError, UnicodeDecodeError) as problem:
            raise SourceError(f"{path}: damaged, or no msgpack file of Flax's ({problem})") from problem
    if not isinstance(tree, dict):
        raise SourceError(f"{path}: holds no map of arrays")
    return {stored.key: stored for stored in _leaves(tree)}


def _leaves(tree: Tree) -> Iterator[Stored]:
    for value in tree.values():
        if isinstance(value, dict):
            yield from _leaves(value)
        elif isinstance(value, Stored):
            yield value


class _Reader:
    """Reads one value after the other from `data`."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path, self.data, self.at = path, data, 0
        self.way: list[str] = []

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.data) - self.at:
            raise ValueError(f"{count} bytes are missing at {self.at}")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def value(self, depth: int) -> Any:
        if depth > DEEPEST:
            raise ValueError("maps lie too deep in one another")
        code = self.take(1)[0]
        for low, high, short in _SHORT:
            if low <= code <= high:
                return short(self, code - low, depth)
        if code not in _KINDS:
            raise ValueError(f"the code {code:#x} at {self.at - 1} is not expected")
        width, read = _KINDS[code]
        return read(self, self.number(width), depth)

    def mapping(self, count: int, depth: int) -> Tree:
        tree: Tree = {}
        for _ in range(count):
            name = str(self.value(depth))
            self.way.append(name)
            tree[name] = self.value(depth + 1)
            self.way.pop()
        return tree

    def listing(self, count: int, depth: int) -> list[Any]:
        return [self.value(depth + 1) for _ in range(count)]

    def text(self, count: int, depth: int) -> str:
        return self.take(count).decode()

    def plain(self, number: int, depth: int) -> int:
        return number

    def raw(self, count: int, depth: int) -> tuple[int, int]:
        """Where raw bytes lie; they are not read yet."""
        self.take(0 if count <= len(self.data) - self.at else -1)
        self.at += count
        return self.at - count, count

    def short_extension(self, power: int, depth: int) -> Stored:
        return self.extension(2**power, depth)

    def extension(self, count: int, depth: int) -> Stored:
        kind, end = self.number(1), self.at + count
        if kind != ARRAY:
            raise ValueError(f"extension {kind} is no array")
        shape, dtype, (start, size) = self.value(depth + 1)
        if self.at != end:
            raise ValueError(f"an array ends at {self.at}, not at {end}")
        cells = int(np.prod(shape, dtype=np.int64))
        name = str(dtype)
        if min(shape, default=0) < 0 or cells * number_type(name).itemsize != size:
            raise ValueError(f"{size} bytes for {name} {shape}")
        load = partial(_read, self.path, start, cells, name, tuple(shape))
        return Stored(str(self.path), ".".join(self.way), tuple(shape), name, load)


def _read(path: Path, offset: int, cells: int, dtype: str, shape: tuple[int, ...]) -> Array:
    return np.fromfile(path, dtype=number_type(dtype), count=cells, offset=offset).reshape(shape)


_SHORT = (
    (0x00, 0x7F, _Reader.plain),
    (0x80, 0x8F, _Reader.mapping),
    (0x90, 0x9F, _Reader.listing),
    (0xA0, 0xBF, _Reader.text),
    (0xD4, 0xD8, _Reader.short_extension),
)
"""Codes that hold a small number themselves: first, last, what it means."""

_KINDS: Mapping[int, tuple[int, Callable[[_Reader, int, int], Any]]] = {
    0xC4: (1, _Reader.raw),
    0xC5: (2, _Reader.raw),
    0xC6: (4, _Reader.raw),
    0xC7: (1, _Reader.extension),
    0xC8: (2, _Reader.extension),
    0xC9: (4, _Reader.extension),
    0xCC: (1, _Reader.plain),
    0xCD: (2, _Reader.plain),
    0xCE: (4, _Reader.plain),
    0xCF: (8, _Reader.plain),
    0xD9: (1, _Reader.text),
    0xDA: (2, _Reader.text),
    0xDB: (4, _Reader.text),
    0xDC: (2, _Reader.listing),
    0xDD: (4, _Reader.listing),
    0xDE: (2, _Reader.mapping),
    0xDF: (4, _Reader.mapping),
}
"""Codes followed by a number of so many bytes."""
