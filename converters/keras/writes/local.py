"""Convolutions whose kernel differs from place to place."""

from __future__ import annotations

from converters.keras.rules import rules
from converters.keras.writes.making import own_layer, stored
from porter.graph.model import Node
from porter.graph.ops.local import LocalConv
from porter.writing.forms import Form, Layer
from porter.writing.weights import weight

OWN = "LocallyConnected"


@rules.writes(LocalConv)
def write_local_conv(op: LocalConv, node: Node) -> Form:
    bias = weight(node, "bias") if "bias" in node.params else None
    strides = {} if set(op.strides) == {1} else {"strides": op.strides}
    told = {} if bias is not None else {"use_bias": False}
    make = own_layer(OWN, node, op.outputs, op.kernel, **strides, **told)
    return Layer(make, stored([weight(node, "weight"), bias]), helpers=(OWN,))
