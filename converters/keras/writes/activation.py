"""Activations with attributes or parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.keras.rules import rules
from converters.keras.writes.making import MOST_AXES, is_alone, layer, op, softmax, stored
from porter.graph.model import Node
from porter.graph.ops.activation import (
    Celu,
    Elu,
    Gelu,
    Glu,
    HardShrink,
    LogSoftmax,
    PRelu,
    Relu,
    Softmax,
    SoftShrink,
    Sparsemax,
    SquarePlus,
    Threshold,
)
from porter.source.code import Expression, binary
from porter.writing.forms import Form, Inline, Layer
from porter.writing.weights import weight


@rules.writes(Relu)
def write_relu(op_: Relu, node: Node) -> Form:
    told: dict[str, Any] = dict(vars(op_))
    bounded = op_.threshold != 0 or op_.max_value is not None
    if is_alone(node) or (bounded and told != vars(Relu(max_value=6.0))):
        if op_.negative_slope and not bounded:
            return Layer(layer("LeakyReLU", node, negative_slope=op_.negative_slope))
        return Layer(layer("ReLU", node, **told))
    if bounded:
        return Inline(lambda x: op("relu6", x), simple=True)
    if op_.negative_slope:
        return Layer(layer("LeakyReLU", node, negative_slope=op_.negative_slope))
    return Inline(lambda x: op("relu", x), simple=True)


@rules.writes(Elu)
def write_elu(op_: Elu, node: Node) -> Form:
    if is_alone(node):
        return Layer(layer("ELU", node, alpha=op_.alpha))
    return _plain("elu", _unless({"alpha": 1.0}, op_))


@rules.writes(Celu)
def write_celu(op_: Celu, node: Node) -> Form:
    return _plain("celu", _unless({"alpha": 1.0}, op_))


@rules.writes(Gelu)
def write_gelu(op_: Gelu, node: Node) -> Form:
    if is_alone(node) and not op_.approximate:
        return Layer(layer("Activation", node, "gelu"))
    return _plain("gelu", _unless({"approximate": True}, op_))


@rules.writes(HardShrink)
def write_hard_shrink(op_: HardShrink, node: Node) -> Form:
    return _plain("hard_shrink", _unless({"threshold": 0.5}, op_))


@rules.writes(SoftShrink)
def write_soft_shrink(op_: SoftShrink, node: Node) -> Form:
    return _plain("soft_shrink", _unless({"threshold": 0.5}, op_))


@rules.writes(Threshold)
def write_threshold(op_: Threshold, node: Node) -> Form:
    return Inline(lambda x: op("threshold", x, op_.threshold, op_.value), simple=True)


@rules.writes(SquarePlus)
def write_squareplus(op_: SquarePlus, node: Node) -> Form:
    return _plain("squareplus", _unless({"b": 4}, op_))


@rules.writes(Softmax)
def write_softmax(op_: Softmax, node: Node) -> Form:
    rank, along = node.inputs[0].rank, _along(op_, node)
    if is_alone(node) and 1 < rank <= MOST_AXES:
        return Layer(layer("Softmax", node, **along))
    return Inline(lambda x: softmax(x, rank, **along), simple=True)


@rules.writes(LogSoftmax)
def write_log_softmax(op_: LogSoftmax, node: Node) -> Form:
    return _plain("log_softmax", _along(op_, node))


@rules.writes(Sparsemax)
def write_sparsemax(op_: Sparsemax, node: Node) -> Form:
    """Keras's adds up partial sums; the projection itself is made of its definition."""
    along = _along(op_, node)
    if op_.of_sums:
        return _plain("sparsemax", along)
    axis = along.get("axis", -1)

    def build(x: Expression) -> Expression:
        falling = op("flip", op("sort", x, axis=axis), axis=axis)
        count = op("cumsum", op("ones_like", x), axis=axis)
        over = binary("-", op("cumsum", falling, axis=axis), 1.0)
        kept = binary("/", over, count)
        threshold = op("max", kept, axis=axis, keepdims=True)
        return op("relu", binary("-", x, threshold))

    return Inline(build)


@rules.writes(Glu)
def write_glu(op_: Glu, node: Node) -> Form:
    return _plain("glu", _along(op_, node))


@rules.writes(PRelu)
def write_prelu(op_: PRelu, node: Node) -> Form:
    shared = [axis for axis, size in enumerate(op_.shape, 1) if size == 1]
    sizes = node.inputs[0].shape[1:]
    shared = [axis for axis in shared if sizes[axis - 1] != 1]
    make = layer("PReLU", node, shared_axes=shared or None)
    return Layer(make, stored([weight(node, "slope")]))


def _plain(name: str, settings: Mapping[str, Any]) -> Inline:
    return Inline(lambda x: op(name, x, **settings), simple=True)


def _unless(usual: Mapping[str, Any], op_: object) -> dict[str, Any]:
    """The op's attributes that are not Keras's usual ones."""
    return {name: value for name, value in vars(op_).items() if value != usual.get(name)}


def _along(op_: Softmax | LogSoftmax | Glu | Sparsemax, node: Node) -> dict[str, int]:
    """The axis, unless it is the last one, which Keras takes by itself."""
    return {} if op_.axis in (-1, node.inputs[0].rank - 1) else {"axis": op_.axis}
