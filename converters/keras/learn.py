"""What a Keras model would learn from a loss: its gradients, and one step of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from porter.workers.job import Learned

Array = np.ndarray

RATES = ("rate", "dropout", "recurrent_dropout", "_dropout")


Called = Callable[[Any, Sequence[Any], bool], Any]
"""Calls a model on tensors for its inputs, in training or not."""


def plainly(model: Any, given: Sequence[Any], training: bool) -> Any:
    """Several inputs as a list."""
    return model(given if len(given) > 1 else given[0], training=training)


def learn(model: Any, given: Sequence[Any], loss: Sequence[Array], called: Called = plainly) -> Learned:
    """The gradients in inference mode, and what one step of plain descent in training mode changes."""
    import tensorflow as tf

    names = _names(model.variables)
    real = [x for x in given if x.dtype.is_floating]
    with tf.GradientTape(persistent=True) as tape:
        for x in real:
            tape.watch(x)
        value = _loss(called(model, given, False), loss)
    found = dict(zip(_ids(real), tape.gradient(value, real), strict=True)) if real else {}
    inputs = tuple(None if id(x) not in found else _plain(found[id(x)], x) for x in given)
    trained = list(model.trainable_variables)
    gradients = {
        names[id(variable)]: _plain(gradient, variable)
        for variable, gradient in zip(trained, _gradients(tape, value, trained), strict=True)
    }
    values = {names[id(variable)]: variable.numpy().copy() for variable in model.variables}
    step = _step(model, given, loss, trained, called)
    return Learned(inputs, gradients, {names[key]: array for key, array in step.items()}, values)


def _step(
    model: Any, given: Sequence[Any], loss: Sequence[Array], trained: Sequence[Any], called: Called
) -> dict[int, Array]:
    import tensorflow as tf

    before = {id(variable): variable.numpy().copy() for variable in model.variables}
    with _without_chance(model), tf.GradientTape() as tape:
        value = _loss(called(model, given, True), loss)
    for variable, gradient in zip(trained, _gradients(tape, value, trained), strict=True):
        if gradient is not None:
            variable.assign_sub(tf.cast(tf.convert_to_tensor(gradient), variable.dtype))
    changed = {}
    for variable in model.variables:
        old = before[id(variable)]
        if old.dtype.kind == "f":
            changed[id(variable)] = variable.numpy().astype("float64") - old.astype("float64")
    for variable in model.variables:
        variable.assign(before[id(variable)])
    return changed


@contextmanager
def _without_chance(model: Any) -> Iterator[None]:
    """What drops numbers drops none while this lasts."""
    rates = [
        (layer, name, getattr(layer, name))
        for layer in _layers(model)
        for name in RATES
        if isinstance(getattr(layer, name, None), float)
        and not isinstance(getattr(type(layer), name, None), property)  # which shows another of them
    ]
    for layer, name, _ in rates:
        setattr(layer, name, 0.0)
    try:
        yield
    finally:
        for layer, name, rate in rates:
            setattr(layer, name, rate)


def _loss(result: Any, loss: Sequence[Array]) -> Any:
    import tensorflow as tf

    outputs = list(result.values()) if isinstance(result, dict) else result
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    return tf.add_n(
        [
            tf.reduce_mean(tf.cast(y, "float64") * tf.constant(c, "float64"))
            for y, c in zip(outputs, loss, strict=True)
            if y.dtype.is_floating
        ]
    )


def _gradients(tape: Any, value: Any, variables: Sequence[Any]) -> list[Any]:
    """TensorFlow knows a variable of Keras 3 by what it holds, and one of Keras 2 as it is."""
    held = [variable if callable(variable.value) else variable.value for variable in variables]
    return list(tape.gradient(value, held))


def _names(variables: Sequence[Any]) -> dict[int, str]:
    """A name for each variable: its path, with a number where two share one."""
    names: dict[int, str] = {}
    for variable in variables:
        name = str(getattr(variable, "path", variable.name))
        taken = sum(other.partition("#")[0] == name for other in names.values())
        names[id(variable)] = f"{name}#{taken}" if taken else name
    return names


def _layers(model: Any) -> Iterator[Any]:
    for layer in model._flatten_layers():
        yield layer
        if getattr(layer, "cell", None) is not None:
            yield layer.cell


def _ids(tensors: Sequence[Any]) -> list[int]:
    return [id(tensor) for tensor in tensors]


def _plain(gradient: Any, like: Any) -> Array:
    import tensorflow as tf

    if gradient is None:
        return np.zeros(tuple(like.shape))
    found: Array = np.asarray(tf.convert_to_tensor(gradient)).astype("float64")
    return found
