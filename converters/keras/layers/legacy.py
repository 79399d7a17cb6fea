"""Layers that Keras 0 and 1 had and later versions dropped, composed with the formulas of their day."""

from __future__ import annotations

from collections.abc import Sequence

from converters.keras.layer import LayerCall
from converters.keras.layers.activation import activate
from converters.keras.masks import passes_mask
from converters.keras.rules import rules
from porter.graph.model import Param, Value
from porter.graph.ops.batch_statistics import BatchStatisticsNorm
from porter.graph.ops.elementwise import Binary, Clip, Unary, Where
from porter.graph.ops.linear import Einsum, Linear
from porter.graph.ops.op import normal_axis
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Reshape
from porter.graph.ops.sources import Constant
from porter.graph.regroup import Kept

EPSILON = 1e-7
"""Keras's `K.epsilon()`."""


def unary(layer: LayerCall, function: str, value: Value) -> Value:
    """One elementwise function."""
    return layer.add(Unary(function), value)


def binary(layer: LayerCall, function: str, left: Value, right: Value | float) -> Value:
    """One elementwise function of two values, or of a value and a number."""
    other = right if isinstance(right, Value) else layer.constant(right, left.dtype)
    return layer.add(Binary(function), left, other)


def parameter(layer: LayerCall, name: str, shape: Sequence[int]) -> Value:
    """A variable as a value of its own, under its name."""
    sizes = tuple(int(size) for size in shape)
    with layer.part(name):
        return layer.add(Constant(sizes, layer.value.dtype), value=layer.weight(name, sizes))


@rules.reads("Highway")
def read_highway(layer: LayerCall) -> Value:
    """A dense layer and its input, mixed by a gate that another dense layer opens."""
    units, value = layer.size(-1), layer.value
    with layer.part("carry"):
        opened = layer.add(Linear(units, units), value, **_dense(layer, units, "carry_kernel", "carry_bias"))
        gate = unary(layer, "sigmoid", opened)
    with layer.part("transform"):
        new = layer.add(Linear(units, units), value, **_dense(layer, units, "kernel", "bias"))
        new = activate(layer, new, layer.config.get("activation"))
    kept = binary(layer, "multiply", binary(layer, "subtract", layer.constant(1.0, gate.dtype), gate), value)
    return binary(layer, "add", binary(layer, "multiply", new, gate), kept)


def _dense(layer: LayerCall, units: int, kernel: str, bias: str) -> dict[str, Param]:
    params = {"weight": layer.weight(kernel, (units, units), "i o -> o i")}
    if layer.config.get("use_bias", True):
        params["bias"] = layer.weight(bias, (units,))
    return params


@rules.reads("MaxoutDense")
def read_maxout_dense(layer: LayerCall) -> Value:
    """The largest of several dense layers, unit by unit."""
    inputs, units, pieces = layer.size(-1), int(layer.config["units"]), int(layer.config.get("nb_feature", 4))
    params = {"weight": layer.weight("kernel", (pieces, inputs, units), "k i o -> (k o) i")}
    if layer.config.get("use_bias", True):
        params["bias"] = layer.weight("bias", (pieces, units), "k o -> (k o)")
    flat = layer.add(Linear(inputs, pieces * units), layer.value, **params)
    return layer.add(Reduce("max", (1,)), layer.add(Reshape((Kept(0), pieces, units)), flat))


@rules.reads("ParametricSoftplus")
def read_parametric_softplus(layer: LayerCall) -> Value:
    shape = own_shape(layer)
    alpha, beta = (parameter(layer, name, shape) for name in ("alpha", "beta"))
    return binary(
        layer, "multiply", unary(layer, "softplus", binary(layer, "multiply", beta, layer.value)), alpha
    )


def own_shape(layer: LayerCall) -> tuple[int, ...]:
    """The shape of a variable with a number for each place, but one for all along shared axes."""
    shared = set(layer.config.get("shared_axes") or ())
    return tuple(1 if axis in shared else layer.size(axis) for axis in range(1, layer.value.rank))


@rules.reads("SReLU")
def read_srelu(layer: LayerCall) -> Value:
    """Three straight lines: below `t_left`, up to `t_left + |t_right|`, and above."""
    shape, value = own_shape(layer), layer.value
    t_left, a_left, t_right, a_right = (
        parameter(layer, name, shape) for name in ("t_left", "a_left", "t_right", "a_right")
    )
    width = unary(layer, "abs", t_right)
    right_end = binary(layer, "add", t_left, width)
    below = binary(layer, "subtract", value, t_left)
    low = binary(layer, "multiply", a_left, layer.add(Clip(None, 0.0), below))
    if layer.context.conventions.caps_negative:
        middle = binary(layer, "minimum", binary(layer, "add", layer.add(Clip(0.0, None), below), low), width)
    else:
        middle = binary(layer, "add", binary(layer, "minimum", layer.add(Clip(0.0, None), below), width), low)
    above = layer.add(Clip(0.0, None), binary(layer, "subtract", value, right_end))
    return binary(
        layer, "add", binary(layer, "add", t_left, middle), binary(layer, "multiply", above, a_right)
    )


