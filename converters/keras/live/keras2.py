"""Calling a live tf.keras 2 model on its symbolic tensors, with an eye on every layer and function it calls.

As in `keras3`; functions of TensorFlow are layers here (TFOpLambda), which tf.keras makes of them on symbolic
tensors. The masks that layers give to their outputs are known to nobody but tf.keras: where one is used it is
recorded as the mask of its tensor.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from converters.keras.live.inputs import Inputs
from converters.keras.live.naming import Names
from converters.keras.live.recorder import Recorder
from converters.keras.live.records import Trace, leaves
from converters.keras.live.stand_ins import StandIns
from converters.keras.rules import rules
from converters.keras.upgrade import CLASS_RENAMES
from porter.errors import UnsupportedModel

MASK = "porter.Mask"


def known(layer: Any) -> bool:
    """Whether a layer is one of tf.keras's own that a rule reads, and so needs no look inside."""
    kind = type(layer)
    name = CLASS_RENAMES.get(kind.__name__, kind.__name__)
    return kind.__module__.split(".")[0] == "tf_keras" and name in rules.reading


def traced(model: Any, inputs: Inputs, batch: int | None) -> Trace:
    """What the model calls; None: for a batch of any size."""
    keras, tf = import_module("tf_keras"), import_module("tensorflow")
    symbolic = import_module("tf_keras.src.engine.keras_tensor").KerasTensor

    def stand_in(variable: Any, layer: Any) -> tuple[Any, str]:
        cast = variable.dtype.is_floating and layer._autocast and layer.compute_dtype
        dtype = str(layer.compute_dtype if cast else variable.dtype.name)
        return symbolic(tf.TensorSpec(variable.shape, dtype)), dtype

    stand_ins = StandIns(model, lambda item: isinstance(item, tf.Variable), stand_in)
    recorder = Recorder(
        model,
        Names(keras.layers.Layer),
        lambda item: isinstance(item, symbolic),
        stand_ins.held,
        lambda item: _plain(tf, item),
    )
    tensors = [symbolic(tf.TensorSpec((batch, *one.sizes), one.dtype)) for one in inputs.entries]
    recorder.inputs(tensors)
    args, kwargs = inputs.pack(tensors)
    with _patched(keras, symbolic, recorder, stand_ins), stand_ins.everywhere():
        outputs = model(*args, **kwargs)
    return recorder.finish(outputs)


def _plain(tf: Any, item: Any) -> Any:
    if isinstance(item, tf.DType):
        return item.name
    if isinstance(item, tf.TensorShape):
        return item.as_list()
    if not tf.is_tensor(item):
        return item
    if not hasattr(item, "numpy"):
        raise UnsupportedModel("the model's code uses a tensor of a TensorFlow graph, which has no numbers")
    return np.asarray(item.numpy())


@contextmanager
def _patched(keras: Any, symbolic: Any, recorder: Recorder, stand_ins: StandIns) -> Iterator[None]:
    """While it lasts, symbolic calls are recorded, and leave no mark on the layers."""
    layer_class = import_module("tf_keras.src.engine.base_layer").Layer
    plain = layer_class._keras_tensor_symbolic_call

    def symbolic_call(self: Any, inputs: Any, input_masks: Any, args: Any, kwargs: Any) -> Any:
        if recorder.asleep:
            return plain(self, inputs, input_masks, args, kwargs)
        if not known(self):
            return recorder.follow(self, lambda: _followed(self, inputs, input_masks, args, kwargs))
        recorder.asleep += 1
        try:
            with stand_ins.not_in(self):
                outputs = plain(self, inputs, input_masks, args, kwargs)
        finally:
            recorder.asleep -= 1
        named = dict(zip(self._call_spec.arg_names[1:], args, strict=False))
        told = [one for one in leaves(outputs) if isinstance(one, symbolic)]
        function = type(self).__name__ in ("TFOpLambda", "SlicingOpLambda")
        name = self.get_config()["function"].split(".")[-1] if function else ""
        name = name or recorder.names.of(self, recorder.parent)
        layer = None if function else self
        recorder.record(_data(keras, self, function), name, (inputs,), {**named, **kwargs}, told, layer)
        for tensor in told:
            mask = getattr(tensor, "_keras_mask", None)
            if mask is not None:
                recorder.record(_mask(), f"{name}_mask", (tensor,), {}, [mask])
        return outputs

    with ExitStack() as undo:
        for owner, name, new in (
            (layer_class, "_keras_tensor_symbolic_call", symbolic_call),
            (layer_class, "_set_connectivity_metadata", lambda self, args, kwargs, outputs: outputs),
            # a Sequential would wire itself anew for inputs of this shape
            (keras.Sequential, "_build_graph_network_for_inferred_shape", lambda self, *_, **__: None),
        ):
            undo.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, new)
        debugging = import_module("tensorflow").debugging
        if debugging.is_traceback_filtering_enabled():
            undo.callback(debugging.enable_traceback_filtering)
            debugging.disable_traceback_filtering()
        yield


def _followed(layer: Any, inputs: Any, input_masks: Any, args: Any, kwargs: Any) -> Any:
    """A layer's own code on symbolic tensors, with what tf.keras does around it."""
    layer._maybe_build(inputs)
    inputs = layer._maybe_cast_inputs(inputs)
    outputs = layer.call(inputs, *args, **kwargs)
    layer._set_mask_metadata(inputs, outputs, input_masks, build_graph=False)
    return outputs


def _mask() -> dict[str, Any]:
    return {"class_name": MASK, "config": {"name": "mask"}}


def _data(keras: Any, layer: Any, function: bool) -> dict[str, Any]:
    """A layer as tf.keras writes it into a file."""
    encode = import_module("tf_keras.src.saving.legacy.saved_model.json_utils").get_json_type
    try:
        config = json.loads(json.dumps(layer.get_config(), default=encode))
    except (NotImplementedError, TypeError, ValueError) as error:
        label = f"{type(layer).__name__} {layer.name!r}"
        raise UnsupportedModel(f"{label} does not say its settings: {error}") from error
    if function:  # numbered through all of a process
        config["name"] = config["function"]
    return {"class_name": type(layer).__name__, "config": config}
