"""The config of a functional model, found by running the functions that build it.

The generated code is held as values, so that it can be followed line by line without Keras: each layer
that it makes is noted, and each call as a node. Code and config are therefore one and the same program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from converters.keras.writing.layers import ARGUMENTS, DEFAULTS, NEVER, spread
from converters.keras.writing.operations import Bound, bound, snake_case, stem
from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.source.code import (
    Binary,
    Call,
    Dict,
    Expression,
    Index,
    List,
    Literal,
    Name,
    Slice,
    Tuple,
    Unary,
)
from porter.source.expressions import flat
from porter.source.statements import Assign, Function, Return

Json = dict[str, Any]

PACKAGE = "converted"
"""The package under which classes of generated code are registered with Keras."""

SEVERAL = frozenset({"split", "unstack", "top_k", "slogdet"})
"""Functions that give several tensors."""

PAIRS = frozenset({"Fourier"})
"""Layers of generated code that give two."""

OPERATORS = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "//": "floor_divide",
    "%": "mod",
    "**": "power",
    "@": "matmul",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}
"""What Python's operators do to a symbolic tensor of Keras's."""


@dataclass(eq=False)
class Made:
    """A layer or function of the model, with the calls of it."""

    module: str | None
    class_name: str
    config: Json
    name: str = ""
    registered: str | None = None
    is_layer: bool = True
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)


@dataclass(frozen=True)
class Tensor:
    """An output of a call."""

    made: Made
    call: int
    output: int = 0


@dataclass(frozen=True)
class Outputs:
    """What a call gives that gives several tensors."""

    made: Made
    call: int


@dataclass(frozen=True)
class Array:
    """Numbers that stand in the code."""

    value: Any
    dtype: str


@dataclass(frozen=True)
class Registered:
    """A function of generated code that Keras knows by name."""

    name: str


@dataclass(frozen=True)
class Model:
    """A model followed through: everything made, in order, and its two ends."""

    name: str
    made: tuple[Made, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    listed: tuple[bool, bool]  # whether inputs and outputs are lists


def follow(functions: Sequence[Function], own: Mapping[str, Sequence[str]]) -> Model:
    """The model that the last of these functions builds; `own` has the constructors of generated classes
    (and its functions, without arguments)."""
    runner = _Runner({function.name: function for function in functions}, own)
    found = runner.call_function(functions[-1], (), {})
    assert isinstance(found, Model)
    return found


class _Runner:
    def __init__(self, functions: Mapping[str, Function], own: Mapping[str, Sequence[str]]) -> None:
        self.functions, self.own = functions, own
        self.made: list[Made] = []

    def call_function(self, function: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        names = [param.name for param in function.params]
        known = dict(zip(names, args, strict=False)) | dict(kwargs)
        for line in function.body:
            if isinstance(line, Assign):
                value = self.value(line.value, known)
                for target in line.targets:
                    self._assign(target, value, known)
            elif isinstance(line, Return) and line.value is not None:
                return self.value(line.value, known)
        raise GraphError(f"{function.name} returns nothing")

    def _assign(self, target: Expression, value: Any, known: dict[str, Any]) -> None:
        if isinstance(target, Name):
            known[target.path] = value
            return
        assert isinstance(target, Tuple)
        for place, part in enumerate(target.items):
            self._assign(part, _picked(value, place), known)

    def value(self, expression: Expression, known: dict[str, Any]) -> Any:
        """What an expression stands for."""
        if isinstance(expression, Call):
            return self._call(expression, known)
        if isinstance(expression, Name):
            return known[expression.path] if expression.path in known else self._outer(expression.path)
        if isinstance(expression, Literal):
            return expression.value
        rule = _VALUES.get(type(expression))
        if rule is None:
            raise GraphError(f"no model can hold {flat(expression)!r:.80}")
        return rule(self, expression, known)

    def _outer(self, path: str) -> Any:
        if path in self.own:
            return Registered(path)
        raise GraphError(f"{path} is not known")

    def _call(self, expression: Call, known: dict[str, Any]) -> Any:
        args = [self.value(arg, known) for arg in expression.args]
        kwargs = {name: self.value(arg, known) for name, arg in expression.kwargs}
        if not isinstance(expression.func, Name) or expression.func.path in known:
            layer = self.value(expression.func, known)
            return self.node(layer, args, kwargs)
        path = expression.func.path
        package, _, name = path.rpartition(".")
        if package == "ops":
            return self.operation(name, args, kwargs)
        if package == "layers":
            return self.layer("keras.layers", name, args, kwargs)
        if path in self.functions:
            return self.call_function(self.functions[path], args, kwargs)
        if path in self.own:
            return self._own(path, args, kwargs)
        return _SPECIAL[path](self, args, kwargs)

    def _own(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Made:
        given = dict(zip(self.own[name], args, strict=False)) | dict(kwargs)
        return Made("model", name, self._common(name, given), registered=f"{PACKAGE}>{name}")

    def layer(self, module: str, kind: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Made:
        """A stock layer."""
        given = dict(zip(ARGUMENTS.get(kind, ()), args, strict=False)) | dict(kwargs)
        common = self._common(kind, given)
        config = {**common, **spread(kind, {**DEFAULTS[kind], **given})}
        for key in NEVER.get(kind, ()):
            config.pop(key, None)
        return Made(module, kind, config)

    def _common(self, kind: str, given: Mapping[str, Any]) -> Json:
        usual = {"name": stem(kind), "trainable": True, "dtype": "float32"}
        return {**usual, **given}

    def node(self, made: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor | Outputs:
        """A call of a layer or function with tensors."""
        if not isinstance(made, Made):
            raise GraphError(f"{made!r:.80} cannot be called")
        if made not in self.made:
            self.made.append(made)
        made.calls.append((tuple(args), dict(kwargs)))
        several = bool(made.config.get("return_state")) or _inner_state(made) or made.class_name in PAIRS
        kind = Outputs if several else Tensor
        return kind(made, len(made.calls) - 1)

    def operation(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """A call of a function of `keras.ops`."""
        found: Bound = bound(name, args, kwargs)
        operation = found.operation
        made = Made(operation.module, operation.class_name, dict(found.config), is_layer=False)
        made.registered = operation.class_name
        result = self.node(made, found.args, found.kwargs)
        return Outputs(made, 0) if name in SEVERAL else result

    def binary(self, expression: Binary, known: dict[str, Any]) -> Any:
        """An operator between two values, of which one is a tensor, or two texts."""
        left, right = self.value(expression.left, known), self.value(expression.right, known)
        if isinstance(left, str) and isinstance(right, str):
            return left + right
        return self.operation(OPERATORS[expression.op], (left, right), {})

    def unary(self, expression: Unary, known: dict[str, Any]) -> Any:
        """A sign before a value."""
        value = self.value(expression.operand, known)
        if isinstance(value, int | float):
            return -value
        return self.operation("negative", (value,), {})

    def index(self, expression: Index, known: dict[str, Any]) -> Any:
        """Cells of a tensor, or one of several tensors."""
        value = self.value(expression.obj, known)
        items = [self.value(item, known) for item in expression.items]
        if isinstance(value, Outputs):
            return _picked(value, items[0])
        return self.operation("get_item", (value, items[0] if len(items) == 1 else tuple(items)), {})

    def entry(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
        """An input of the model."""
        shape = [kwargs.get("batch_size"), *args[0]]
        config = {"batch_shape": shape, "dtype": kwargs.get("dtype", "float32"), "sparse": False}
        made = Made("keras.layers", "InputLayer", {**config, "ragged": False, "name": kwargs["name"]})
        self.made.append(made)
        made.calls.append(((), {}))
        return Tensor(made, 0)

    def model(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Model:
        """The finished model, in which every function has a name that no layer has."""
        inputs, outputs = args
        listed = (isinstance(inputs, list), isinstance(outputs, list))
        ends = [tuple(end) if isinstance(end, list) else (end,) for end in (inputs, outputs)]
        taken = {str(made.config["name"]) for made in self.made if made.is_layer}
        for made in self.made:
            if made.is_layer:
                made.name = str(made.config["name"])
                continue
            base = name = snake_case(made.class_name)
            number = 0
            while name in taken:
                number += 1
                name = f"{base}_{number}"
            taken.add(name)
            made.name = name
            made.config = {"name": name, **made.config}
        return Model(kwargs["name"], tuple(self.made), ends[0], ends[1], listed)


def _picked(value: Any, place: int) -> Any:
    if isinstance(value, Outputs):
        return Tensor(value.made, value.call, place)
    return value[place]


def _inner_state(made: Made) -> bool:
    inner = made.config.get("layer")
    return isinstance(inner, Made) and bool(inner.config.get("return_state"))


def _array(runner: _Runner, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Array:
    return Array(args[0], str(args[1]))


_SPECIAL: Mapping[str, Callable[[_Runner, Sequence[Any], Mapping[str, Any]], Any]] = {
    "keras.Input": _Runner.entry,
    "keras.Model": _Runner.model,
    "np.array": _array,
    "float": lambda runner, args, kwargs: float(args[0]),
}

_VALUES: Mapping[type, Callable[[_Runner, Any, dict[str, Any]], Any]] = {
    Tuple: lambda run, it, known: tuple(run.value(item, known) for item in it.items),
    List: lambda run, it, known: [run.value(item, known) for item in it.items],
    Dict: lambda run, it, known: {run.value(k, known): run.value(v, known) for k, v in it.items},
    Slice: lambda run, it, known: slice(
        *(None if end is None else run.value(end, known) for end in (it.lower, it.upper, it.step))
    ),
    Binary: _Runner.binary,
    Unary: _Runner.unary,
    Index: _Runner.index,
}


# --- the config as Keras saves it


def config_of(model: Model) -> Json:
    """The model as `keras.Model.to_json` has it."""
    inner = {
        "name": model.name,
        "trainable": True,
        "layers": [_layer(made) for made in model.made],
        "input_layers": _ends(model.inputs, model.listed[0]),
        "output_layers": _ends(model.outputs, model.listed[1]),
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": inner,
        "registered_name": "Functional",
        "build_config": {"input_shape": None},
    }


def _ends(tensors: Sequence[Tensor], listed: bool) -> list[Any]:
    found = [[tensor.made.name, tensor.call, tensor.output] for tensor in tensors]
    return found if listed else found[0]


def _layer(made: Made) -> Json:
    calls = [] if made.class_name == "InputLayer" else made.calls
    return {
        **_object(made),
        "name": made.name,
        "inbound_nodes": [{"args": plain(args), "kwargs": plain(kwargs)} for args, kwargs in calls],
    }


def _object(made: Made) -> Json:
    return {
        "module": made.module,
        "class_name": made.class_name,
        "config": plain(made.config),
        "registered_name": made.registered,
    }


def plain(value: Any) -> Any:
    """A value as JSON, in Keras's words for what JSON does not have."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    for kind, spell in _SPELLINGS.items():
        if isinstance(value, kind):
            return spell(value)
    if value is ...:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, np.generic):
        return value.item()
    return value


def _tensor(tensor: Tensor) -> Json:
    history = [tensor.made.name, tensor.call, tensor.output]
    # Keras looks a tensor up by its history, and needs no shape
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [], "dtype": "float32", "keras_history": history},
    }


_SPELLINGS: Mapping[type, Callable[[Any], Json]] = {
    Tensor: _tensor,
    Outputs: lambda it: _tensor(Tensor(it.made, it.call)),
    Made: _object,
    Array: lambda it: {"class_name": "__numpy__", "config": {"value": plain(it.value), "dtype": it.dtype}},
    slice: lambda it: {
        "class_name": "__slice__",
        "config": {"start": it.start, "stop": it.stop, "step": it.step},
    },
    Registered: lambda it: {
        "module": "builtins",
        "class_name": "function",
        "config": it.name,
        "registered_name": f"{PACKAGE}>{it.name}",
    },
}
