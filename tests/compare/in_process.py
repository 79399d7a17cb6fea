"""Workers without processes: bundles run here, Keras counts as not installed. For tables of many cases."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from porter.workers import Job, NotAvailable, Ran
from porter.workers.capture import Force

Array = np.ndarray


class Held:
    """A layer's output that is held in memory."""

    def __init__(self, path: str, call: int, output: int, array: Array) -> None:
        self.path, self.call, self.output, self.array = path, call, output, array

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
        wanted: Sequence[str] | None = None,
        room: float | None = None,
    ) -> None:
        self.sets, self.capture, self.ran = sets, capture, None

    def layer(self, path: str) -> Held | None:
        found = [layer for layer in self.result().layers if (layer.path, layer.call) == (path, 0)]
        return found[0] if found else None  # type: ignore[return-value]

    def result(self) -> Ran:
        if self.ran is None:
            self.ran = self._ran()
        return self.ran

    def _ran(self) -> Ran:
        if "bundle" in self.job.model:
            self.model = loaded(Path(self.job.model["bundle"]), self.job.runner)
        elif "factory" in self.job.model:
            self.model = importlib.import_module(self.job.runner).load(self.job.model)
        else:
            raise NotAvailable("not run in this test")
        outputs, layers, dtypes = [], [], []
        for place, arrays in enumerate(self.sets):
            calls: dict[str, int] = {}

            def watch(path: str, seen: list[Array], calls: dict[str, int] = calls) -> None:
                call = calls[path] = calls.get(path, -1) + 1
                layers.extend(Held(path, call, k, array.copy()) for k, array in enumerate(seen))

            chosen = watch if place == self.capture else None
            found, dtypes = self.model.run(arrays, self.job.dtypes, chosen)
            outputs.append(tuple(found))
        return Ran(tuple(outputs), tuple(dtypes), tuple(layers), {})  # type: ignore[arg-type]

    def forcing(self, inputs: Sequence[Array], layers: Sequence[str], room: float) -> Forcing:
        return Forcing(self, inputs)


class Forcing:
    """Stands in for `porter.workers.stream.Forcing`: runs when all has been given."""

    def __init__(self, worker: InProcess, inputs: Sequence[Array]) -> None:
        self.worker, self.inputs = worker, inputs
        self.given: dict[str, Array] = {}
        self.outputs: tuple[Array, ...] = ()

    def give(self, path: str, truth: Array) -> None:
        self.given[path] = np.array(truth)

    def ready(self) -> Iterator[tuple[Held, Array]]:
        return iter(())

    def finish(self) -> Iterator[tuple[Held, Array]]:
        seen: dict[str, Held] = {}

        class Watching(Force):
            def __call__(self, path: str, arrays: Sequence[Array]) -> Sequence[Array] | None:
                if path not in given or path in seen or len(arrays) != 1:
                    return None
                seen[path] = Held(path, 0, 0, arrays[0].copy())
                return [given[path]]

        watch, given = Watching(None, list(self.given)), self.given  # type: ignore[arg-type]
        self.outputs = tuple(self.worker.model.run(self.inputs, self.worker.job.dtypes, watch)[0])
        yield from ((held, self.given[path]) for path, held in seen.items())


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
