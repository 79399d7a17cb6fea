"""The functions of `keras.backend` that compute, as Keras 1 and 2 defined them."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.keras.lambdas.backend_calls import METHODS, Caller, function
from converters.keras.lambdas.terms import NotFollowed
from porter.graph.model import Value
from porter.graph.ops.activation import Elu, Relu, Softmax
from porter.graph.ops.elementwise import Clip, Unary, Where
from porter.graph.ops.op import normal_axis
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Reshape
from porter.graph.regroup import Kept

EPSILON = 1e-7


@function("epsilon")
def epsilon(world: Caller) -> float:
    """Keras's fuzz factor."""
    return EPSILON


@function("floatx")
def floatx(world: Caller) -> str:
    """Keras's default type."""
    return "float32"


@function("clip")
def clip(world: Caller, x: Value, min_value: float | None, max_value: float | None) -> Value:
    """Within bounds."""
    low = None if min_value is None else float(min_value)
    high = None if max_value is None else float(max_value)
    return world.layer.add(Clip(low, high), x)


@function("sqrt")
def sqrt(world: Caller, x: Value) -> Value:
    """Keras takes the root of zero for negative numbers."""
    return world.layer.add(Unary("sqrt"), world.layer.add(Clip(0.0, None), x))


@function("round")
def rounded(world: Caller, x: Value) -> Any:
    """To whole numbers."""
    if world.layer.context.conventions.turned:
        raise NotFollowed("how Theano rounded halves is not known here")
    return world.operation("Round", x)


@function("identity", "update")
def identity(world: Caller, x: Any) -> Any:
    """Itself."""
    return x


def typed_constant(world: Caller, value: Any, dtype: str | None = None) -> Value:
    """Numbers as a tensor, whole ones as such unless another type is told."""
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "bif":
        raise NotFollowed("it makes a tensor of something other than numbers")
    usual = {"b": "bool", "i": "int32", "f": "float32"}[numbers.dtype.kind]
    return world.layer.constant(numbers, dtype or usual)


@function("constant", "variable")
def constant(
    world: Caller, value: Any, dtype: str | None = None, shape: Any = None, name: Any = None
) -> Value:
    """Numbers as a tensor of Keras's own type; one number may fill a shape."""
    made = typed_constant(world, value, dtype or "float32")
    if shape is None:
        return made
    filled = np.broadcast_to(np.asarray(value), tuple(shape))
    return typed_constant(world, filled.tolist(), dtype or "float32")


@function("arange")
def arange(world: Caller, start: int, stop: int | None = None, step: int = 1, dtype: str = "int32") -> Value:
    """Numbers in a row."""
    if not all(isinstance(item, (int, float, type(None))) for item in (start, stop, step)):
        raise NotFollowed("a range whose ends are known only when running")
    ends = (0, start) if stop is None else (start, stop)
    return typed_constant(world, np.arange(*ends, step).tolist(), dtype)


@function("random_normal", "random_normal_variable", "random_uniform", "random_binomial", "dropout")
def random(world: Caller, *arguments: Any, **named: Any) -> Value:
    """Nothing that another program could repeat."""
    raise NotFollowed("it draws new numbers in inference too; a port cannot repeat them")


@function("bias_add")
def bias_add(world: Caller, x: Value, bias: Value, data_format: str | None = None) -> Any:
    """A number for each channel, added; channels last unless it says otherwise."""
    told = data_format or world.layer.context.conventions.data_format
    if x.rank > 2 and told != "channels_last":
        raise NotFollowed("bias_add is followed with channels last only")
    return world.operation("Add", x, bias)


