"""Elementwise arithmetic."""

from __future__ import annotations

from collections.abc import Mapping

from converters.torch.rules import rules
from porter.graph.model import Node
from porter.graph.ops.elementwise import (
    LARGEST,
    Binary,
    Cast,
    Clip,
    Fill,
    NanToNum,
    Unary,
    Where,
)
from porter.source.code import Binary as Operation
from porter.source.code import Expression, Literal, Name, call
from porter.source.code import Unary as Prefix
from porter.writing.forms import Form, Inline, method

FUNCTIONS: Mapping[str, str] = {
    "acos": "torch.acos",
    "hard_sigmoid": "F.hardsigmoid",
    "hard_silu": "F.hardswish",
    "hard_tanh": "F.hardtanh",
    "log_sigmoid": "F.logsigmoid",
    "mish": "F.mish",
    "selu": "F.selu",
    "silu": "F.silu",
    "softplus": "F.softplus",
    "softsign": "F.softsign",
    "tanh_shrink": "F.tanhshrink",
}
"""Where torch's name is not simply `torch.<the op's name>`."""

SAME_NAME = frozenset(
    """
    abs acos acosh asin asinh atan atanh bitwise_not ceil cos cosh erf erfinv exp exp2 expm1 floor
    isfinite isinf isnan log log10 log1p log2 logical_not neg reciprocal round rsqrt sigmoid sign sin
    sinh sqrt square tan tanh trunc
    """.split()
)

OPERATORS: Mapping[str, str] = {
    "add": "+",
    "divide": "/",
    "multiply": "*",
    "subtract": "-",
    "bitwise_and": "&",
    "bitwise_or": "|",
    "bitwise_xor": "^",
    "equal": "==",
    "floor_divide": "//",
    "greater": ">",
    "greater_equal": ">=",
    "left_shift": "<<",
    "less": "<",
    "less_equal": "<=",
    "not_equal": "!=",
    "power": "**",
    "remainder": "%",
    "right_shift": ">>",
}

BOUNDS: Mapping[str, str] = {"maximum": "min", "minimum": "max"}
"""The larger of x and a number is x bounded below by it."""

COMPOSED: Mapping[str, str] = {
    "hard_sigmoid_02": "hard_sigmoid_02",
    "sparse_plus": "sparse_plus",
    "sparse_sigmoid": "sparse_sigmoid",
}
"""Functions that torch does not have: snippets of the same name."""


@rules.writes(Unary)
def write_unary(op: Unary, node: Node) -> Form:
    if op.function == "identity":
        return Inline(lambda x: x, simple=True)
    if op.function == "neg":
        return Inline(lambda x: Prefix("-", x))
    if op.function == "stop_gradient":
        return Inline(lambda x: method(x, "detach"), simple=True)
    if op.function in COMPOSED:
        name = COMPOSED[op.function]
        return Inline(lambda x: call(name, x), helpers=(name,), simple=True)
    function = FUNCTIONS.get(op.function, f"torch.{op.function}")
    return Inline(lambda x: call(function, x), simple=True)


@rules.writes(Binary)
def write_binary(op: Binary, node: Node) -> Form:
    if op.function in OPERATORS:
        sign = OPERATORS[op.function]
        return Inline(lambda a, b: Operation(sign, a, _whole(b) if sign == "**" else b))
    function = f"torch.{op.function}"
    dtype = node.inputs[0].dtype

    def build(a: Expression, b: Expression) -> Expression:
        if op.function in BOUNDS and isinstance(a, Literal) != isinstance(b, Literal):
            x, bound = (b, a) if isinstance(a, Literal) else (a, b)
            return method(x, "clamp", **{BOUNDS[op.function]: bound})
        return call(function, *(_tensor(x, dtype) for x in (a, b)))

    return Inline(build)


def _whole(x: Expression) -> Expression:
    """`x**2`, not `x**2.0`."""
    number = x.value if isinstance(x, Literal) else None
    return Literal(int(number)) if isinstance(number, float) and number.is_integer() else x


def _tensor(x: Expression, dtype: str) -> Expression:
    """torch's functions of two tensors do not take plain numbers."""
    return call("torch.tensor", x, dtype=Name(f"torch.{dtype}")) if isinstance(x, Literal) else x


@rules.writes(Where)
def write_where(op: Where, node: Node) -> Form:
    dtype = node.outputs[0].dtype

    def build(condition: Expression, a: Expression, b: Expression) -> Expression:
        chosen = call("torch.where", condition, a, b)
        plain = isinstance(a, Literal) and isinstance(b, Literal) and dtype != "float32"
        return method(chosen, "to", Name(f"torch.{dtype}")) if plain else chosen

    return Inline(build)


@rules.writes(Clip)
def write_clip(op: Clip, node: Node) -> Form:
    bounds = {name: value for name, value in (("min", op.low), ("max", op.high)) if value is not None}
    return Inline(lambda x: method(x, "clamp", **bounds), simple=True)


@rules.writes(NanToNum)
def write_nan_to_num(op: NanToNum, node: Node) -> Form:
    """Left alone, torch takes the largest numbers of the type, as the op's are by default."""
    told = {"nan": op.nan, "posinf": op.high, "neginf": op.low}
    largest = LARGEST[node.inputs[0].dtype]
    usual = {"nan": 0.0, "posinf": largest, "neginf": -largest}
    said = {name: value for name, value in told.items() if value != usual[name]}
    return Inline(lambda x: method(x, "nan_to_num", **said), simple=True)


@rules.writes(Fill)
def write_fill(op: Fill, node: Node) -> Form:
    same = op.dtype == node.inputs[0].dtype
    dtype = {} if same else {"dtype": Name(f"torch.{op.dtype}")}
    value = bool(op.value) if op.dtype == "bool" else op.value if "float" in op.dtype else int(op.value)
    if value in (0, 1):
        return Inline(
            lambda x: call("torch.ones_like" if value else "torch.zeros_like", x, **dtype), simple=True
        )
    return Inline(lambda x: call("torch.full_like", x, value, **dtype), simple=True)


@rules.writes(Cast)
def write_cast(op: Cast, node: Node) -> Form:
    return Inline(lambda x: method(x, "to", Name(f"torch.{op.dtype}")))
