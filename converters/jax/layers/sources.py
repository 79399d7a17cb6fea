"""Constants and raw parameters."""

from __future__ import annotations

import numpy as np

from converters.jax.layers.dtypes import dtype_name
from converters.jax.rules import rules
from porter.graph.model import Node
from porter.graph.ops.sources import Constant
from porter.source.code import Literal, call, index
from porter.weights.tensor import Constant as Numbers
from porter.writing.forms import Form, Inline, Layer
from porter.writing.weights import buffer, weight


@rules.writes(Constant)
def write_constant(op: Constant, node: Node) -> Form:
    param = node.params["value"]
    if not op.shape and isinstance(param.tensor, Numbers):
        number = np.asarray(param.tensor.read()).item()
        return Inline(lambda: Literal(number), simple=True)
    dtype = {} if op.dtype == "float32" else {"dtype": dtype_name(op.dtype)}
    zeros = call("jnp.zeros", tuple(op.shape), **dtype)
    if param.trainable and "float" in op.dtype:
        return Layer(call("nnx.Param", zeros), {"": weight(node, "value")}, use=lambda held: index(held, ...))
    held = {"": buffer(node, "value")}
    return Layer(call("Fixed", zeros), held, use=lambda fixed: index(fixed, ...), helpers=("Fixed",))
