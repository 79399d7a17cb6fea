"""What operators, names and attributes in a Lambda's function mean, in terms of the rules for `keras.ops`.

The function's own globals are not in the file. Names that everybody gives to one thing are taken for it: `K`
for the Keras backend, `tf` for TensorFlow, `np` for NumPy; what a name was taken for is noted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import converters.keras.lambdas.backend_shapes  # noqa: F401  (fills the tables, as the next one does)
from converters.keras.lambdas.backend_calls import FUNCTIONS, METHODS, Caller
from converters.keras.lambdas.backend_numbers import typed_constant
from converters.keras.lambdas.builtin import BUILTINS, LIST_METHODS
from converters.keras.lambdas.shapes import Extent, Shape
from converters.keras.lambdas.terms import NotFollowed, Reference
from converters.keras.layer import LayerCall
from converters.keras.rules import rules
from converters.keras.spec import LayerSpec
from porter.errors import GraphError, UnsupportedModel
from porter.graph.model import Value
from porter.rules import Unsupported

SIGNS: Mapping[str, str] = {
    "+": "Add",
    "-": "Subtract",
    "*": "Multiply",
    "/": "TrueDivide",
    "//": "FloorDivide",
    "%": "Mod",
    "**": "Power",
    "@": "Matmul",
    "<": "Less",
    "<=": "LessEqual",
    "==": "Equal",
    "!=": "NotEqual",
    ">": "Greater",
    ">=": "GreaterEqual",
    "&": "LogicalAnd",
    "|": "LogicalOr",
}
USUAL_NAMES: Mapping[str, str] = {
    "K": "keras.backend",
    "KK": "keras.backend",
    "backend": "keras.backend",
    "kb": "keras.backend",
    "tf": "tensorflow",
    "np": "numpy",
    "T": "theano.tensor",
    "ops": "keras.ops",
}
MODULES: Mapping[str, str] = {
    "keras.backend": "backend",
    "keras.activations": "backend",
    "keras.ops": "ops",
    "math": "numbers",
    "numpy": "numbers",
    "tensorflow": "tensorflow",
    "tensorflow.keras.activations": "backend",
    "tensorflow.keras.backend": "backend",
    "tensorflow.keras.ops": "ops",
    "tensorflow.python.keras.backend": "backend",
    "theano.tensor": "backend",
}
NUMBERS: Mapping[str, Callable[..., float]] = {
    "cos": math.cos,
    "exp": math.exp,
    "float32": float,
    "float64": float,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
}
CONSTANTS: Mapping[str, float | None] = {"e": math.e, "newaxis": None, "pi": math.pi}
TYPES = frozenset("bool float16 float32 float64 int8 int16 int32 int64 uint8".split())
ACTIVATIONS: Mapping[str, str] = {
    name: name for name in ("exponential", "gelu", "linear", "mish", "selu", "silu")
} | {"swish": "silu"}
"""Of `keras.activations`, those that the backend does not have."""
TOP = ("values", "indices")
"""What `tf.math.top_k` gives, by name."""
TF_GROUPS = ("", "math.", "nn.", "linalg.", "image.")
TF_OLD: Mapping[str, str] = {
    "div": "math.truediv",
    "mul": "math.multiply",
    "neg": "math.negative",
    "sub": "math.subtract",
}
TF_1 = "compat.v1."
"""Where the functions of TensorFlow 1 are found, in rules and in TensorFlow 2."""
TF_ARGUMENTS: Mapping[str, str] = {
    "keep_dims": "keepdims",
    "reduction_indices": "axis",
    "dim": "axis",
    "input": "x",
}


def _why(problem: Exception) -> str:
    """What a rule refused, without the name of the layer that it took itself for."""
    problems = getattr(problem, "problems", ())
    return problems[0].what if problems else str(problem)


def _rule_of_tensorflow(name: str) -> tuple[str, str] | None:
    """A function's rule by its name, or by the same name in another group: `tf.nn.tanh` is `tf.math.tanh`."""
    names = (*(group + name for group in TF_GROUPS), *(group + name.split(".")[-1] for group in TF_GROUPS))
    return next((("tf", own) for own in names if ("tf", own) in rules.reading), None)


def refuse_names(value: Any) -> None:
    """A global of the function's module, for which there is no value, must not pass for one."""
    if isinstance(value, Reference) and value.owner is None:
        raise NotFollowed(f"what {str(value)!r} is, is not in the file")
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    parts = (value.start, value.stop, value.step) if isinstance(value, slice) else parts
    for part in parts:
        refuse_names(part)


