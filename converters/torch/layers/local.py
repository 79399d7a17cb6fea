"""Convolutions whose kernel differs from place to place."""

from __future__ import annotations

from converters.torch.layers.weights import weight
from converters.torch.rules import rules
from porter.graph.model import Node
from porter.graph.ops.local import LocalConv
from porter.source.code import call
from porter.writing.forms import Form, Layer


@rules.writes(LocalConv)
def write_local_conv(op: LocalConv, node: Node) -> Form:
    rank = len(op.kernel)
    places = " ".join(f"p{axis}" for axis in range(rank))
    cells = " ".join(f"k{axis}" for axis in range(rank))
    sizes = {f"k{axis}": size for axis, size in enumerate(op.kernel)}
    held = {"weight": weight(node, "weight", f"{places} ({cells} i) o -> o {places} i {cells}", **sizes)}
    if "bias" in node.params:
        held["bias"] = weight(node, "bias", f"{places} o -> o {places}")
    strides = {} if set(op.strides) == {1} else {"stride": op.strides}
    bias = {} if "bias" in node.params else {"bias": False}
    make = call("LocallyConnected", op.inputs, op.outputs, op.positions, op.kernel, **strides, **bias)
    return Layer(make, held, helpers=("LocallyConnected",))