@function("relu")
def relu(
    world: Caller, x: Value, alpha: Any = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Value:
    """Rectified; the slope must be a plain number."""
    if not isinstance(alpha, (int, float)):
        raise NotFollowed("a slope that the model computes is not carried")
    return world.layer.add(
        Relu(float(alpha), None if max_value is None else float(max_value), float(threshold)), x
    )


@function("elu")
def elu(world: Caller, x: Value, alpha: float = 1.0) -> Value:
    """Exponential below zero."""
    return world.layer.add(Elu(float(alpha)), x)


@function("hard_sigmoid")
def hard_sigmoid(world: Caller, x: Value) -> Value:
    """By Keras's own straight line."""
    newer = world.layer.context.generation >= 3
    return world.layer.add(Unary("hard_sigmoid" if newer else "hard_sigmoid_02"), x)


@function("softmax")
def softmax(world: Caller, x: Value, axis: int = -1) -> Value:
    """Shares of one."""
    return world.layer.add(Softmax(axis), x)


@function("l2_normalize")
def l2_normalize(world: Caller, x: Value, axis: int | None = None) -> Any:
    """Of length one; Theano did not look out for zeros before Keras 2."""
    axes = tuple(range(x.rank)) if axis is None else (normal_axis(axis, x.rank),)
    squares = world.layer.add(Reduce("sum", axes, True), world.operation("Square", x))
    bounded = world.layer.context.conventions
    if bounded.turned and world.layer.context.generation < 2:
        return world.operation("TrueDivide", x, world.layer.add(Unary("sqrt"), squares))
    floor = EPSILON if bounded.turned else 1e-12
    return world.operation(
        "Multiply", x, world.operation("Rsqrt", world.layer.add(Clip(floor, None), squares))
    )


@function("ones_like")
def ones_like(world: Caller, x: Value, **more: Any) -> Any:
    """Ones."""
    return world.operation("OnesLike", x)


@function("zeros_like")
def zeros_like(world: Caller, x: Value, **more: Any) -> Any:
    """Zeros."""
    return world.operation("ZerosLike", x)


@function("dot")
def dot(world: Caller, x: Value, y: Value) -> Any:
    """The matrix product."""
    return world.operation("Dot", x, y)


@function("batch_dot")
def batch_dot(world: Caller, x: Value, y: Value, axes: Any = None) -> Any:
    """A product for each example."""
    told = [x.rank - 1, y.rank - 2] if axes is None else axes
    return world.layer_rule("Dot", {"axes": told}, x, y)


@function("gather")
def gather(world: Caller, reference: Value, indices: Value) -> Any:
    """Rows by their numbers."""
    return world.operation("Take", reference, indices, axis=0)


@function("one_hot")
def one_hot(
    world: Caller, indices: Value, num_classes: int | None = None, nb_classes: int | None = None
) -> Any:
    """A one in a row of zeros."""
    return world.operation("OneHot", indices, num_classes=num_classes if nb_classes is None else nb_classes)


@function("switch")
def switch(world: Caller, condition: Value, then_expression: Any, else_expression: Any) -> Any:
    """Cell by cell the one or the other."""
    then_expression, else_expression = (
        item() if callable(item) else item for item in (then_expression, else_expression)
    )
    tensors = [item for item in (then_expression, else_expression) if isinstance(item, Value)]
    rank = max(item.rank for item in tensors)
    layer = world.layer
    if 0 < condition.rank < rank:
        ones = (1,) * (rank - condition.rank)
        condition = layer.add(Reshape((*(Kept(axis) for axis in range(condition.rank)), *ones)), condition)
    like = tensors[0].dtype
    sides = [
        item if isinstance(item, Value) else layer.constant(item, like)
        for item in (then_expression, else_expression)
    ]
    return layer.add(Where(), layer.cast(condition, "bool"), *sides)


@function("in_train_phase")
def in_train_phase(world: Caller, x: Any, alt: Any, **more: Any) -> Any:
    """Inference takes the second; what training did is lost, and said."""
    world.layer.context.notices.append(
        f"{'/'.join(world.layer.path)} (Lambda) computes something else while Keras trains; "
        "here it is as in inference"
    )
    return alt() if callable(alt) else alt


@function("in_test_phase")
def in_test_phase(world: Caller, x: Any, alt: Any, **more: Any) -> Any:
    """Inference takes the first."""
    return in_train_phase(world, alt, x)


METHODS.update(clip=clip, dot=dot)
