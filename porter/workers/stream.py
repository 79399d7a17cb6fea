"""The reader's half of a stream of layers: finds what a worker has written, and makes room for more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from porter.dataclass import dataclass
from porter.workers.capture import given_file, given_list
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
    first: dict[str, Layer] = field(default_factory=dict)  # by path, of the first call
    _read: int = 0

    def find(self, path: str) -> Layer | None:
        """What is kept of a layer's first call, if it is there by now."""
        if path not in self.first:
            self._look()
        return self.first.get(path)

    def layers(self) -> list[Layer]:
        """All that is there by now, in the order in which it came."""
        self._look()
        return list(self.known.values())

    def make_room(self, path: str | None) -> None:
        """Where the worker is out of room and cannot get to what is waited for: more than was planned."""
        if not (self.folder / FULL).exists():
            return
        unread = any(layer.file.exists() for layer in self.layers())
        if path in self.first or not unread:  # by the same look: what comes after it had its room
            return  # where all has been read, it will see that there is room
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
            file = self.folder / row["file"]
            layer = Layer(row["path"], row["call"], row["output"], file, row["count"])
            self.known[layer.path, layer.call, layer.output] = layer
            if layer.call == 0:
                self.first.setdefault(layer.path, layer)


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

    def give(self, path: str, truth: Mapping[int, Array]) -> None:
        """What takes the place of a layer's outputs, by number; nothing does, unless it is all of them."""
        give(self.worker.folder, self.layers.index(path), truth)
        self._unread[path] = 2 * sum(array.nbytes for array in truth.values())

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
        try:
            place = (self.worker.folder / WANTS).read_text()
        except FileNotFoundError:  # the worker takes it away as soon as it is served
            return False
        return bool(place) and not (self.worker.folder / given_list(int(place))).exists()

    def _read(self) -> Iterator[tuple[Layer, Array]]:
        self._stream.layers()  # looked at once: what comes meanwhile would overtake what came before it
        for path in list(self._unread):
            layer = self._stream.first.get(path)
            if layer is not None:
                place = self.layers.index(path)
                yield layer, given(self.worker.folder, place, layer)
                del self._unread[path]
                layer.drop()
                for file in self.worker.folder.glob(given_file(place, "*")):
                    file.unlink(missing_ok=True)


def give(folder: Path, place: int, truth: Mapping[int, Array]) -> None:
    """Lay down the true outputs of the layer at a place, by number."""
    for output, array in truth.items():
        np.save(folder / given_file(place, output), array)
    told = folder / given_list(place)
    part = told.with_suffix(".part")
    part.write_text(json.dumps(list(truth)))
    part.rename(told)


def given(folder: Path, place: int, layer: Layer) -> Array:
    """The truth for what was kept of the layer at a place."""
    found: Array = np.load(folder / given_file(place, layer.output), mmap_mode="r", allow_pickle=False)
    return found
