"""Files as bytes: telling HDF5, zip archives and text apart by content, and opening what lies
inside.

An HDF5 file inside a `.keras` archive is read in place when it is stored plainly, as Keras stores
it, so that opening a model of any size costs no memory; a compressed one is unpacked to a
temporary file.
"""

from __future__ import annotations

import io
import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

from converters.keras.hdf5 import MAGIC, Hdf5
from porter.errors import SourceError

ZIP_MAGIC = b"PK\x03\x04"
LOCAL_HEADER = struct.Struct("<26xHH")
MOST_SHRINKING = 1100
ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError)
LONGEST_TEXT = 1 << 28


def content_of(path: Path) -> str:
    """What a file is, by its first bytes: "hdf5", "zip", "text" or "unknown"."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
            if head.startswith(ZIP_MAGIC):
                return "zip"
            if head.startswith(MAGIC) or _later_magic(file):
                return "hdf5"
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror or error})") from error
    return "unknown" if b"\0" in head else "text"


def _later_magic(file: io.BufferedReader) -> bool:
    # HDF5 allows a user block before the file proper: 512 bytes or a power-of-two multiple of that.
    for place in (512, 1024, 2048, 4096, 8192):
        file.seek(place)
        if file.read(len(MAGIC)) == MAGIC:
            return True
    return False


def read_text(path: Path) -> str:
    """The text of a file, refused when it is far too long for an architecture or no text."""
    if path.stat().st_size > LONGEST_TEXT:
        raise SourceError(f"{path}: {path.stat().st_size:,} bytes is too long for a model's JSON")
    return decode_text(path.read_bytes(), str(path))


def decode_text(data: bytes, label: str) -> str:
    """UTF-8 text, with or without a byte order mark."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{label}: is neither HDF5, nor a zip archive, nor text") from error


def open_hdf5(path: Path) -> Hdf5:
    """An HDF5 file on disk."""
    size = path.stat().st_size
    return Hdf5(str(path), _window(path, 0, size), size)


def roots(path: Path) -> set[str]:
    """The names of what lies at the root of an HDF5 file, attributes included: a quick look."""
    try:
        with h5py.File(Window(path, 0, path.stat().st_size), "r") as file:
            return {*file.keys(), *file.attrs}
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read as HDF5 ({error})") from error


def _window(path: Path, start: int, size: int) -> Callable[[], h5py.File]:
    # By way of a Python file, HDF5 neither locks the file nor minds who else has it open: that may
    # be Keras in this very process.
    return lambda: h5py.File(Window(path, start, size), "r")


class Archive:
    """A zip archive whose members are read by name, with its faults told in one sentence."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                infos = archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise SourceError(f"{path}: is a damaged or incomplete zip archive ({error})") from error
        self.members = {info.filename: info for info in infos if not info.is_dir()}

    def text(self, name: str) -> str:
        """The text of a member."""
        info = self.members[name]
        if info.file_size > LONGEST_TEXT:
            raise SourceError(f"{self.path}: {name!r} is {info.file_size:,} bytes, too long for JSON")
        try:
            with zipfile.ZipFile(self.path) as archive:
                data = archive.read(info)
        except ZIP_FAULTS as error:
            raise SourceError(f"{self.path}: member {name!r} cannot be read ({error})") from error
        return decode_text(data, f"{self.path}:{name}")

    def hdf5(self, name: str) -> Hdf5:
        """An HDF5 member: in place where it is stored plainly, else by way of a temporary file."""
        info = self.members[name]
        label = f"{self.path}:{name}"
        if info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1:
            start = self._start(info)
            return Hdf5(label, _window(self.path, start, info.file_size), info.file_size)
        return self._unpacked(info, label)

    def _start(self, info: zipfile.ZipInfo) -> int:
        with self.path.open("rb") as file:
            file.seek(info.header_offset)
            header = file.read(LOCAL_HEADER.size)
        if len(header) < LOCAL_HEADER.size or not header.startswith(ZIP_MAGIC):
            raise SourceError(f"{self.path}: the zip archive is damaged at {info.filename!r}")
        name_length, extra_length = LOCAL_HEADER.unpack(header)
        start = info.header_offset + LOCAL_HEADER.size + name_length + extra_length
        if start + info.file_size > self.path.stat().st_size:
            raise SourceError(f"{self.path}: ends before its member {info.filename!r} does")
        return int(start)

    def _unpacked(self, info: zipfile.ZipInfo, label: str) -> Hdf5:
        if info.file_size > max(info.compress_size, 1) * MOST_SHRINKING:
            raise SourceError(f"{label}: claims to unpack to {info.file_size:,} bytes; refused")
        with tempfile.TemporaryDirectory(prefix="porter-") as folder:
            target = Path(folder) / "weights.h5"
            try:
                with (
                    zipfile.ZipFile(self.path) as archive,
                    archive.open(info) as packed,
                    target.open("wb") as file,
                ):
                    shutil.copyfileobj(packed, file, 1 << 20)
            except ZIP_FAULTS as error:
                raise SourceError(f"{label}: cannot be unpacked ({error})") from error
            # The open handle keeps the unpacked bytes alive after the folder's name is gone.
            window = Window(target, 0, target.stat().st_size)
        return Hdf5(label, lambda: h5py.File(window, "r"), info.file_size)


class Window(io.RawIOBase):
    """A read-only part of a file that behaves like a file of its own."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._start, self._size, self._place = start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")[: max(0, self._size - self._place)]
        self._file.seek(self._start + self._place)
        count = self._file.readinto(view) or 0
        self._place += count
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
