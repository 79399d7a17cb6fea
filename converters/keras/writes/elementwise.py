"""Elementwise arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.keras.rules import rules
from converters.keras.writes.making import is_alone, layer, op
from converters.keras.writing.activations import OWN, UNARY
from porter.errors import UnsupportedModel
from porter.graph.dims import static
from porter.graph.model import Node
from porter.graph.ops.elementwise import (
    LARGEST,
    Binary,
    Cast,
    Clip,
    Dropout,
    Fill,
    NanToNum,
    Unary,
    Where,
)
from porter.source.code import Binary as Operation
from porter.source.code import Call, Expression, List, Literal, Name, call
from porter.source.code import Unary as Prefix
from porter.writing.forms import Form, Inline, Layer

FUNCTIONS: Mapping[str, str] = {
    "abs": "absolute",
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "neg": "negative",
    "remainder": "mod",
}
"""Where the function is not simply `ops.<the op's name>`."""

OPERATORS: Mapping[str, str] = {
    "add": "+",
    "divide": "/",
    "floor_divide": "//",
    "greater": ">",
    "greater_equal": ">=",
    "less": "<",
    "less_equal": "<=",
    "multiply": "*",
    "power": "**",
    "remainder": "%",
    "subtract": "-",
}

MERGES: Mapping[str, str] = {
    "add": "Add",
    "maximum": "Maximum",
    "minimum": "Minimum",
    "multiply": "Multiply",
    "subtract": "Subtract",
}
"""Layers for functions of two values."""

TYPED = frozenset("bitwise_and bitwise_or bitwise_xor hypot left_shift right_shift".split())
"""Functions that Keras asks both sides of for their type, which plain numbers do not have."""


@rules.writes(Unary)
def write_unary(op_: Unary, node: Node) -> Form:
    name = op_.function
    if name == "identity":
        return Inline(lambda x: x, simple=True)
    if name == "neg":
        return Inline(lambda x: Prefix("-", x))
    if is_alone(node) and name in UNARY:
        return Layer(layer("Activation", node, UNARY[name]))
    if name in OWN:
        return Layer(layer("Activation", node, Name(OWN[name])), helpers=(OWN[name],))
    if name == "mish":
        return Inline(lambda x: Operation("*", x, op("tanh", op("softplus", x))))
    function = FUNCTIONS.get(name, name)
    return Inline(lambda x: op(function, x), simple=True)


@rules.writes(Binary)
def write_binary(op_: Binary, node: Node) -> Form:
    if op_.function in MERGES and is_alone(node) and _merges(node):
        return Layer(layer(MERGES[op_.function], node), use=lambda own, a, b: call(own, List((a, b))))
    sign = OPERATORS.get(op_.function)
    function = FUNCTIONS.get(op_.function, op_.function)

    def build(a: Expression, b: Expression) -> Expression:
        if op_.function in TYPED:
            a, b = (_array(part, value.dtype) for part, value in zip((a, b), node.inputs, strict=True))
        if sign is None or _is_array(a):  # NumPy would take the operator for itself
            return op(function, a, b)
        return Operation(sign, a, b)

    return Inline(build)


def _array(part: Expression, dtype: str) -> Expression:
    return call("np.array", part, dtype) if isinstance(part, Literal) else part


def _merges(node: Node) -> bool:
    """Keras's layer takes tensors of one rank and batch; others it may turn before it broadcasts them."""
    a, b = node.inputs
    alike = a.rank == b.rank > 1 and a.shape[0] == b.shape[0] and a.dtype == b.dtype
    return a is not b and alike and "float" in a.dtype


def _is_array(expression: Expression) -> bool:
    return isinstance(expression, Call) and expression.func == call("np.array").func


@rules.writes(Where)
def write_where(op_: Where, node: Node) -> Form:
    dtype = node.outputs[0].dtype

    def build(condition: Expression, a: Expression, b: Expression) -> Expression:
        chosen = op("where", condition, a, b)
        plain = isinstance(a, Literal) and isinstance(b, Literal)
        return op("cast", chosen, dtype) if plain and dtype != "float32" else chosen

    return Inline(build)


@rules.writes(Clip)
def write_clip(op_: Clip, node: Node) -> Form:
    if op_.low is None:
        return Inline(lambda x: op("minimum", x, op_.high), simple=True)
    if op_.high is None:
        return Inline(lambda x: op("maximum", x, op_.low), simple=True)
    return Inline(lambda x: op("clip", x, op_.low, op_.high), simple=True)


@rules.writes(NanToNum)
def write_nan_to_num(op_: NanToNum, node: Node) -> Form:
    """Left alone, Keras takes the largest numbers of the type, as the op's are by default."""
    largest = LARGEST[node.inputs[0].dtype]
    usual = {"nan": 0.0, "posinf": largest, "neginf": -largest}
    told = {"nan": op_.nan, "posinf": op_.high, "neginf": op_.low}
    said = {name: value for name, value in told.items() if value != usual[name]}
    return Inline(lambda x: op("nan_to_num", x, **said), simple=True)


@rules.writes(Fill)
def write_fill(op_: Fill, node: Node) -> Form:
    dtype = {} if op_.dtype == node.inputs[0].dtype else {"dtype": op_.dtype}
    value = bool(op_.value) if op_.dtype == "bool" else op_.value if "float" in op_.dtype else int(op_.value)
    if value in (0, 1):
        return Inline(lambda x: op("ones_like" if value else "zeros_like", x, **dtype), simple=True)
    return Inline(lambda x: op("full_like", x, value, **dtype), simple=True)


@rules.writes(Cast)
def write_cast(op_: Cast, node: Node) -> Form:
    return Inline(lambda x: op("cast", x, op_.dtype))


KINDS: Mapping[str, str] = {
    "dropout": "Dropout",
    "alpha_dropout": "AlphaDropout",
    "gaussian_dropout": "GaussianDropout",
    "gaussian_noise": "GaussianNoise",
}


@rules.writes(Dropout)
def write_dropout(op_: Dropout, node: Node) -> Form:
    if op_.kind not in KINDS:
        raise UnsupportedModel(f"{node.origin}: Keras has no {op_.kind}")
    rank = node.inputs[0].rank
    inside = tuple(range(1, rank - 1))
    if op_.kind == "dropout" and op_.shared_axes == inside and rank in (3, 4, 5):
        return Layer(layer(f"SpatialDropout{rank - 2}D", node, op_.rate))
    told: dict[str, Any] = {}
    if op_.shared_axes:
        sizes = static(node.inputs[0].shape[1:])
        if sizes is None and 0 in op_.shared_axes:
            raise UnsupportedModel(f"{node.origin}: Keras cannot drop the same cells in the whole batch")
        shape = [None if axis not in op_.shared_axes else 1 for axis in range(rank)]
        told["noise_shape"] = tuple(shape)
    return Layer(layer(KINDS[op_.kind], node, op_.rate, **told))
