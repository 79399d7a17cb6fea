"""Products."""

from __future__ import annotations

from string import ascii_lowercase

from converters.keras.rules import rules
from converters.keras.writes.convolution import activation
from converters.keras.writes.making import is_reversible, layer, op, stored
from porter.errors import UnsupportedModel
from porter.graph.model import Node
from porter.graph.ops.linear import Einsum, Embedding, Linear, MatMul, Unembed
from porter.source.code import Expression, call
from porter.writing.forms import Form, Inline, Layer
from porter.writing.weights import weight


@rules.writes(Linear)
def write_linear(op_: Linear, node: Node) -> Form:
    bias = weight(node, "bias") if "bias" in node.params else None
    held = stored([weight(node, "weight", "o i -> i o"), bias])
    told, helpers = activation(node)
    make = layer("Dense", node, op_.outputs, use_bias=bias is not None, **told)
    if op_.axis in (-1, node.inputs[0].rank - 1):
        return Layer(make, held, helpers=helpers)

    def use(dense: Expression, x: Expression) -> Expression:
        return op("moveaxis", call(dense, op("moveaxis", x, op_.axis, -1)), -1, op_.axis)

    return Layer(make, held, use, helpers)


@rules.writes(MatMul)
def write_matmul(op_: MatMul, node: Node) -> Form:
    return Inline(lambda a, b: op("matmul", a, b))


@rules.writes(Einsum)
def write_einsum(op_: Einsum, node: Node) -> Form:
    equation = _in_small_letters(op_.equation, node)
    return Inline(lambda *terms: op("einsum", equation, *terms))


def _in_small_letters(equation: str, node: Node) -> str:
    """Keras knows the shape of a result by small letters only."""
    large = sorted(set(filter(str.isupper, equation)))
    free = [letter for letter in ascii_lowercase if letter not in equation]
    if len(large) > len(free):
        raise UnsupportedModel(f"{node.origin}: Keras takes products over at most 26 axes, not {equation}")
    return equation.translate(str.maketrans("".join(large), "".join(free[: len(large)])))


@rules.writes(Embedding)
def write_embedding(op_: Embedding, node: Node) -> Form:
    kind = "ReversibleEmbedding" if is_reversible(node) else "Embedding"
    return Layer(layer(kind, node, op_.entries, op_.width), stored([weight(node, "weight")]))


@rules.writes(Unembed)
def write_unembed(op_: Unembed, node: Node) -> Form:
    """The layer that makes vectors of ids, called backwards."""
    make = layer("ReversibleEmbedding", node, op_.entries, op_.width)
    return Layer(
        make, stored([weight(node, "weight")]), lambda table, x: call(table, x, reverse=True)
    )
