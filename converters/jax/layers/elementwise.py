"""Elementwise arithmetic."""

from __future__ import annotations

from collections.abc import Mapping

from converters.jax.layers.dtypes import dtype_name
from converters.jax.rules import rules
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
from porter.source.code import Expression, Literal, call
from porter.source.code import Unary as Prefix
from porter.writing.forms import Form, Inline, method

FUNCTIONS: Mapping[str, str] = {
    "abs": "abs",
    "digamma": "jax.lax.digamma",
    "erf": "jax.lax.erf",
    "erfc": "jax.lax.erfc",
    "erfinv": "jax.lax.erf_inv",
    "hard_sigmoid": "nnx.hard_sigmoid",
    "hard_sigmoid_02": "hard_sigmoid_02",
    "hard_silu": "nnx.hard_silu",
    "hard_tanh": "nnx.hard_tanh",
    "lgamma": "jax.lax.lgamma",
    "log_sigmoid": "nnx.log_sigmoid",
    "mish": "jax.nn.mish",
    "rsqrt": "jax.lax.rsqrt",
    "selu": "nnx.selu",
    "sigmoid": "nnx.sigmoid",
    "silu": "nnx.silu",
    "softplus": "nnx.softplus",
    "softsign": "nnx.soft_sign",
    "sparse_plus": "jax.nn.sparse_plus",
    "sparse_sigmoid": "jax.nn.sparse_sigmoid",
    "stop_gradient": "jax.lax.stop_gradient",
    "tanh": "nnx.tanh",
    "tanh_shrink": "tanh_shrink",
}
"""Where the function is not simply `jnp.<the op's name>`."""

HELPERS = frozenset({"hard_sigmoid_02", "tanh_shrink"})
"""Those of them that are snippets."""

OPERATORS: Mapping[str, str] = {
    "add": "+",
    "bitwise_and": "&",
    "bitwise_or": "|",
    "bitwise_xor": "^",
    "divide": "/",
    "equal": "==",
    "floor_divide": "//",
    "greater": ">",
    "greater_equal": ">=",
    "left_shift": "<<",
    "less": "<",
    "less_equal": "<=",
    "multiply": "*",
    "not_equal": "!=",
    "power": "**",
    "remainder": "%",
    "right_shift": ">>",
    "subtract": "-",
}

LOGICAL: Mapping[str, str] = {"logical_and": "&", "logical_or": "|", "logical_xor": "^"}
"""What operators say of truth values, and only of them."""


@rules.writes(Unary)
def write_unary(op: Unary, node: Node) -> Form:
    if op.function == "identity":
        return Inline(lambda x: x, simple=True)
    if op.function == "neg":
        return Inline(lambda x: Prefix("-", x))
    function = FUNCTIONS.get(op.function, f"jnp.{op.function}")
    helpers = (function,) if function in HELPERS else ()
    return Inline(lambda x: call(function, x), helpers, simple=True)


@rules.writes(Binary)
def write_binary(op: Binary, node: Node) -> Form:
    truths = {value.dtype for value in node.inputs} == {"bool"}
    sign = OPERATORS.get(op.function) or (LOGICAL.get(op.function) if truths else None)
    if sign is None:
        return Inline(lambda a, b: call(f"jnp.{op.function}", a, b))
    return Inline(lambda a, b: _operation(sign, a, b))


def _operation(sign: str, a: Expression, b: Expression) -> Expression:
    """The operation; `x + -1.0` as `x - 1.0`."""
    if sign == "+" and isinstance(b, Literal) and isinstance(b.value, int | float) and b.value < 0:
        return Operation("-", a, Literal(-b.value))
    return Operation(sign, a, b)


@rules.writes(Where)
def write_where(op: Where, node: Node) -> Form:
    dtype = node.outputs[0].dtype

    def build(condition: Expression, a: Expression, b: Expression) -> Expression:
        chosen = call("jnp.where", condition, a, b)
        plain = isinstance(a, Literal) and isinstance(b, Literal) and dtype != "float32"
        return method(chosen, "astype", dtype_name(dtype)) if plain else chosen

    return Inline(build)


@rules.writes(Clip)
def write_clip(op: Clip, node: Node) -> Form:
    if op.low is None:
        return Inline(lambda x: call("jnp.minimum", x, op.high), simple=True)
    if op.high is None:
        return Inline(lambda x: call("jnp.maximum", x, op.low), simple=True)
    return Inline(lambda x: call("jnp.clip", x, op.low, op.high), simple=True)


@rules.writes(NanToNum)
def write_nan_to_num(op: NanToNum, node: Node) -> Form:
    """Left alone, JAX takes the largest numbers of the type, as the op's are by default."""
    told = {"nan": op.nan, "posinf": op.high, "neginf": op.low}
    largest = LARGEST[node.inputs[0].dtype]
    usual = {"nan": 0.0, "posinf": largest, "neginf": -largest}
    said = {name: value for name, value in told.items() if value != usual[name]}
    return Inline(lambda x: call("jnp.nan_to_num", x, **said), simple=True)


@rules.writes(Fill)
def write_fill(op: Fill, node: Node) -> Form:
    dtype = {} if op.dtype == node.inputs[0].dtype else {"dtype": dtype_name(op.dtype)}
    value = bool(op.value) if op.dtype == "bool" else op.value if "float" in op.dtype else int(op.value)
    if value in (0, 1):
        return Inline(lambda x: call(f"jnp.{'ones' if value else 'zeros'}_like", x, **dtype), simple=True)
    return Inline(lambda x: call("jnp.full_like", x, value, **dtype), simple=True)


@rules.writes(Cast)
def write_cast(op: Cast, node: Node) -> Form:
    return Inline(lambda x: method(x, "astype", dtype_name(op.dtype)))
