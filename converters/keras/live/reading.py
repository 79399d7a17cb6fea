"""A live model to a source model: its architecture by config or by trace, its weights from its variables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from converters.keras.live import keras2, keras3
from converters.keras.live.inputs import Inputs, inputs_of, zeros
from converters.keras.live.merging import SIZES, merged
from converters.keras.live.nesting import nested
from converters.keras.live.owner import generation_of
from converters.keras.live.records import Trace
from converters.keras.live.running import CANNOT, Running, seen, told
from converters.keras.live.variables import LiveVariables
from converters.keras.models import Reading, read_model
from converters.keras.read import read
from converters.keras.spec import ModelSpec
from converters.keras.upgrade import Writer
from porter.errors import RequestError, UnsupportedModel
from porter.source_model import LiveModel, SourceModel


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
        living = Running(self.model, self.name, self.package, self.generation, inputs)
        self._build(inputs, living)
        spec, live = self._spec(inputs)
        reading = read(spec, generation=self.generation, policy=self.told.dtype)
        variables = LiveVariables(self.model, live, living.numbers)
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
        living.layers = dict(seen(self.model, spec, live))
        return SourceModel(reading.graph, ledger, facts, notices, living)

    def _build(self, inputs: Inputs, living: Running) -> None:
        """Layers make their variables when they are first called."""
        layers = list(self.model._flatten_layers(include_self=True, recursive=True))
        if self.told.example_inputs is not None and not all(layer.built for layer in layers):
            living.called(zeros(inputs), "called on zeros to build it")

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
                f"model {self.name!r}: its code cannot be followed on symbolic tensors: {told(error)}; it "
                "must use layers and keras.ops, and decide nothing by the numbers in tensors"
            ) from error
