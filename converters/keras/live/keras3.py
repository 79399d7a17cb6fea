"""Calling a live Keras 3 model on its symbolic tensors, with an eye on every layer and function it calls.

Known layers and functions of `keras.ops` are recorded. The code of anything else (subclassed layers and
models, layers of other packages) is run on the symbolic tensors themselves, to see what it calls. While that
happens the variables of all layers are symbolic too, so that what a model computes from them is seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from importlib import import_module
from typing import Any

import numpy as np

from converters.keras.bind_objects import snake
from converters.keras.live.inputs import Inputs
from converters.keras.live.naming import Names
from converters.keras.live.recorder import Recorder
from converters.keras.live.records import Trace, changed, leaves
from converters.keras.live.stand_ins import StandIns
from converters.keras.rules import rules
from porter.errors import UnsupportedModel


def known(layer: Any) -> bool:
    """Whether a layer is one of Keras's own that a rule reads, and so needs no look inside."""
    kind = type(layer)
    return kind.__module__.split(".")[0] == "keras" and kind.__name__ in rules.reading


def traced(model: Any, inputs: Inputs, batch: int) -> Trace:
    """What the model calls for a batch of this size."""
    keras = import_module("keras")
    stand_ins = StandIns(
        model,
        lambda item: isinstance(item, keras.Variable),
        lambda variable, layer: _variable_tensor(keras, model.name, variable, layer),
    )
    recorder = Recorder(
        model,
        Names(keras.layers.Layer),
        lambda item: isinstance(item, keras.KerasTensor),
        stand_ins.held,
        _plain(keras),
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


def _plain(keras: Any) -> Callable[[Any], Any]:
    def plain(item: Any) -> Any:
        if not keras.ops.is_tensor(item):
            return item
        try:
            return np.asarray(keras.ops.convert_to_numpy(item))
        except (TypeError, ValueError, NotImplementedError, RuntimeError) as error:
            raise UnsupportedModel(
                "the model's code mixes its framework's own symbolic tensors with Keras's; write it with "
                "keras.ops alone"
            ) from error

    return plain


def _variable_tensor(keras: Any, model: str, variable: Any, layer: Any) -> tuple[Any, str]:
    """A symbolic tensor that says what a variable says, and refuses to be assigned; and its type."""
    float_ = keras.backend.is_float_dtype(variable.dtype)
    dtype = str(layer.compute_dtype if float_ and layer.autocast else variable.dtype)

    class VariableTensor(keras.KerasTensor):  # type: ignore[misc]
        @property
        def value(self) -> Any:
            return self

        def assign(self, *_: Any, **__: Any) -> None:
            raise UnsupportedModel(
                f"model {model!r}: variable {variable.path!r} is assigned to while the model runs; state "
                "that inference changes is not carried"
            )

        assign_add = assign_sub = assign

    made = VariableTensor(tuple(variable.shape), dtype, name=variable.name)
    made.trainable, made.path = variable.trainable, variable.path
    return made, dtype


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
                outputs = _outputs(keras, self, args, kwargs, is_layer)
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


def _outputs(
    keras: Any, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], is_layer: bool
) -> Any:
    """The symbolic outputs of one call. Some functions know fewer shapes than they can compute (`x[:3]`)."""
    try:
        return operation.compute_output_spec(*args, **kwargs)
    except ValueError:
        if is_layer:
            raise
    nest = (args, kwargs)
    tensors = [leaf for leaf in leaves(nest) if isinstance(leaf, keras.KerasTensor)]

    def call(*given: Any) -> Any:
        new = dict(zip(map(id, tensors), given, strict=True))
        filled, named = changed(nest, lambda leaf: new.get(id(leaf), leaf))
        return operation.call(*filled, **named)

    return import_module("keras.src.backend").compute_output_spec(call, *tensors)


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
