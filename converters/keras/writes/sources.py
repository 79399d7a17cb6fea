"""Constants and raw parameters."""

from __future__ import annotations

import numpy as np

from converters.keras.rules import rules
from converters.keras.writes.making import own_layer, stored
from porter.graph.model import Node
from porter.graph.ops.sources import Constant
from porter.source.code import Literal, call
from porter.weights.tensor import Constant as Numbers
from porter.writing.forms import Form, Inline, Layer, Weight
from porter.writing.weights import weight


@rules.writes(Constant)
def write_constant(op: Constant, node: Node) -> Form:
    """Numbers in the code, or a weight that hangs on an input (see `writing.nodes`)."""
    param = node.params["value"]
    if not node.inputs:
        assert isinstance(param.tensor, Numbers)
        numbers = np.asarray(param.tensor.read())
        if not op.shape:
            return Inline(lambda: Literal(numbers.item()), simple=True)
        plain = numbers.astype("float64") if "float" in op.dtype else numbers
        return Inline(lambda: call("np.array", plain.tolist(), op.dtype))
    make = own_layer("Weight", node, tuple(op.shape), op.dtype)
    held = weight(node, "value")
    if not param.trainable or "float" not in op.dtype:
        held = Weight(held.tensor, False, held.name, buffer=True)
    return Layer(make, stored([held]), helpers=("Weight",))
