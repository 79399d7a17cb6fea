"""Workers without processes: bundles run here, Keras counts as not installed. For tables of many cases."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from porter.workers import Job, NotAvailable, Ran

Array = np.ndarray


class Held:
    """A layer's output that is held in memory."""

    def __init__(self, path: str, call: int, output: int, array: Array) -> None:
        self.path, self.call, self.output, self.array = path, call, output, array

    def read(self) -> Array:
        return self.array


class InProcess:
    """Stands in for `porter.workers.Worker`."""

    def __init__(self, job: Job, timeout: float) -> None:
        self.job = job
        self.sets: Sequence[Sequence[Array]] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def feed(self, sets: Sequence[Sequence[Array]], capture: int | None = None) -> None:
        self.sets, self.capture = sets, capture

    def result(self) -> Ran:
        if "bundle" not in self.job.model:
            raise NotAvailable("not run in this test")
        model = loaded(Path(self.job.model["bundle"]))
        outputs, layers, dtypes = [], [], []
        for place, arrays in enumerate(self.sets):
            calls: dict[str, int] = {}

            def watch(path: str, seen: list[Array], calls: dict[str, int] = calls) -> None:
                call = calls[path] = calls.get(path, -1) + 1
                layers.extend(Held(path, call, k, array.copy()) for k, array in enumerate(seen))

            chosen = watch if place == self.capture else None
            found, dtypes = model.run(arrays, self.job.dtypes, chosen)
            outputs.append(tuple(found))
        return Ran(tuple(outputs), tuple(dtypes), tuple(layers), {})  # type: ignore[arg-type]


def loaded(bundle: Path) -> Any:
    from converters.torch.run import BundleModel

    spec = importlib.util.spec_from_file_location("bundle_model", bundle / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return BundleModel(module.load(), "own")
