"""Safe, lazy access to the HDF5 files that Keras writes: an index of plain groups and arrays,
nothing else.

The whole file is walked once and only hard links are followed, so that what can be asked for
afterwards lies inside this file, has a sane size, and is reached by one name. Numbers are read
when asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5g, h5l, h5o

from porter.errors import SourceError
from porter.weights.tensor import Stored, number_type

Array = np.ndarray
MAGIC = b"\x89HDF\r\n\x1a\n"
DEEPEST = 128
# DEFLATE cannot shrink anything more than 1032-fold; the allowance is for small, padded chunks.
MOST_SHRINKING = 1100
SMALL = 1 << 20
LINKS = {h5l.TYPE_SOFT: "soft link to", h5l.TYPE_EXTERNAL: "link to another file,"}
NUMERIC = "biufc"


class Hdf5:
    """One HDF5 file, walked and checked: `arrays` by path, `groups`, attributes as plain values."""

    def __init__(self, label: str, open_file: Callable[[], h5py.File], size: int) -> None:
        self.label = label
        self._size = size
        with self._spoken():
            self._file = open_file()
        self.arrays: dict[str, Stored] = {}
        self.groups: set[str] = {""}
        self._written: dict[str, str | None] = {}  # a group's name in the file, where it is another or none
        with self._spoken():
            self._walk()

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        """Turn what HDF5 says about a damaged file into one sentence with the file's name."""
        try:
            yield
        except (OSError, RuntimeError, KeyError, ValueError, UnicodeError) as error:
            detail = " ".join(str(error).split())[:200]
            raise SourceError(
                f"{self.label}: cannot be read as HDF5, it is damaged or incomplete ({detail})"
            ) from error

    def _walk(self) -> None:
        # The low-level interface of h5py is twice as fast over the thousands of objects of a model.
        seen: set[Any] = set()
        stack: list[tuple[str, h5g.GroupID, int]] = [("", h5g.open(self._file.id, b"/"), 0)]
        while stack:
            path, group, depth = stack.pop()
            address = h5o.get_info(group).addr
            if address in seen or depth > DEEPEST:
                raise SourceError(
                    f"{self.label}: group {path or '/'!r} contains itself, or has two names; "
                    "no Keras version writes such a file, so it is refused"
                )
            seen.add(address)
            links = group.links
            inner: list[tuple[str, h5g.GroupID, int]] = []
            for name in group:
                child = f"{path}/{_text(name)}" if path else _text(name)
                if links.get_info(name).type != h5l.TYPE_HARD:
                    self._refuse_link(child, links, name)
                item = h5o.open(group, name)
                if isinstance(item, h5g.GroupID):
                    self.groups.add(child)
                    inner.append((child, item, depth + 1))
                elif isinstance(item, h5d.DatasetID):
                    self._add(child, item)
            stack.extend(reversed(inner))

    def _refuse_link(self, path: str, links: Any, name: bytes) -> None:
        kind = links.get_info(name).type
        target = links.get_val(name) if kind in LINKS else ""
        raise SourceError(
            f"{self.label}: {path!r} is a {LINKS.get(kind, 'link of an unknown kind')} {target!r}; "
            "links are refused, because they can lead out of the file"
        )

    def _add(self, path: str, dataset: h5d.DatasetID) -> None:
        plist = dataset.get_create_plist()
        if plist.get_layout() == h5d.VIRTUAL or plist.get_external_count():
            raise SourceError(
                f"{self.label}: array {path!r} keeps its numbers in other files, which is refused"
            )
        shape = dataset.shape
        if shape is None:
            return
        dtype = dataset.dtype
        self._check_size(path, prod(shape) * dtype.itemsize, dataset, shape)
        name = _dtype_name(dataset, dtype)
        self.arrays[path] = Stored(self.label, path, shape, name, partial(self._read, path, name))

    def _check_size(self, path: str, declared: int, dataset: h5d.DatasetID, shape: tuple[int, ...]) -> None:
        stored = dataset.get_storage_size()
        packed = dataset.get_create_plist().get_nfilters() > 0
        most = max(stored * MOST_SHRINKING, SMALL) if packed else stored
        if declared > most or stored > self._size:
            raise SourceError(
                f"{self.label}: array {path!r} claims the shape {shape} ({declared:,} bytes), but "
                f"the file holds only {min(stored, self._size):,} bytes of it; the file is damaged "
                "or made to exhaust memory"
            )

    def _read(self, path: str, dtype: str) -> Array:
        with self._spoken():
            numbers = self._file[path][()]
        array = np.asarray(numbers)
        if dtype == "bfloat16" and array.dtype.kind == "V":
            return array.view(number_type("bfloat16"))
        if array.dtype.kind in NUMERIC and not array.dtype.isnative:
            return array.astype(array.dtype.newbyteorder("="))
        return array

    def part_at_backslashes(self) -> None:
        """On Windows, Keras 2 joined the names of objects by backslashes, and not into groups in groups."""
        parted = {path.replace("\\", "/"): path for path in self.groups if "\\" in path}
        if twice := sorted(parted.keys() & self.groups):
            raise SourceError(f"{self.label}: group {twice[0]!r} is there with a slash and with a backslash")
        above = {path[:place] for path in parted for place, sign in enumerate(path) if sign == "/"}
        self._written = dict.fromkeys(above - self.groups) | parted
        self.groups = (self.groups - set(parted.values())) | self._written.keys()
        for path in [path for path in self.arrays if "\\" in path]:
            key = path.replace("\\", "/")
            self.arrays[key] = replace(self.arrays.pop(path), key=key)

    def attribute(self, group: str, name: str) -> Any:
        """An attribute as a plain value: text as `str`, arrays as lists; None for none."""
        written = self._written.get(group, group)
        if written is None:
            return None
        with self._spoken():
            item = self._file[written] if written else self._file
            value = item.attrs.get(name)
        return _plain(value)

    def text(self, group: str, name: str) -> str | None:
        """A text attribute, or None where there is none."""
        value = self.attribute(group, name)
        return value if isinstance(value, str) else None

    def names(self, group: str, name: str) -> list[str] | None:
        """A list of names, also when spread over `name0`, `name1`, ...; None for none."""
        value = self.attribute(group, name)
        if value is not None:
            return _names(value)
        found: list[str] = []
        index = 0
        while (chunk := self.attribute(group, f"{name}{index}")) is not None:
            found += _names(chunk)
            index += 1
        return found if index else None


def _names(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [str(item) for item in items]


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _dtype_name(dataset: h5d.DatasetID, dtype: np.dtype[Any]) -> str:
    """The name of the element type; Keras stores bfloat16 as two opaque bytes."""
    if dtype.kind != "V":
        return str(dtype.newbyteorder("=").name)
    if dtype.itemsize == 2 and dtype.fields is None:
        return "bfloat16"
    said = _plain(h5py.Dataset(dataset).attrs.get("dtype"))
    return said if isinstance(said, str) else str(dtype.name)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, h5py.Empty):
        return []
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()] if value.ndim else _plain(value.item())
    if isinstance(value, np.generic):
        return _plain(value.item())
    return value
