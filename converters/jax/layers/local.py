"""Convolutions whose kernel differs from place to place."""

from __future__ import annotations

from converters.jax.layers.dtypes import same_type
from converters.jax.rules import rules
from porter.graph.model import Node
from porter.graph.ops.local import LocalConv
from porter.source.code import call
from porter.writing.forms import Form, Layer
from porter.writing.weights import weight, weights


@rules.writes(LocalConv)
def write_local_conv(op: LocalConv, node: Node) -> Form:
    rank = len(op.kernel)
    places = " ".join(f"p{axis}" for axis in range(rank))
    cells = " ".join(f"k{axis}" for axis in range(rank))
    sizes = {f"k{axis}": size for axis, size in enumerate(op.kernel)}
    held = {"kernel": weight(node, "weight", f"{places} ({cells} i) o -> {places} (i {cells}) o", **sizes)}
    held |= weights(node, bias="bias")
    strides = {} if set(op.strides) == {1} else {"strides": op.strides}
    bias = {} if "bias" in node.params else {"use_bias": False}
    make = call("LocallyConnected", op.inputs, op.outputs, op.positions, op.kernel, **strides, **bias)
    use = None if node.inputs[0].dtype == "float32" else lambda local, x: same_type(call(local, x), node)
    return Layer(make, held, use, ("LocallyConnected",))
