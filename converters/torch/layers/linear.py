"""Products."""

from __future__ import annotations

from converters.torch.layers.weights import weight, weights
from converters.torch.rules import rules
from porter.graph.model import Node
from porter.graph.ops.linear import Einsum, Embedding, Linear, MatMul, Unembed
from porter.source.code import Binary, attr, call
from porter.writing.forms import Form, Inline, Layer, method


@rules.writes(Linear)
def write_linear(op: Linear, node: Node) -> Form:
    """Along axis 1 of an image a linear layer is a convolution with a kernel of one cell."""
    bias = {} if "bias" in node.params else {"bias": False}
    if op.axis == -1:
        return Layer(
            call("nn.Linear", op.inputs, op.outputs, **bias), weights(node, weight="weight", bias="bias")
        )
    spatial = node.inputs[0].rank - 2
    make = call(f"nn.Conv{spatial}d", op.inputs, op.outputs, kernel_size=1, **bias)
    held = {"weight": weight(node, "weight", f"o i -> o i{' 1' * spatial}")}
    return Layer(make, {**held, **weights(node, bias="bias")})


@rules.writes(MatMul)
def write_matmul(op: MatMul, node: Node) -> Form:
    return Inline(lambda a, b: Binary("@", a, b))


@rules.writes(Einsum)
def write_einsum(op: Einsum, node: Node) -> Form:
    return Inline(lambda *terms: call("torch.einsum", op.equation, *terms))


@rules.writes(Embedding)
def write_embedding(op: Embedding, node: Node) -> Form:
    """Ids of any type: Keras models often take them as floats."""
    from_ids = node.inputs[0].dtype not in ("int32", "int64")
    make = call("nn.Embedding", op.entries, op.width)
    if not from_ids:
        return Layer(make, weights(node, weight="weight"))
    return Layer(
        make, weights(node, weight="weight"), use=lambda table, ids: call(table, method(ids, "long"))
    )


@rules.writes(Unembed)
def write_unembed(op: Unembed, node: Node) -> Form:
    """The table of the layer that makes vectors of ids."""
    return Layer(
        call("nn.Embedding", op.entries, op.width),
        weights(node, weight="weight"),
        use=lambda table, x: call("F.linear", x, attr(table, "weight")),
        lent=True,
    )
