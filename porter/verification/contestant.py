"""Who takes part in a trial: a worker, a live model, or a recording that answers as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Protocol

import numpy as np

from porter.sides import Recording, Side, turned
from porter.verification.settings import Settings
from porter.workers import Here, Layer, NotAvailable, Ran, start

Array = np.ndarray


class Forced(Protocol):
    """A run along true values."""

    def give(self, path: str, truth: Mapping[int, Array]) -> None: ...
    def ready(self) -> Iterator[tuple[Layer, Array]]: ...
    def finish(self) -> Iterator[tuple[Layer, Array]]: ...
    @property
    def outputs(self) -> tuple[Array, ...]: ...


class Runner(Protocol):
    """Runs a model on sets of inputs."""

    def feed(
        self,
        sets: Sequence[Sequence[Array]],
        capture: int | None = None,
        wanted: Mapping[str, int] | None = None,
        room: float | None = None,
    ) -> None: ...
    def layer(self, path: str) -> Layer | None: ...
    def result(self) -> Ran: ...


class RecordedLayer(Layer):
    """A layer whose file is not ours to remove."""

    def drop(self) -> None:
        """It stays where it lies."""


class Played:
    """A recording, asked like a model."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.layers = {
            layer.path: RecordedLayer(layer.path, 0, 0, layer.file)
            for layer in recording.layers
            if layer.call == layer.output == 0
        }

    def feed(
        self,
        sets: Sequence[Sequence[Array]],
        capture: int | None = None,
        wanted: Mapping[str, int] | None = None,
        room: float | None = None,
    ) -> None:
        """It was fed when it was recorded."""

    def layer(self, path: str) -> Layer | None:
        """What was recorded of a layer."""
        return self.layers.get(path)

    def result(self) -> Ran:
        """What was recorded."""
        outputs = self.recording.outputs
        dtypes = tuple(str(array.dtype) for array in outputs[0])
        return Ran(outputs, dtypes, self.recording.layers, self.recording.environment)


def started(side: Side, settings: Settings, at_work: ExitStack) -> Runner | None:
    """The side at work; None where porter cannot run it."""
    if side.here is not None:
        return at_work.enter_context(Here(side.here))
    if side.recording is not None:
        return Played(side.recording)
    if side.runner is None:
        return None
    return at_work.enter_context(start(side.job(), settings.timeout))


def finished(side: Side, worker: Runner | None, settings: Settings) -> tuple[Ran | None, str]:
    """What a side computed, in the common order; or None and the reason."""
    if worker is None:
        return None, "porter cannot run it yet"
    settings.tell(f"running {side.label}")
    try:
        ran = worker.result()
    except NotAvailable as error:
        return None, error.message.removeprefix(f"{side.label}: ")
    outs = tuple(
        tuple(turned(arrays, side.out_of)) if len(arrays) == len(side.out_of) else arrays
        for arrays in ran.outputs
    )
    return replace(ran, outputs=outs), ""
