"""Activations, as layers and by name inside other layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from converters.keras.layer import LayerCall
from converters.keras.masks import passes_mask
from converters.keras.rules import rules
from converters.keras.spec import LayerSpec
from porter.graph.model import Value
from porter.graph.ops.activation import (
    Celu,
    Elu,
    Gelu,
    Glu,
    HardShrink,
    LogSoftmax,
    PRelu,
    Relu,
    Softmax,
    SoftShrink,
    Sparsemax,
    SquarePlus,
    Threshold,
)
from porter.graph.ops.elementwise import Binary, Unary, Where
from porter.graph.ops.op import Op
from porter.graph.ops.reduction import Reduce

NAMED: Mapping[str, Op | None] = {
    "celu": Celu(),
    "elu": Elu(),
    "exponential": Unary("exp"),
    "gelu": Gelu(),
    "glu": Glu(),
    "hard_shrink": HardShrink(),
    "hard_sigmoid": Unary("hard_sigmoid"),
    "hard_sigmoid_02": Unary("hard_sigmoid_02"),
    "hard_silu": Unary("hard_silu"),
    "hard_swish": Unary("hard_silu"),
    "hard_tanh": Unary("hard_tanh"),
    "leaky_relu": Relu(negative_slope=0.2),
    "linear": None,
    "log_sigmoid": Unary("log_sigmoid"),
    "log_softmax": LogSoftmax(),
    "mish": Unary("mish"),
    "relu": Relu(),
    "relu6": Relu(max_value=6.0),
    "selu": Unary("selu"),
    "sigmoid": Unary("sigmoid"),
    "silu": Unary("silu"),
    "softmax": Softmax(),
    "softplus": Unary("softplus"),
    "soft_shrink": SoftShrink(),
    "softsign": Unary("softsign"),
    "sparse_plus": Unary("sparse_plus"),
    "sparse_sigmoid": Unary("sparse_sigmoid"),
    "sparsemax": Sparsemax(of_sums=True),
    "squareplus": SquarePlus(),
    "swish": Unary("silu"),
    "tanh": Unary("tanh"),
    "tanh_shrink": Unary("tanh_shrink"),
    "threshold": Threshold(1.0, 0.0),
}
"""Keras's activation functions by name, with their default arguments."""


def activate(layer: LayerCall, value: Value, told: Any) -> Value:
    """`value` after the activation that a config names (None and linear: unchanged)."""
    if isinstance(told, LayerSpec):
        return inner_layer(layer, told, value)
    name = activation_name(layer, told)
    if name not in NAMED:
        raise layer.refuse(
            f"the activation {name!r} is a function of the writer's own",
            "map the layer with --custom FILE.py",
        )
    op = NAMED[name]
    return value if op is None else layer.add(op, value)


def activation_name(layer: LayerCall, told: Any) -> str:
    """The name of an activation as configs spell it: a string, or a serialised function."""
    if told is None:
        return "linear"
    if isinstance(told, Mapping):
        inner = told.get("config")
        if told.get("class_name") == "function" and isinstance(inner, str):
            return inner
        return str(told.get("registered_name") or told.get("class_name"))
    return str(told)


def inner_layer(layer: LayerCall, spec: LayerSpec, value: Value) -> Value:
    """An activation given as a layer (`Dense(4, activation=LeakyReLU())`)."""
    rule = rules.reading.get(spec.class_name)
    if not callable(rule):
        raise layer.refuse(f"its activation {spec.class_name} is not known")
    result = rule(layer.inner(spec, "activation", [value]))
    assert isinstance(result, Value)
    return result


@rules.reads("Activation")
def read_activation(layer: LayerCall) -> Value:
    return activate(layer, layer.value, layer.config["activation"])


@rules.reads("ReLU")
def read_relu(layer: LayerCall) -> Value:
    top = layer.config.get("max_value")
    op = Relu(
        float(layer.config.get("negative_slope") or 0.0),
        None if top is None else float(top),
        float(layer.config.get("threshold") or 0.0),
    )
    return layer.add(op, layer.value)


@rules.reads("LeakyReLU")
def read_leaky_relu(layer: LayerCall) -> Value:
    slope = layer.config.get("negative_slope", layer.config.get("alpha", 0.3))
    return layer.add(Relu(float(slope)), layer.value)


@rules.reads("ThresholdedReLU")
def read_thresholded_relu(layer: LayerCall) -> Value:
    return layer.add(Threshold(float(layer.config.get("theta", 1.0)), 0.0), layer.value)


@rules.reads("ELU")
def read_elu(layer: LayerCall) -> Value:
    return layer.add(Elu(float(layer.config.get("alpha", 1.0))), layer.value)


@rules.reads("Softmax")
def read_softmax(layer: LayerCall) -> Value:
    told = layer.config.get("axis", -1)
    axes = tuple(told) if isinstance(told, Sequence) else (told,)
    value, mask = layer.inputs[0], _softmax_mask(layer)
    if mask is not None:
        low = -3e4 if value.dtype == "float16" else -1e9
        value = layer.add(Where(), mask, value, layer.constant(low, value.dtype))
    if len(axes) == 1:
        result = layer.add(Softmax(int(axes[0])), value)
    else:
        whole = layer.add(Reduce("logsumexp", tuple(int(axis) for axis in axes), keepdims=True), value)
        result = layer.add(Unary("exp"), layer.add(Binary("subtract"), value, whole))
    if mask is not None and layer.context.generation >= 3:
        result = layer.add(Where(), mask, result, layer.constant(0.0, result.dtype))
    return result


def _softmax_mask(layer: LayerCall) -> Value | None:
    """The mask given in the call, or else the one that travels with the input, which must be of its shape."""
    given = layer.kwargs.get("mask", layer.args[1] if len(layer.args) > 1 else None)
    mask = given if isinstance(given, Value) else layer.mask
    return mask if mask is None or mask.dtype == "bool" else layer.cast(mask, "bool")


@rules.reads("PReLU")
def read_prelu(layer: LayerCall) -> Value:
    shared = set(layer.config.get("shared_axes") or ())
    value = layer.value
    shape = tuple(1 if axis in shared else layer.size(axis) for axis in range(1, value.rank))
    return layer.add(PRelu(shape), value, slope=layer.weight("alpha", shape))


passes_mask("Activation", "ReLU", "LeakyReLU", "ThresholdedReLU", "ELU", "Softmax", "PReLU")
