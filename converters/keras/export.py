"""Exports a bundle as a TensorFlow SavedModel, and loads that again with TensorFlow alone. Lives in a worker
process."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from porter.errors import RunError
from porter.workers.bundle_module import import_bundle
from porter.workers.process import NotAvailable

NEAR = 1e-5
"""How far the two may differ, relative to the largest number: the same kernels run in another order."""


def load(model: Mapping[str, Any], *, precision: str = "own", threads: int = 1) -> Exported:
    """Write the bundle in `model["bundle"]` to `model["saved_model"]`, and see that it says the same."""
    try:
        tf = import_module("tensorflow")
    except ImportError as missing:
        raise NotAvailable(f"TensorFlow is not installed ({missing})") from missing
    built = import_bundle(Path(model["bundle"])).load()
    folder = str(model["saved_model"])
    built.export(folder, format="tf_saved_model", verbose=False)
    served = tf.saved_model.load(folder)
    inputs = [_ones(tensor) for tensor in built.inputs]
    if all(array is not None for array in inputs):
        _compare(built, served, inputs)
    return Exported(str(tf.__version__))


def _ones(tensor: Any) -> Any:
    """Ones for an input of known size."""
    sizes = [2 if size is None else size for size in tensor.shape[:1]] + list(tensor.shape[1:])
    return None if None in sizes else np.ones(sizes, tensor.dtype)


def _compare(built: Any, served: Any, inputs: list[Any]) -> None:
    wanted = _listed(built(inputs if len(inputs) > 1 else inputs[0], training=False))
    found = _listed(served.serve(inputs if len(inputs) > 1 else inputs[0]))
    for ours, theirs in zip(wanted, found, strict=True):
        scale = max(float(np.max(np.abs(ours), initial=0)), 1e-6)
        if float(np.max(np.abs(ours - theirs), initial=0)) > NEAR * scale:
            raise RunError("the exported SavedModel does not compute what the bundle computes")


def _listed(result: Any) -> list[Any]:
    listed = list(result) if isinstance(result, list | tuple) else [result]
    return [np.asarray(value).astype("float64") for value in listed]


class Exported:
    """What is done: there is nothing left to run."""

    def __init__(self, version: str) -> None:
        self.version = version

    def environment(self) -> dict[str, Any]:
        """Which TensorFlow wrote it."""
        return {"framework": "TensorFlow", "tensorflow": self.version}
