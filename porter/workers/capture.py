"""What a worker does with the outputs of layers: each goes to a file as it comes, no more of them
than there is room for; and in a forced run, what takes their place.

The worker's half of a stream. It writes a layer, tells so in an index, and waits while too much is unread;
who reads removes the file, or grants more room where it waits for a layer that is still to come.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

import numpy as np

from porter.dataclass import dataclass
from porter.workers.job import FULL, ROOM, WANTS, Array

PAUSE = 0.002
"""Seconds between two looks at a file that is waited for."""


@dataclass
class Capture:
    """Writes the outputs of layers to files. `wanted` tells what to keep, of the first call of each path: the
    place of one output, from the front or from the end (None: all of every call)."""

    folder: Path
    index: str
    wanted: Mapping[str, int] | None = None
    room: float = float("inf")
    calls: dict[str, int] = field(default_factory=dict)
    count: int = 0
    unread: dict[Path, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / self.index).touch()

    def __call__(self, path: str, outputs: Sequence[Array]) -> Sequence[Array] | None:
        """Keep what a layer gave; nothing takes its place."""
        call = self.calls.get(path, 0)
        self.calls[path] = call + 1
        for place in self._kept(path, call, len(outputs)):
            self._write(path, call, place, outputs)
        return None

    def _kept(self, path: str, call: int, count: int) -> Sequence[int]:
        if self.wanted is None:
            return range(count)
        place = self.wanted.get(path, count) if call == 0 else count
        return [place % count] if -count <= place < count else []

    def _write(self, path: str, call: int, place: int, outputs: Sequence[Array]) -> None:
        array = outputs[place]
        self._wait_for_room(array.nbytes)
        file = f"{self.index}.{self.count}.npy"
        self.count += 1
        part = self.folder / f"{file}.part.npy"
        np.save(part, array)
        part.rename(self.folder / file)
        self.unread[self.folder / file] = array.nbytes
        row = {"path": path, "call": call, "output": place, "file": file, "count": len(outputs)}
        with (self.folder / self.index).open("a", encoding="utf-8") as index:
            index.write(json.dumps(row) + "\n")

    def _wait_for_room(self, size: int) -> None:
        if self.room == float("inf"):
            return
        told = self.folder / FULL
        while True:
            self.unread = {file: size for file, size in self.unread.items() if file.exists()}
            if not self.unread or sum(self.unread.values()) + size <= self._granted():
                told.unlink(missing_ok=True)
                return
            told.touch()
            time.sleep(PAUSE)

    def _granted(self) -> float:
        grant = self.folder / ROOM
        return max(self.room, float(grant.read_text()) if grant.exists() else 0.0)


@dataclass
class Force:
    """In a run whose layers each get true inputs: keeps what a layer made of them, answers with the truth.

    The truth for the layer at `paths[k]` lies in files that the other side writes before or while this runs,
    one for each output of the layer and last a list of them.
    """

    capture: Capture
    paths: Sequence[str]

    def __call__(self, path: str, outputs: Sequence[Array]) -> Sequence[Array] | None:
        """What the layers that follow get to see; None leaves what the layer gave, where not all is known."""
        asked = path in self.paths and path not in self.capture.calls
        truth = self._given(self.paths.index(path)) if asked else {}  # before it is told and removed
        self.capture(path, outputs)
        return [truth[k] for k in range(len(outputs))] if len(truth) == len(outputs) > 0 else None

    def _given(self, place: int) -> dict[int, Array]:
        folder = self.capture.folder
        file = folder / given_list(place)
        while not file.exists():
            (folder / WANTS).write_text(str(place))
            time.sleep(PAUSE)
        (folder / WANTS).unlink(missing_ok=True)
        outputs: list[int] = json.loads(file.read_text())
        return {k: np.load(folder / given_file(place, k), allow_pickle=False) for k in outputs}


def given_file(place: int, output: int | str) -> str:
    """Where the truth for one output of the layer at a place lies."""
    return f"given{place}.{output}.npy"


def given_list(place: int) -> str:
    """Which outputs of that layer are known; it is there when all of them are."""
    return f"given{place}.json"
