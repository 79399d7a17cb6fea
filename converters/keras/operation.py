"""What the rules of `keras.ops` and of TensorFlow's functions work with: operands of any kind as values.

A rule is a function of the operands and settings under the names that Keras gives them; a file's node is
bound to it as Python would bind a call, so that a setting the rule does not know is refused by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from converters.keras.dtypes import compute_dtype, is_float
from converters.keras.layer import LayerCall
from converters.keras.promotion import known, result_type
from converters.keras.rules import rules
from converters.keras.spec import LayerSpec
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Unary
from porter.graph.ops.op import normal_axis

R = TypeVar("R", bound=Callable[..., Any])

EPSILON = 1e-7
"""Keras's own small number, where a function is told none."""

NODE_CLASSES = frozenset({"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"})
"""tf.keras 2's layers that stand for one call of a TensorFlow function."""


def is_operation(spec: LayerSpec) -> bool:
    """Whether a node is a function and no layer (they share names: Add, Reshape, ...)."""
    return is_keras_operation(spec) or spec.class_name in NODE_CLASSES


def is_keras_operation(spec: LayerSpec) -> bool:
    """Whether a node is a function of Keras 3's `keras.ops` (or an activation that is one)."""
    parts = (spec.module or "").split(".")
    return parts[0] in ("keras", "keras_core") and ("ops" in parts or "activations" in parts)


class OpCall(LayerCall):
    """One call of a function."""

    def kind(self, item: Any) -> str:
        """The element type of an operand; plain Python numbers are weak."""
        if isinstance(item, Value):
            return item.dtype
        if isinstance(item, (bool, np.bool_)):
            return "bool"
        if isinstance(item, int):
            return "int"
        return "float" if isinstance(item, float) else self.strong(item)

    def strong(self, item: Any) -> str:
        """The element type that an operand has once it is a tensor."""
        if isinstance(item, Value):
            return item.dtype
        if isinstance(item, (np.ndarray, np.generic)):
            return self._own(str(item.dtype))
        numbers = self.numbers(item)
        return {"i": "int32", "u": "int32", "b": "bool"}.get(numbers.dtype.kind, self._own("float32"))

    def _own(self, dtype: str) -> str:
        return compute_dtype(dtype, self.context.policy) if dtype == "float32" else dtype

    def numbers(self, item: Any) -> np.ndarray:
        """An operand that must be known when converting."""
        if isinstance(item, Value):
            found = self.builder.known(item)
            if found is None:
                raise self.refuse("an argument that must be a constant is computed by the model")
            return found
        try:
            numbers = np.asarray(item)
        except ValueError:
            numbers = np.asarray(None)
        if numbers.dtype.kind not in "biuf" and not known(str(numbers.dtype)):
            raise self.refuse(f"an operand is neither a tensor nor numbers: {item!r:.80}")
        return numbers

    def operand(self, item: Any, dtype: str | None = None) -> Value:
        """An operand as a value, in another type if asked."""
        wanted = dtype or self.strong(item)
        if isinstance(item, (list, tuple)) and any(isinstance(part, Value) for part in item):
            raise self.refuse("a list that mixes tensors and numbers is not carried as one tensor")
        return (
            self.cast(item, wanted) if isinstance(item, Value) else self.constant(self.numbers(item), wanted)
        )

    def promoted(self, *items: Any, also: Sequence[str] = (), strong: bool = False) -> tuple[Value, ...]:
        """Operands in their common type; `also` takes part in the choice."""
        kinds = [self.strong(item) if strong else self.kind(item) for item in items]
        for kind in kinds:
            if not known(kind):
                raise self.refuse(f"numbers of type {kind} are not carried")
        dtype = result_type(*kinds, *also)
        return tuple(self.operand(item, dtype) for item in items)

    def floating(self, item: Any) -> Value:
        """An operand as real numbers: whole ones become the default float."""
        value = self.operand(item)
        return value if is_float(value.dtype) else self.cast(value, self._own("float32"))

    def cast(self, value: Value, dtype: str) -> Value:
        """A value in another type; what is known is cast while converting."""
        known = self.builder.known(value)
        if known is None or value.dtype == dtype:
            return super().cast(value, dtype)
        return self.constant(known, dtype)

    def unary(self, function: str, x: Value) -> Value:
        """One elementwise function."""
        return self.add(Unary(function), x)

    def binary(self, function: str, left: Value, right: Value | float) -> Value:
        """One elementwise function of two values of a type; a plain number takes the left one's."""
        other = right if isinstance(right, Value) else self.constant(right, left.dtype)
        return self.add(Binary(function), left, other)

    def axes(self, told: Any, rank: int) -> tuple[int, ...]:
        """Axes as places from the front; None is all of them."""
        if told is None:
            return tuple(range(rank))
        listed = told if isinstance(told, (list, tuple)) else np.atleast_1d(self.numbers(told)).tolist()
        return tuple(self.axis(axis, rank) for axis in listed)

    def axis(self, told: Any, rank: int) -> int:
        """One axis as a place from the front."""
        number = self.numbers(told)
        if number.ndim or number != number.round():
            raise self.refuse(f"an axis must be a whole number, and is {told!r:.80}")
        return normal_axis(int(number), rank)


def operation(*class_names: str) -> Callable[[R], R]:
    """Mark a function as the reading rule of these operation classes of Keras 3."""

    def mark(rule: R) -> R:
        def read(layer: LayerCall) -> Any:
            settings = {name: value for name, value in layer.config.items() if name != "name"}
            return bound(layer, rule, layer.args, {**settings, **layer.kwargs})

        read.of = rule  # type: ignore[attr-defined]  # so that a test can compare it with Keras's own signature
        rules.reads(*(("ops", name) for name in class_names))(read)
        return rule

    return mark


def function(*names: str) -> Callable[[R], R]:
    """Mark a function as the reading rule of these functions of TensorFlow (names without `tf.`)."""

    def mark(rule: R) -> R:
        def read(layer: LayerCall, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
            return bound(layer, rule, args, {key: value for key, value in kwargs.items() if key != "name"})

        rules.reads(*(("tf", name) for name in names))(read)
        return rule

    return mark


def bound(layer: LayerCall, rule: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The rule applied to a node's arguments."""
    call = OpCall(**vars(layer))
    try:
        given = inspect.signature(rule).bind(call, *args, **kwargs)
    except TypeError as error:
        raise layer.refuse(f"its arguments are not those that are known: {error}") from error
    result = rule(*given.args, **given.kwargs)
    return tuple(result) if isinstance(result, Iterable) else result


def cannot(*class_names: str, because: str, hint: str = "") -> None:
    """Refuse operation classes of Keras 3."""
    rules.cannot_read(*(("ops", name) for name in class_names), because=because, hint=hint)
