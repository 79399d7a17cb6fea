"""Workers without processes: bundles run here, Keras counts as not installed. For tables of many cases."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from porter.workers import Job, NotAvailable, Ran
from porter.workers.capture import Force

Array = np.ndarray


class Held:
    """A layer's output that is held in memory."""

    def __init__(self, path: str, call: int, output: int, array: Array, count: int = 1) -> None:
        self.path, self.call, self.output, self.array, self.count = path, call, output, array, count

    def read(self) -> Array:
        return self.array

    def drop(self) -> None:
        pass


class InProcess:
    """Stands in for `porter.workers.Worker`."""

    def __init__(self, job: Job, timeout: float) -> None:
        self.job = job
        self.sets: Sequence[Sequence[Array]] = ()
        self.ran: Ran | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def feed(
        self,
        sets: Sequence[Sequence[Array]],
        capture: int | None = None,
        wanted: Mapping[str, int] | None = None,
        room: float | None = None,
    ) -> None:
        self.sets, self.capture, self.wanted, self.ran = sets, capture, wanted or {}, None

    def layer(self, path: str) -> Held | None:
        found = [layer for layer in self.result().layers if (layer.path, layer.call) == (path, 0)]
        return found[self.wanted.get(path, 0)] if found else None  # type: ignore[return-value]

    def result(self) -> Ran:
        if self.ran is None:
            self.ran = self._ran()
        return self.ran

    def opened(self) -> Any:
        """The model that is asked for."""
        if "bundle" in self.job.model:
            return loaded(Path(self.job.model["bundle"]), self.job.runner)
        if "factory" in self.job.model:
            return importlib.import_module(self.job.runner).load(self.job.model)
        raise NotAvailable("not run in this test")

    def _ran(self) -> Ran:
        self.model = self.opened()
        outputs, layers, dtypes = [], [], []
        for place, arrays in enumerate(self.sets):
            calls: dict[str, int] = {}

            def watch(path: str, seen: list[Array], calls: dict[str, int] = calls) -> None:
                call = calls[path] = calls.get(path, -1) + 1
                count = len(seen)
                layers.extend(Held(path, call, k, array.copy(), count) for k, array in enumerate(seen))

            chosen = watch if place == self.capture else None
            found, dtypes = self.model.run(arrays, self.job.dtypes, chosen)
            outputs.append(tuple(found))
        return Ran(tuple(outputs), tuple(dtypes), tuple(layers), {})  # type: ignore[arg-type]

    def forcing(self, inputs: Sequence[Array], layers: Mapping[str, int], room: float) -> Forcing:
        return Forcing(self, inputs, layers)


class Forcing:
    """Stands in for `porter.workers.stream.Forcing`: runs when all has been given."""

    def __init__(self, worker: InProcess, inputs: Sequence[Array], layers: Mapping[str, int]) -> None:
        self.worker, self.inputs, self.layers = worker, inputs, layers
        self.given: dict[str, dict[int, Array]] = {}
        self.outputs: tuple[Array, ...] = ()

    def give(self, path: str, truth: Mapping[int, Array]) -> None:
        self.given[path] = {k: np.array(array) for k, array in truth.items()}

    def ready(self) -> Iterator[tuple[Held, Array]]:
        return iter(())

    def finish(self) -> Iterator[tuple[Held, Array]]:
        seen: dict[str, Held] = {}

        class Watching(Force):
            def __call__(self, path: str, arrays: Sequence[Array]) -> Sequence[Array] | None:
                if path not in given or path in seen:
                    return None
                place = layers[path] % len(arrays)
                seen[path] = Held(path, 0, place, arrays[place].copy(), len(arrays))
                truth = given[path]
                return [truth[k] for k in range(len(arrays))] if len(truth) == len(arrays) else None

        given, layers = self.given, self.layers
        watch = Watching(None, list(given))  # type: ignore[arg-type]
        self.outputs = tuple(self.worker.model.run(self.inputs, self.worker.job.dtypes, watch)[0])
        yield from ((held, self.given[path][held.output]) for path, held in seen.items())


def loaded(bundle: Path, runner: str = "converters.torch.run") -> Any:
    """A bundle in this process: its code is imported as any other is."""
    spec = importlib.util.spec_from_file_location("bundle_model", bundle / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    run = importlib.import_module(runner)
    if hasattr(run, "KerasModel"):
        return run.KerasModel(importlib.import_module("keras"), module.load())
    return run.BundleModel(module.load(), "own")
