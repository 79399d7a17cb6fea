"""Activations, normalizations and attention as functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.keras.layers.activation import NAMED
from converters.keras.layers.ops_reduction import reduced
from converters.keras.operation import OpCall, operation
from porter.graph.model import Value
from porter.graph.ops.activation import (
    Celu,
    Elu,
    Gelu,
    Glu,
    HardShrink,
    LogSoftmax,
    Relu,
    Softmax,
    SoftShrink,
    Sparsemax,
    SquarePlus,
    Threshold,
)
from porter.graph.ops.reshaping import Reshape

EPSILON = 1e-7

PLAIN: Mapping[str, str] = {
    "HardSigmoid": "hard_sigmoid",
    "HardSilu": "hard_silu",
    "HardTanh": "hard_tanh",
    "LogSigmoid": "log_sigmoid",
    "Mish": "mish",
    "Relu": "relu",
    "Relu6": "relu6",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Silu": "silu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "SparsePlus": "sparse_plus",
    "SparseSigmoid": "sparse_sigmoid",
    "TanhShrink": "tanh_shrink",
}
"""Activations without settings, by their names as activations of layers."""


def _plain(name: str) -> Any:
    def read(op: OpCall, x: Any) -> Value:
        kind = NAMED[name]
        assert kind is not None
        return op.add(kind, op.operand(x))

    return read


for _class, _name in PLAIN.items():
    operation(_class)(_plain(_name))


@operation("ReLU")
def read_relu(
    op: OpCall, x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Value:
    top = None if max_value is None else float(max_value)
    return op.add(Relu(float(negative_slope), top, float(threshold)), op.operand(x))


@operation("LeakyRelu")
def read_leaky_relu(op: OpCall, x: Any, negative_slope: float = 0.2) -> Value:
    return op.add(Relu(float(negative_slope)), op.operand(x))


@operation("Elu")
def read_elu(op: OpCall, x: Any, alpha: float = 1.0) -> Value:
    return op.add(Elu(float(alpha)), op.operand(x))


@operation("Celu")
def read_celu(op: OpCall, x: Any, alpha: float = 1.0) -> Value:
    return op.add(Celu(float(alpha)), op.operand(x))


@operation("Gelu")
def read_gelu(op: OpCall, x: Any, approximate: bool = True) -> Value:
    return op.add(Gelu(bool(approximate)), op.operand(x))


@operation("Glu")
def read_glu(op: OpCall, x: Any, axis: int = -1) -> Value:
    return op.add(Glu(axis), op.operand(x))


@operation("HardShrink")
def read_hard_shrink(op: OpCall, x: Any, threshold: float = 0.5) -> Value:
    return op.add(HardShrink(float(threshold)), op.operand(x))


@operation("SoftShrink")
def read_soft_shrink(op: OpCall, x: Any, threshold: float = 0.5) -> Value:
    return op.add(SoftShrink(float(threshold)), op.operand(x))


@operation("Threshold")
def read_threshold(op: OpCall, x: Any, threshold: float, default_value: float) -> Value:
    return op.add(Threshold(float(threshold), float(default_value)), op.operand(x))


@operation("Squareplus")
def read_squareplus(op: OpCall, x: Any, b: float = 4) -> Value:
    return op.add(SquarePlus(float(b)), op.operand(x))


def along(op: OpCall, kind: type[Softmax] | type[LogSoftmax], value: Value, axis: Any) -> Value:
    """A softmax over one axis, or over all of a tensor whose sizes are known."""
    if axis is not None:
        return op.add(kind(op.axis(axis, value.rank) - value.rank), value)
    sizes = tuple(size if isinstance(size, int) else None for size in value.shape)
    if sizes.count(None) > 1:
        raise op.refuse("a softmax over all axes needs sizes that are known")
    return op.add(Reshape(sizes), op.add(kind(-1), op.add(Reshape((None,)), value)))


@operation("Softmax")
def read_softmax(op: OpCall, x: Any, axis: Any = -1) -> Value:
    value = op.operand(x)
    if not isinstance(axis, (list, tuple)):
        return along(op, Softmax, value, axis)
    top = reduced(op, "max", value, axis, True)
    grown = op.unary("exp", op.binary("subtract", value, top))
    return op.binary("divide", grown, reduced(op, "sum", grown, axis, True))


@operation("LogSoftmax")
def read_log_softmax(op: OpCall, x: Any, axis: Any = -1) -> Value:
    value = op.operand(x)
    if not isinstance(axis, (list, tuple)):
        return along(op, LogSoftmax, value, axis)
    return op.binary("subtract", value, reduced(op, "logsumexp", value, axis, True))


@operation("Sparsemax")
def read_sparsemax(op: OpCall, x: Any, axis: int = -1) -> Value:
    return op.add(Sparsemax(axis, of_sums=True), op.operand(x))
