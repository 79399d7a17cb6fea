"""A live model in place of a worker: it is in this process already."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from types import TracebackType
from typing import Self

from porter.dataclass import dataclass
from porter.workers.capture import Capture, Force
from porter.workers.job import Array, Layer, Learned, Living, Ran
from porter.workers.process import NotAvailable
from porter.workers.stream import Stream, give, given

INDEX, FORCED = "layers", "forced"


@dataclass
class Here:
    """Fed and asked like a `Worker`; runs when it is first asked. Leaving its `with` block removes its files.

    What its layers give lies on disk, as a worker's does, and all of it at once: nobody reads while it runs.
    """

    model: Living
    sets: Sequence[Sequence[Array]] = ()
    ran: Ran | None = None
    stream: Stream | None = None

    def __post_init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="porter-here-")
        self._capture: Capture | None = None
        self._chosen: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def feed(
        self,
        sets: Sequence[Sequence[Array]],
        capture: int | None = None,
        wanted: Mapping[str, int] | None = None,
        room: float | None = None,
    ) -> None:
        """The inputs to run on, set by set; `capture` is the set for which layers are kept."""
        self.sets, self.ran = sets, None
        self._chosen, self._capture = capture, Capture(self.folder, INDEX, wanted)
        self.stream = Stream(self.folder, INDEX, float("inf"))

    def layer(self, path: str) -> Layer | None:
        """What a layer gave when it was first called; None where it was not."""
        self.result()
        return self.stream.find(path) if self.stream is not None else None

    def result(self) -> Ran:
        """What the model computes from each set."""
        if self.ran is None:
            found = [
                self.model.run(arrays, self._capture if place == self._chosen else None)
                for place, arrays in enumerate(self.sets)
            ]
            outputs = tuple(tuple(arrays) for arrays, _ in found)
            dtypes = tuple(found[-1][1]) if found else ()
            layers = tuple(self.stream.layers()) if self.stream is not None else ()
            self.ran = Ran(outputs, dtypes, layers, {"process": "the caller's own"})
        return self.ran

    def forcing(self, inputs: Sequence[Array], layers: Mapping[str, int], room: float) -> ForcedHere:
        """A run in which each of `layers` gets true inputs."""
        return ForcedHere(self, inputs, layers)

    def learn(self, inputs: Sequence[Array], loss: Sequence[Array]) -> Learned:
        """Gradients of the mean of each output times `loss`, and one step."""
        return self.model.learn(inputs, loss)

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return Path(self._folder.name)


@dataclass
class ForcedHere:
    """A run along true values, which begins when all of them have been given."""

    here: Here
    inputs: Sequence[Array]
    layers: Mapping[str, int]
    outputs: tuple[Array, ...] = ()
    known: dict[str, int] = field(default_factory=dict)  # the place of each layer for which there is a truth

    def give(self, path: str, truth: Mapping[int, Array]) -> None:
        """What takes the place of a layer's outputs, by number."""
        self.known[path] = len(self.known)
        give(self.here.folder, self.known[path], truth)

    def ready(self) -> Iterator[tuple[Layer, Array]]:
        """Nothing yet."""
        return iter(())

    def finish(self) -> Iterator[tuple[Layer, Array]]:
        """What layers made of true inputs, each with the truth."""
        if not self.here.model.replaces:
            raise NotAvailable("its layers cannot be given true inputs")
        capture = Capture(self.here.folder, FORCED, self.layers)
        self.outputs = tuple(self.here.model.run(self.inputs, Force(capture, list(self.known)))[0])
        for layer in Stream(self.here.folder, FORCED, float("inf")).layers():
            yield layer, given(self.here.folder, self.known[layer.path], layer)
