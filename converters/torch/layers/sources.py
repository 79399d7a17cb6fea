"""Constants and raw parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from converters.torch.layers.weights import weight
from converters.torch.rules import rules
from porter.graph.model import Node
from porter.graph.ops.sources import Constant
from porter.source.code import Literal, Name, call
from porter.weights.tensor import Constant as Numbers
from porter.writing.forms import Form, Inline, Layer


@rules.writes(Constant)
def write_constant(op: Constant, node: Node) -> Form:
    param = node.params["value"]
    if not op.shape and isinstance(param.tensor, Numbers):
        number = _short(np.asarray(param.tensor.read()))
        return Inline(lambda: Literal(number), simple=True)
    trained = param.trainable and "float" in op.dtype
    dtype = {} if op.dtype == "float32" else {"dtype": Name(f"torch.{op.dtype}")}
    empty = call("torch.empty", tuple(op.shape), **dtype)
    make = call("nn.Parameter" if trained else "nn.Buffer", empty)
    held = replace(weight(node, "value"), buffer=not trained)
    return Layer(make, {"": held}, use=lambda attribute: attribute)


def _short(number: np.ndarray) -> object:
    """The number as people write it: 0.1, which is the same in float32, not 0.10000000149011612."""
    short = float(str(number)) if number.dtype == "float32" else number.item()
    return number.item() if abs(short) > abs(number.item()) >= np.finfo("float32").max else short