class KerasWorld(Caller):
    """The meanings for one Lambda layer."""

    def __init__(self, layer: LayerCall) -> None:
        self.layer = layer
        self.taken: dict[str, str] = {}

    def is_tensor(self, value: Any) -> bool:
        """Whether it is computed by the model."""
        return isinstance(value, (Value, Extent, Shape))

    # -- what the machine asks ---------------------------------------------------------------------

    def binary(self, sign: str, left: Any, right: Any) -> Any:
        """An operator with a tensor on one side at least."""
        refuse_names((left, right))
        if sign not in SIGNS or any(isinstance(item, (Extent, Shape)) for item in (left, right)):
            raise NotFollowed(f"operator {sign} of these values is not carried")
        types = {item.dtype for item in (left, right) if isinstance(item, Value)}
        if "bool" in types and len(types) > 1 and not self.layer.context.conventions.turned:
            raise NotFollowed(f"{sign} of numbers with true and false is not the same in every TensorFlow")
        return self.operation(SIGNS[sign], left, right)

    def unary(self, sign: str, value: Any) -> Any:
        """A sign before a tensor."""
        names = {"-": "Negative", "~": "LogicalNot"}
        if sign not in names or not isinstance(value, Value):
            raise NotFollowed(f"{sign!r} of a tensor is not carried")
        return self.operation(names[sign], value)

    def index(self, value: Any, key: Any) -> Any:
        """`value[key]`."""
        refuse_names((value, key))
        if isinstance(value, Shape):
            sizes = value.sizes()
            if isinstance(key, int) and -len(sizes) <= key < len(sizes):
                return sizes[key]
            if isinstance(key, slice):
                return sizes[key]
        if isinstance(value, Value):
            return self.operation("GetItem", value, key)
        raise NotFollowed(f"item {key!r:.40} of something that is no tensor")

    def attribute(self, value: Any, name: str) -> Any:
        """An attribute or a method of a tensor."""
        if isinstance(value, Value):
            plain: Mapping[str, Callable[[], Any]] = {
                "shape": lambda: Shape(value),
                "ndim": lambda: value.rank,
                "dtype": lambda: value.dtype,
                "T": lambda: self.operation("Transpose", value),
            }
            if name in plain:
                return plain[name]()
        if isinstance(value, (list, tuple)) and len(value) == 2 and name in TOP:
            return value[TOP.index(name)]
        if name == "value" and (isinstance(value, (int, Extent)) or value is None):
            return value  # of TensorFlow's Dimension
        return Reference((name,), owner=value)

    def known(self, reference: Reference) -> Any:
        """A constant of a module: pi, or the name of an element type."""
        try:
            module, name = self._located(reference)
        except NotFollowed:
            return reference
        kind = MODULES[module]
        if kind == "tensorflow" and name.startswith("image.ResizeMethod."):
            return name.rpartition(".")[2].lower()
        if kind in ("numbers", "tensorflow") and name in CONSTANTS:
            return CONSTANTS[name]
        return name if kind == "tensorflow" and name in TYPES else reference

    def _type_name(self, value: Any) -> Any:
        """NumPy's types, which are functions too, where they are arguments."""
        is_type = isinstance(value, Reference) and len(value.path) == 2 and value.path[1] in TYPES
        numpy = is_type and USUAL_NAMES.get(value.path[0], value.path[0]) == "numpy"
        return value.path[1] if numpy else value

    def call(self, function: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """A function of a module, of Python, or a method."""
        if isinstance(function, Reference) and function.path != ("isinstance",):
            arguments = [self._type_name(item) for item in arguments]
            named = {key: self._type_name(item) for key, item in named.items()}
            refuse_names((list(arguments), dict(named)))
        try:
            return self._called(function, arguments, named)
        except NotFollowed:
            raise
        except (UnsupportedModel, GraphError) as problem:
            raise NotFollowed(f"{function}: {_why(problem)}") from problem
        except (TypeError, ValueError, ArithmeticError, LookupError) as problem:
            raise NotFollowed(f"{function}: these arguments are not known here ({problem})") from problem

    def _called(self, function: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        if function.owner is not None:
            return self._method(function.owner, function.path[0], arguments, named)
        if len(function.path) == 1 and function.path[0] in BUILTINS:
            return BUILTINS[function.path[0]](self, *arguments, **named)
        module, name = self._located(function)
        callers: Mapping[str, Callable[..., Any]] = {
            "backend": self._backend,
            "ops": self._ops,
            "numbers": self._numbers,
            "tensorflow": self._tensorflow,
        }
        return callers[MODULES[module]](name, arguments, named)

    def _located(self, function: Reference) -> tuple[str, str]:
        """The module of a function, as long a name as is known, and the function's name in it."""
        first = function.path[0]
        usual = USUAL_NAMES.get(first)
        path = (*usual.split("."), *function.path[1:]) if usual else function.path
        for length in range(len(path) - 1, 0, -1):
            module = ".".join(path[:length])
            if module in MODULES:
                if usual:
                    self.taken[first] = usual
                return module, ".".join(path[length:])
        raise NotFollowed(f"what {str(function)!r} is, is not in the file")

    # -- callables by their home ---------------------------------------------------------------------

    def _backend(self, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        if name.startswith("tf."):  # as Keras's own backend imported it
            return self._tensorflow(name.removeprefix("tf."), arguments, named)
        rule = FUNCTIONS.get(name)
        if rule is None and name in ACTIVATIONS and not named and len(arguments) == 1:
            return self.layer_rule("Activation", {"activation": ACTIVATIONS[name]}, *arguments)
        if rule is None:
            raise NotFollowed(f"the backend function {name!r} is not known here")
        return rule(self, *arguments, **named)

    def _ops(self, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        camel = "".join(part.capitalize() for part in name.split(".")[-1].split("_"))
        return self.operation(camel, *arguments, **named)

    def _numbers(self, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        if name in NUMBERS and all(isinstance(item, (int, float)) for item in arguments) and not named:
            return NUMBERS[name](*arguments)
        if name in ("array", "asarray"):
            return typed_constant(self, *arguments, **named)
        raise NotFollowed(f"{name} of numbers is not known here")

    def _tensorflow(self, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        if name in ("shape", "shape_v2"):
            return Shape(arguments[0])
        name = self._of_its_time(name)
        if name == "constant":
            return typed_constant(self, *arguments, **named)
        found = _rule_of_tensorflow(name)
        rule = rules.reading.get(found)
        if isinstance(rule, Unsupported):
            raise NotFollowed(f"tf.{name}: {rule.because}")
        if rule is None:
            raise NotFollowed(f"tf.{name} is not known here")
        named = {key if key == "x" else TF_ARGUMENTS.get(key, key): item for key, item in named.items()}
        if name == "reshape":
            return FUNCTIONS["reshape"](
                self, *arguments, **{k.replace("tensor", "x"): v for k, v in named.items()}
            )
        return rule(self.layer, tuple(arguments), named)

    def _of_its_time(self, name: str) -> str:
        """A function as TensorFlow 1 has it, where it is called there, or by a file of that time."""
        plain = name.removeprefix(TF_1)
        own = TF_1 + plain
        told = self.layer.context.conventions
        if name == "image.resize" and told.either_tensorflow:
            raise NotFollowed("tf.image.resize is not the same in TensorFlow 1 and 2; Keras 2.3 ran on both")
        later = name == "image.resize" and not told.old_grid
        return TF_OLD.get(plain, plain) if later or ("tf", own) not in rules.reading else own

    def _method(self, owner: Any, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        if isinstance(owner, Value) and name == "get_shape":
            return Shape(owner)
        if isinstance(owner, Shape) and name in ("as_list", "eval"):
            return list(owner.static() if name == "as_list" else owner.sizes())
        if isinstance(owner, list) and name in LIST_METHODS:
            return LIST_METHODS[name](owner, *arguments, **named)
        rule = METHODS.get(name) if isinstance(owner, Value) else None
        if rule is None:
            raise NotFollowed(f"method {name!r} is not known here")
        return rule(self, owner, *arguments, **named)

    # -- the rules beneath -----------------------------------------------------------------------------

    def operation(self, class_name: str, *arguments: Any, **named: Any) -> Any:
        """One operation of `keras.ops`, by its own rule."""
        rule = rules.reading.get(("ops", class_name))
        if rule is None or isinstance(rule, Unsupported):
            raise NotFollowed(f"operation {class_name} is not known here")
        spec = LayerSpec(class_name, self.layer.spec.name, {}, module="keras.ops")
        try:
            return rule(replace(self.layer, spec=spec, args=tuple(arguments), kwargs=named))
        except (UnsupportedModel, GraphError) as problem:
            raise NotFollowed(_why(problem)) from problem

    def layer_rule(self, class_name: str, config: Mapping[str, Any], *inputs: Value) -> Any:
        """A layer without weights, by its own rule."""
        rule = rules.reading[class_name]
        assert not isinstance(rule, Unsupported)
        spec = LayerSpec(class_name, self.layer.spec.name, config)
        return rule(replace(self.layer, spec=spec, inputs=inputs, args=inputs, kwargs={}))
