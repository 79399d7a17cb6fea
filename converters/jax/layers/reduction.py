"""Reductions."""

from __future__ import annotations

from typing import Any

from converters.jax.layers.dtypes import dtype_name
from converters.jax.rules import rules
from porter.graph.model import Node
from porter.graph.ops.reduction import ArgReduce, Cumulate, Reduce
from porter.source.code import Expression, call
from porter.writing.forms import Form, Inline, method


@rules.writes(Reduce)
def write_reduce(op: Reduce, node: Node) -> Form:
    settings: dict[str, Any] = {"axis": op.axes[0] if len(op.axes) == 1 else op.axes}
    if op.keepdims:
        settings["keepdims"] = True
    if op.function == "logsumexp":
        return Inline(lambda x: call("nnx.logsumexp", x, **settings), simple=True)
    return Inline(lambda x: method(x, op.function, **settings), simple=True)


@rules.writes(ArgReduce)
def write_arg_reduce(op: ArgReduce, node: Node) -> Form:
    keep = {"keepdims": True} if op.keepdims else {}

    def build(x: Expression) -> Expression:
        found = method(x, f"arg{op.function}", axis=op.axis, **keep)
        # JAX's places are 32 bits wide, where 64 are not switched on
        return method(found, "astype", dtype_name(op.dtype)) if op.dtype != "int64" else found

    return Inline(build)


@rules.writes(Cumulate)
def write_cumulate(op: Cumulate, node: Node) -> Form:
    return Inline(lambda x: method(x, f"cum{op.function}", axis=op.axis))
