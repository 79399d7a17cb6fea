"""The reader's half of a stream of layers: finds what a worker has written, and makes room for more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from porter.dataclass import dataclass
from porter.workers.job import FULL, ROOM, WANTS, Array, Layer, load_arrays


class Asked(Protocol):
    """Who is waited for."""

    @property
    def folder(self) -> Path: ...
    def answer(self, number: int) -> Mapping[str, Any]: ...
    def _waiting(self, number: int) -> Iterator[bool]: ...


@dataclass
class Stream:
    """Layers as a worker tells of them in an index file."""

    folder: Path
    index: str
    room: float
    known: dict[tuple[str, int, int], Layer] = field(default_factory=dict)
    _read: int = 0

    def find(self, path: str) -> Layer | None:
        """The output of a layer's first call, if it is there by now."""
        if (path, 0, 0) not in self.known:
            self._look()
        return self.known.get((path, 0, 0))

    def layers(self) -> list[Layer]:
        """All that is there by now, in the order in which it came."""
        self._look()
        return list(self.known.values())

    def make_room(self, path: str | None) -> None:
        """Where the worker is out of room and cannot get to what is waited for: more than was planned."""
        if not (self.folder / FULL).exists() or (path is not None and self.find(path)):
            return
        if not any(layer.file.exists() for layer in self.layers()):
            return  # all has been read: it will see that there is room
        self.room *= 2
        part = self.folder / f"{ROOM}.part"
        part.write_text(str(self.room))
        part.rename(self.folder / ROOM)
        (self.folder / FULL).unlink(missing_ok=True)

    def _look(self) -> None:
        file = self.folder / self.index
        if not file.exists():
            return
        with file.open("rb") as index:
            index.seek(self._read)
            text = index.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            row = json.loads(line)
            layer = Layer(row["path"], row["call"], row["output"], self.folder / row["file"])
            self.known[layer.path, layer.call, layer.output] = layer


@dataclass
class Forcing:
    """A run that is forced along true values: given one by one, answered as the worker gets to them."""

    worker: Asked
    number: int
    index: str
    layers: Sequence[str]
    room: float
    _unread: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._stream = Stream(self.worker.folder, self.index, self.room)

    def give(self, path: str, truth: Array) -> None:
        """What takes the place of a layer's output."""
        file = self.worker.folder / f"given{self.layers.index(path)}.npy"
        part = file.with_suffix(".part.npy")
        np.save(part, truth)
        part.rename(file)
        self._unread[path] = 2 * truth.nbytes

    def ready(self) -> Iterator[tuple[Layer, Array]]:
        """What layers made of true inputs, each with the truth; waits where too much lies about unread."""
        yield from self._read()
        if sum(self._unread.values()) <= self.room:
            return
        for done in self.worker._waiting(self.number):
            yield from self._read()
            if done or sum(self._unread.values()) <= self.room or self._lacks():
                return

    def finish(self) -> Iterator[tuple[Layer, Array]]:
        """The rest, when all has been given."""
        for _ in self.worker._waiting(self.number):
            yield from self._read()
        self.worker.answer(self.number)
        yield from self._read()

    @property
    def outputs(self) -> tuple[Array, ...]:
        """What the model made of the true values of its last layers, once all has been given."""
        file = self.worker.folder / "forced_out.npz"
        return tuple(load_arrays(file)) if file.exists() else ()

    def _lacks(self) -> bool:
        """Whether the worker waits for something that has not been given."""
        wants = self.worker.folder / WANTS
        place = wants.read_text() if wants.exists() else ""
        return bool(place) and not (self.worker.folder / f"given{place}.npy").exists()

    def _read(self) -> Iterator[tuple[Layer, Array]]:
        self._stream.layers()
        for path in list(self._unread):
            layer = self._stream.find(path)
            if layer is not None:
                file = self.worker.folder / f"given{self.layers.index(path)}.npy"
                yield layer, np.load(file, mmap_mode="r", allow_pickle=False)
                del self._unread[path]
                layer.drop()
                file.unlink(missing_ok=True)
