"""Products."""

from __future__ import annotations

from converters.jax.layers.dtypes import precision
from converters.jax.rules import rules
from porter.graph.model import Node
from porter.graph.ops.linear import Einsum, Embedding, Linear, MatMul, Unembed
from porter.source.code import Binary, Name, call
from porter.writing.forms import Form, Inline, Layer, method
from porter.writing.weights import weight, weights


@rules.writes(Linear)
def write_linear(op: Linear, node: Node) -> Form:
    bias = {} if "bias" in node.params else {"use_bias": False}
    held = {"kernel": weight(node, "weight", "o i -> i o"), **weights(node, bias="bias")}
    make = call("nnx.Linear", op.inputs, op.outputs, **bias, **precision(node))
    if op.axis in (-1, node.inputs[0].rank - 1):
        return Layer(make, held)
    return Layer(
        make,
        held,
        use=lambda linear, x: call(
            "jnp.moveaxis", call(linear, call("jnp.moveaxis", x, op.axis, -1)), -1, op.axis
        ),
    )


@rules.writes(MatMul)
def write_matmul(op: MatMul, node: Node) -> Form:
    return Inline(lambda a, b: Binary("@", a, b))


@rules.writes(Einsum)
def write_einsum(op: Einsum, node: Node) -> Form:
    return Inline(lambda *terms: call("jnp.einsum", op.equation, *terms))


@rules.writes(Embedding)
def write_embedding(op: Embedding, node: Node) -> Form:
    """Ids of any type: Keras models often take them as floats."""
    make = call("nnx.Embed", op.entries, op.width, **precision(node))
    held = weights(node, embedding="weight")
    if "int" in node.inputs[0].dtype:
        return Layer(make, held)
    return Layer(make, held, use=lambda table, ids: call(table, method(ids, "astype", Name("int"))))


@rules.writes(Unembed)
def write_unembed(op: Unembed, node: Node) -> Form:
    """The table of the layer that makes vectors of ids."""
    make = call("nnx.Embed", op.entries, op.width, **precision(node))
    return Layer(
        make, weights(node, embedding="weight"), use=lambda table, x: method(table, "attend", x), lent=True
    )
