"""Activations that Keras knows by name, and those that generated code defines for itself."""

from __future__ import annotations

from collections.abc import Mapping

from porter.graph.ops.activation import Celu, Elu, Gelu, LogSoftmax, Relu, Softmax, SquarePlus
from porter.graph.ops.elementwise import Unary
from porter.graph.ops.op import Op
from porter.source.code import Expression, Literal, Name

UNARY: Mapping[str, str] = {
    "exp": "exponential",
    "hard_sigmoid": "hard_sigmoid",
    "hard_silu": "hard_silu",
    "hard_tanh": "hard_tanh",
    "log_sigmoid": "log_sigmoid",
    "mish": "mish",
    "selu": "selu",
    "sigmoid": "sigmoid",
    "silu": "silu",
    "softplus": "softplus",
    "softsign": "softsign",
    "sparse_plus": "sparse_plus",
    "sparse_sigmoid": "sparse_sigmoid",
    "tanh": "tanh",
    "tanh_shrink": "tanh_shrink",
}
"""Functions of the op `Unary` by Keras's names."""

OWN: Mapping[str, str] = {
    "digamma": "digamma",
    "hard_sigmoid_02": "hard_sigmoid_02",
    "lgamma": "log_gamma",
}
"""Functions of `Unary` for which generated code carries a registered function."""

NAMED: Mapping[Op, str] = {
    Relu(): "relu",
    Relu(max_value=6.0): "relu6",
    Relu(negative_slope=0.2): "leaky_relu",
    Elu(): "elu",
    Celu(): "celu",
    Gelu(): "gelu",
    Softmax(-1): "softmax",
    LogSoftmax(-1): "log_softmax",
    SquarePlus(): "squareplus",
}
"""Activations with attributes, by the name of Keras's function with just these."""


def name_of(op: Op) -> str | None:
    """The name of an activation, Keras's or generated code's; None where there is none."""
    if isinstance(op, Unary):
        return UNARY.get(op.function) or OWN.get(op.function)
    return NAMED.get(op)


def argument(op: Op | None) -> tuple[Expression, tuple[str, ...]] | None:
    """An activation as a layer's argument, with the snippets that it needs; None where it has no name."""
    if op is None:
        return Literal("linear"), ()
    name = name_of(op)
    if name is None:
        return None
    return (Name(name), (name,)) if name in OWN.values() else (Literal(name), ())