@rules.reads("ThresholdedLinear")
def read_thresholded_linear(layer: LayerCall) -> Value:
    """Zero where the number is small."""
    value, theta = layer.value, float(layer.config.get("theta", 1.0))
    small = binary(layer, "less", unary(layer, "abs", value), theta)
    return layer.add(Where(), small, layer.constant(0.0, value.dtype), value)


@rules.reads("TimeDistributedMerge")
def read_time_distributed_merge(layer: LayerCall) -> Value:
    """All steps of a sequence merged into one."""
    functions = {"sum": "sum", "ave": "mean", "mul": "prod"}
    mode = str(layer.config.get("mode", "sum"))
    if mode not in functions:
        raise layer.refuse(f"mode {mode!r} is not known")
    return layer.add(Reduce(functions[mode], (1,)), layer.value)


@rules.reads("CosineMerge")
def read_cosine_merge(layer: LayerCall) -> Value:
    """The cosine between two vectors, in a matrix of one cell."""
    if len(layer.inputs) != 2 or any(value.rank != 2 for value in layer.inputs):
        raise layer.refuse("two vectors are expected")
    one, other = layer.inputs

    def product(a: Value, b: Value) -> Value:
        return layer.add(Einsum("na,na->n"), a, b)

    lengths = unary(layer, "sqrt", binary(layer, "multiply", product(one, one), product(other, other)))
    cosine = binary(layer, "divide", product(one, other), layer.add(Clip(EPSILON, None), lengths))
    return layer.add(Reshape((Kept(0), 1, 1)), cosine)


@rules.reads("BatchNormalizationMode1")
def read_vector_norm(layer: LayerCall) -> Value:
    """Each vector by its own mean and deviation, with epsilon added to the deviation."""
    value, epsilon = layer.value, float(layer.config["epsilon"])
    features = layer.size(-1)
    mean = layer.add(Reduce("mean", (-1,), True), value)
    spread = layer.add(Reduce("var", (-1,), True), value)
    if layer.context.conventions.steadied_twice:
        spread = binary(layer, "add", spread, epsilon)
    below = binary(layer, "add", unary(layer, "sqrt", spread), epsilon)
    result = binary(layer, "divide", binary(layer, "subtract", value, mean), below)
    gamma, beta = (parameter(layer, name, (features,)) for name in ("gamma", "beta"))
    return binary(layer, "add", binary(layer, "multiply", result, gamma), beta)


@rules.reads("BatchNormalizationMode2")
def read_batch_statistics_norm(layer: LayerCall) -> Value:
    """By the statistics of the batch it is given, when it is used as well as in training."""
    axis = normal_axis(int(layer.config.get("axis", -1)), layer.value.rank)
    features, epsilon = layer.size(axis), float(layer.config["epsilon"])
    layer.context.notices.append(
        f"{'/'.join(layer.path)} normalises by the statistics of each batch (mode=2): what it gives for one "
        "example depends on the others it comes with, as it did in Keras"
    )
    if layer.context.conventions.batch_norm == "inside":
        params = {"scale": layer.weight("gamma", (features,)), "shift": layer.weight("beta", (features,))}
        return layer.add(BatchStatisticsNorm(features, epsilon, axis=axis), layer.value, **params)
    return _over_deviation(layer, axis, epsilon)


def _over_deviation(layer: LayerCall, axis: int, epsilon: float) -> Value:
    """The same with epsilon added to the deviation and, in the first versions, to the variance as well."""
    value = layer.value
    others = tuple(place for place in range(value.rank) if place != axis)
    centred = binary(layer, "subtract", value, layer.add(Reduce("mean", others, True), value))
    spread = layer.add(Reduce("var", others, True), value)
    if layer.context.conventions.batch_norm == "deviation":
        spread = binary(layer, "add", spread, epsilon)
    deviation = unary(layer, "sqrt", spread)
    result = binary(layer, "divide", centred, binary(layer, "add", deviation, epsilon))
    gamma, beta = (_spread(layer, name, axis) for name in ("gamma", "beta"))
    return binary(layer, "add", binary(layer, "multiply", result, gamma), beta)


def _spread(layer: LayerCall, name: str, axis: int) -> Value:
    """A variable along one axis, with axes of size 1 for the others."""
    features, rank = layer.size(axis), layer.value.rank
    spread = " ".join("c" if place == axis else "1" for place in range(rank))
    shape = tuple(features if place == axis else 1 for place in range(rank))
    with layer.part(name):
        return layer.add(
            Constant(shape, layer.value.dtype), value=layer.weight(name, (features,), f"c -> {spread}")
        )


passes_mask("Highway", "MaxoutDense", "ParametricSoftplus", "SReLU", "ThresholdedLinear")
