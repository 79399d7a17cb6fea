"""What is asked of a worker and what it answers, as values; and the files by which both travel."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from porter.dataclass import dataclass

Array = np.ndarray

JOB = "job.json"
FULL, ROOM, WANTS = "full", "room", "wants"
"""Flags between the two sides of a stream of layers: no room left, more room, the layer waited for."""

Watch = Callable[[str, list[Array]], Sequence[Array] | None]
"""Sees the outputs of a layer; what it returns, if anything, takes their place in the run."""


def answer_file(number: int) -> str:
    """Where the answer to a request lies."""
    return f"answer{number}.json"


@dataclass(frozen=True)
class Job:
    """A model to be run."""

    runner: str  # the module of the framework's runner
    model: Mapping[str, Any]  # what the runner needs to find the model: plain JSON values
    dtypes: Sequence[str]  # of its inputs
    precision: str = "own"  # or "float64": the whole model in double precision
    threads: int = 1
    seed: int | None = None  # of whatever draws numbers, set before the model is loaded
    gpu: bool = False


@dataclass(frozen=True)
class Layer:
    """One output of one layer, as the framework computed it; the array stays on disk until it is read."""

    path: str
    call: int
    output: int
    file: Path
    count: int = 1  # of the arrays that the layer gave

    def read(self) -> Array:
        """The array, mapped into memory."""
        found: Array = np.load(self.file, mmap_mode="r", allow_pickle=False)
        return found

    def drop(self) -> None:
        """It has been read; the file makes room for others."""
        self.file.unlink(missing_ok=True)


@dataclass(frozen=True)
class Ran:
    """What came back: outputs for each set of inputs, layers if asked for, and where it ran."""

    outputs: tuple[tuple[Array, ...], ...]
    dtypes: tuple[str, ...]
    layers: tuple[Layer, ...]
    environment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Learned:
    """What a model would learn from one loss: by input, and by the framework's name for each variable."""

    inputs: tuple[Array | None, ...]  # gradients in inference mode; None for what is not real numbers
    gradients: Mapping[str, Array]
    step: Mapping[str, Array]  # by how much one step of plain descent in training mode changes each
    values: Mapping[str, Array]  # what the variables held before, where names alone do not tell them apart


class Living(Protocol):
    """A live model at work in the process that holds it, which is left as it was."""

    @property
    def replaces(self) -> bool:
        """Whether what `watch` answers takes the place of a layer's outputs."""

    def run(
        self, inputs: Sequence[Array], watch: Watch | None = None
    ) -> tuple[Sequence[Array], Sequence[str]]:
        """The outputs and their types; `watch` sees the outputs of each layer that can be seen."""

    def learn(self, inputs: Sequence[Array], loss: Sequence[Array]) -> Learned:
        """What it would learn; NotAvailable where it cannot be asked."""


def save_named(path: Path, arrays: Mapping[str, Array]) -> None:
    """Arrays under any names at all."""
    save_arrays(path, list(arrays.values()))
    path.with_suffix(".json").write_text(json.dumps(list(arrays)), encoding="utf-8")


def load_named(path: Path) -> dict[str, Array]:
    """The arrays of `save_named`."""
    names = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return dict(zip(names, load_arrays(path), strict=True))


def save_arrays(path: Path, arrays: Sequence[Array]) -> None:
    """One file with the arrays in order."""
    named: dict[str, Any] = {f"a{place}": array for place, array in enumerate(arrays)}
    np.savez(path, **named)


def load_arrays(path: Path) -> list[Array]:
    """The arrays of `save_arrays`."""
    with np.load(path, allow_pickle=False) as file:
        return [file[f"a{place}"] for place in range(len(file.files))]
