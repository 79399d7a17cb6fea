"""Calling a live Keras 3 model on its symbolic tensors, with an eye on every layer and function it calls.

Known layers and functions of `keras.ops` are recorded. The code of anything else (subclassed layers and
models, layers of other packages) is run on the symbolic tensors themselves, to see what it calls. While that
happens the variables of all layers are symbolic too, so that what a model computes from them is seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from importlib import import_module
from typing import Any

import numpy as np

from converters.keras.bind_objects import snake
from converters.keras.live.inputs import Inputs
from converters.keras.live.naming import HIDDEN, Names
from converters.keras.live.recorder import Recorder
from converters.keras.live.records import Held, Trace, leaves
from converters.keras.rules import rules
from porter.errors import UnsupportedModel


def known(layer: Any) -> bool:
    """Whether a layer is one of Keras's own that a rule reads, and so needs no look inside."""
    kind = type(layer)
    return kind.__module__.split(".")[0] == "keras" and kind.__name__ in rules.reading


def traced(model: Any, inputs: Inputs, batch: int) -> Trace:
    """What the model calls for a batch of this size."""
    keras = import_module("keras")
    stand_ins = StandIns(keras, model)
    recorder = Recorder(
        model,
        Names(keras.layers.Layer),
        lambda item: isinstance(item, keras.KerasTensor),
        stand_ins.held,
        _numbers(keras),
    )
    tensors = [
        keras.KerasTensor((batch, *one.sizes), one.dtype, name=f"{one.name}_of_trace")
        for one in inputs.entries
    ]
    recorder.inputs(tensors)
    args, kwargs = inputs.pack(tensors)
    with _patched(keras, recorder, stand_ins), stand_ins.everywhere():
        outputs = model(*args, **kwargs)
    return recorder.finish(outputs)


def _numbers(keras: Any) -> Callable[[Any], np.ndarray | None]:
    def numbers(item: Any) -> np.ndarray | None:
        if isinstance(item, np.ndarray):
            return item
        if not keras.ops.is_tensor(item):
            return None
        try:
            return np.asarray(keras.ops.convert_to_numpy(item))
        except (TypeError, ValueError, NotImplementedError, RuntimeError) as error:
            raise UnsupportedModel(
                "the model's code mixes its framework's own symbolic tensors with Keras's; write it with "
                "keras.ops alone"
            ) from error

    return numbers


class StandIns:
    """Symbolic tensors in the place of the variables that layers hold as attributes."""

    def __init__(self, keras: Any, model: Any) -> None:
        self.keras, self.name = keras, model.name
        self.layers = list(model._flatten_layers(include_self=True, recursive=True))
        self._made: dict[int, Any] = {}
        self._held: dict[int, Held] = {}

    def held(self, item: Any) -> Held | None:
        """What a stand-in, or a variable itself, stands for."""
        if isinstance(item, self.keras.Variable):
            return self._entry(item, item.name, None, item.dtype)
        return self._held.get(id(item))

    @staticmethod
    def _entry(variable: Any, name: str, owner: Any, dtype: str) -> Held:
        shape = tuple(int(size) for size in variable.shape)
        return Held(variable, name, dtype, shape, bool(variable.trainable), owner)

    def _stand_in(self, variable: Any, name: str, layer: Any) -> Any:
        if id(variable) not in self._made:
            float_ = self.keras.backend.is_float_dtype(variable.dtype)
            dtype = layer.compute_dtype if float_ and layer.autocast else variable.dtype
            tensor = _variable_tensor(self.keras, self.name, variable, dtype)
            self._made[id(variable)] = tensor
            self._held[id(tensor)] = self._entry(variable, name, layer, dtype)
        return self._made[id(variable)]

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """In all layers of the model."""
        with self._in(self.layers, self._replaced):
            yield

    @contextmanager
    def not_in(self, layer: Any) -> Iterator[None]:
        """In all layers but one and those that it holds."""
        own = list(layer._flatten_layers(include_self=True, recursive=True))
        with self._in(own, self._restored):
            yield

    @contextmanager
    def _in(self, layers: Sequence[Any], change: Callable[[Any, str, Any], Any]) -> Iterator[None]:
        before: list[tuple[dict[str, Any], str, Any]] = []
        try:
            for layer in layers:
                held = vars(layer)
                for name, value in list(held.items()):
                    new = change(layer, name, value)
                    if new is not value:
                        before.append((held, name, value))
                        held[name] = new
            yield
        finally:
            for held, name, value in before:
                held[name] = value

    def _replaced(self, layer: Any, name: str, value: Any) -> Any:
        if HIDDEN.fullmatch(name):
            return value
        plain = name.lstrip("_")
        if isinstance(value, self.keras.Variable):
            return self._stand_in(value, plain, layer)
        if isinstance(value, (list, tuple)) and any(isinstance(one, self.keras.Variable) for one in value):
            parts = [self._replaced(layer, f"{plain}_{place}", one) for place, one in enumerate(value)]
            return tuple(parts) if isinstance(value, tuple) else parts
        if isinstance(value, dict) and any(isinstance(one, self.keras.Variable) for one in value.values()):
            return {key: self._replaced(layer, f"{plain}_{key}", one) for key, one in value.items()}
        return value

    def _restored(self, layer: Any, name: str, value: Any) -> Any:
        if id(value) in self._held:
            return self._held[id(value)].variable
        if type(value) in (list, tuple) and any(id(one) in self._held for one in value):
            return type(value)(self._restored(layer, name, one) for one in value)
        if type(value) is dict and any(id(one) in self._held for one in value.values()):
            return {key: self._restored(layer, name, one) for key, one in value.items()}
        return value


