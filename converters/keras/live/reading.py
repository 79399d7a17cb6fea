"""A live model to a source model: its architecture by config or by trace, its weights from its variables."""

from __future__ import annotations

import json
import linecache
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from typing import Any

import numpy as np

from converters.keras.live import keras2, keras3
from converters.keras.live.inputs import Inputs, inputs_of, zeros
from converters.keras.live.merging import SIZES, merged
from converters.keras.live.nesting import nested
from converters.keras.live.owner import generation_of
from converters.keras.live.records import Trace, leaves
from converters.keras.live.variables import LiveVariables
from converters.keras.models import Reading, read_model
from converters.keras.read import read
from converters.keras.spec import ModelSpec
from converters.keras.upgrade import Writer
from porter.errors import RequestError, RunError, UnsupportedModel
from porter.source_model import LiveModel, RunHere, SourceModel

CANNOT = (ValueError, TypeError, AttributeError, RuntimeError, LookupError, ArithmeticError)
"""What a model's own code raises where it cannot run on symbolic tensors; where, and what, is told."""

PACKAGES = ("keras", "tf_keras", "tensorflow", "porter", "converters", "optree", "importlib", "contextlib.py")


def read_live(live: LiveModel) -> SourceModel:
    """The source model of a live Keras layer or model."""
    model = live.model
    generation = generation_of(model)
    name = str(getattr(model, "name", "model"))
    assert generation is not None
    return _Road(model, name, generation, live).source()


class _Road:
    def __init__(self, model: Any, name: str, generation: int, live: LiveModel) -> None:
        self.model, self.name, self.generation, self.told = model, name, generation, live
        self.package = import_module("keras" if generation == 3 else "tf_keras")
        self.reading = Reading(Writer(generation, str(self.package.__version__)))

    def source(self) -> SourceModel:
        inputs = inputs_of(self.model, self.told.example_inputs, self.name)
        self._build(inputs)
        spec, live = self._spec(inputs)
        reading = read(spec, generation=self.generation, policy=self.told.dtype)
        variables = LiveVariables(self.model, live, self._numbers)
        reading.variables.bind(variables.bind([pending.slot for pending in reading.variables.asked.values()]))
        facts: dict[str, Any] = {
            "framework": "tf",
            "format": "live model",
            "files": [],
            "keras_version": str(self.package.__version__),
            "backend": self.package.backend.backend() if self.generation == 3 else "tensorflow",
        }
        notices = (*self.reading.notes, *reading.notices)
        ledger = variables.ledger(reading.variables.left)
        return SourceModel(reading.graph, ledger, facts, notices, self._run(inputs))

    def _build(self, inputs: Inputs) -> None:
        """Layers make their variables when they are first called."""
        layers = list(self.model._flatten_layers(include_self=True, recursive=True))
        if self.told.example_inputs is not None and not all(layer.built for layer in layers):
            self._called(inputs, zeros(inputs), "called on zeros to build it")

    def _spec(self, inputs: Inputs) -> tuple[ModelSpec, Mapping[tuple[str, ...], Any]]:
        whole = self.told.example_inputs is None and not self.told.static_batch
        if whole and self._has_config():
            return read_model(json.loads(self.model.to_json()), self.reading), {}
        static = inputs.batch if self.told.static_batch else None
        if self.told.static_batch and static is None:
            raise RequestError("static_batch takes the batch from example_inputs, and there are none")
        if static is not None:
            trace = self._traced(inputs, static)
        else:
            first, second = (self._traced(inputs, size) for size in SIZES)
            trace = merged(first, second, self.name)
        found = nested(self.model, trace, inputs, self.reading, static)
        return found.model, found.live

    def _has_config(self) -> bool:
        """Whether all layers are Keras's own, in models that record how they are wired."""
        wired = ("Functional", "Sequential", "Model")
        layers = list(self.model._flatten_layers(include_self=True, recursive=True))
        models = [layer for layer in layers if isinstance(layer, self.package.Model)]
        plain = all(type(layer).__module__.split(".")[0] in ("keras", "tf_keras") for layer in layers)
        return plain and bool(models) and all(type(one).__name__ in wired and one.inputs for one in models)

    def _traced(self, inputs: Inputs, batch: int) -> Trace:
        try:
            if self.generation == 3:
                return keras3.traced(self.model, inputs, batch)
            return keras2.traced(self.model, inputs, batch if self.told.static_batch else None)
        except CANNOT as error:
            raise UnsupportedModel(
                f"model {self.name!r}: its code cannot be followed on symbolic tensors: {_told(error)}; it "
                "must use layers and keras.ops, and decide nothing by the numbers in tensors"
            ) from error

    def _run(self, inputs: Inputs) -> RunHere:
        def run(arrays: Sequence[np.ndarray]) -> tuple[Sequence[np.ndarray], Sequence[str]]:
            outputs = self._called(inputs, arrays, "run")
            told = [str(getattr(one.dtype, "name", one.dtype)).removeprefix("torch.") for one in outputs]
            return [_plain(self._numbers(one)) for one in outputs], told

        return run

    def _called(self, inputs: Inputs, arrays: Sequence[np.ndarray], what: str) -> list[Any]:
        functions = self.package.ops if self.generation == 3 else import_module("tensorflow")
        convert = functions.convert_to_tensor
        tensors = [convert(array, dtype=one.dtype) for array, one in zip(arrays, inputs.entries, strict=True)]
        args, kwargs = inputs.pack(tensors)
        try:
            outputs = self.model(*args, **kwargs)
        except CANNOT as error:
            raise RunError(f"model {self.name!r} cannot be {what}: {_told(error)}") from error
        return [leaf for leaf in leaves(outputs) if leaf is not None]

    def _numbers(self, variable: Any) -> np.ndarray:
        if self.generation == 2:
            return np.asarray(variable)
        return np.asarray(self.package.ops.convert_to_numpy(variable))


def _plain(array: np.ndarray) -> np.ndarray:
    # bfloat16 is of kind V; float32 holds all of its numbers
    return array.astype("float32") if array.dtype.kind == "V" or str(array.dtype) == "bfloat16" else array


def _told(error: Exception) -> str:
    """What went wrong, and at which line of the user's own code."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    what = f"{type(error).__name__}: {lines[0].strip()[:300] if lines else ''}"
    frames = [frame for frame in extract_tb(error.__traceback__) if not _is_package(frame.filename)]
    if not frames:
        return what
    last = frames[-1]
    code = (last.line or linecache.getline(last.filename, last.lineno or 0)).strip()
    return f"{Path(last.filename).name}, line {last.lineno}: `{code[:120]}`: {what}"


def _is_package(file: str) -> bool:
    parts = Path(file).parts
    return "site-packages" in parts or any(package in parts for package in PACKAGES) or file.startswith("<")