def _variable_tensor(keras: Any, model: str, variable: Any, dtype: str) -> Any:
    """A symbolic tensor that says of itself what a variable says, and refuses to be assigned."""

    class VariableTensor(keras.KerasTensor):  # type: ignore[misc]
        @property
        def value(self) -> Any:
            return self

        def assign(self, *_: Any, **__: Any) -> None:
            raise UnsupportedModel(
                f"model {model!r}: variable {variable.path!r} is assigned to while the model runs; state that "
                "inference changes is not carried"
            )

        assign_add = assign_sub = assign

    made = VariableTensor(tuple(variable.shape), dtype, name=variable.name)
    made.trainable, made.path = variable.trainable, variable.path
    return made


@contextmanager
def _patched(keras: Any, recorder: Recorder, stand_ins: StandIns) -> Iterator[None]:
    """While it lasts, symbolic calls are recorded, and leave no mark on the layers."""
    operation = import_module("keras.src.ops.operation")
    layer = import_module("keras.src.layers.layer")

    def symbolic_call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if recorder.asleep:
            return self.compute_output_spec(*args, **kwargs)
        is_layer = isinstance(self, keras.layers.Layer)
        if is_layer and not known(self):
            return recorder.follow(self, lambda: self.call(*args, **kwargs))
        recorder.asleep += 1
        try:
            with stand_ins.not_in(self) if is_layer else nullcontext():
                outputs = _outputs(self, args, kwargs, is_layer)
        finally:
            recorder.asleep -= 1
        name = recorder.names.of(self, recorder.parent) if is_layer else ""
        told = [one for one in leaves(outputs) if isinstance(one, keras.KerasTensor)]
        recorder.record(_data(keras, self), name, args, kwargs, told, self if is_layer else None)
        return outputs

    with ExitStack() as undo:
        for owner in (operation.Operation, layer.Layer):
            if "symbolic_call" in vars(owner):
                undo.callback(setattr, owner, "symbolic_call", owner.symbolic_call)
                owner.symbolic_call = symbolic_call
        if hasattr(layer, "Node"):
            undo.callback(setattr, layer, "Node", getattr(layer, "Node"))  # noqa: B009
            vars(layer)["Node"] = lambda **_: None
        if keras.config.is_traceback_filtering_enabled():
            undo.callback(keras.config.enable_traceback_filtering)
            keras.config.disable_traceback_filtering()  # it rewrites errors on their way
        yield


def _outputs(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], is_layer: bool) -> Any:
    """The symbolic outputs of one call. Some functions know fewer shapes than they can compute (`x[:3]`)."""
    try:
        return operation.compute_output_spec(*args, **kwargs)
    except ValueError:
        if is_layer:
            raise
        return import_module("keras.src.backend").compute_output_spec(operation.call, *args, **kwargs)


def _data(keras: Any, operation: Any) -> dict[str, Any]:
    """A layer or function as Keras writes it into a file."""
    label = f"{type(operation).__name__} {operation.name!r}"
    try:
        told = keras.saving.serialize_keras_object(operation)
        found: dict[str, Any] = json.loads(json.dumps(told))
    except (NotImplementedError, TypeError, ValueError) as error:
        raise UnsupportedModel(f"{label} does not say its settings: {error}") from error
    if not isinstance(operation, keras.layers.Layer):  # numbered through all of a process
        found["config"] = {**found.get("config", {}), "name": snake(type(operation).__name__)}
    return found
