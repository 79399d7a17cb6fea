"""Reductions."""

from __future__ import annotations

from typing import Any

from converters.keras.rules import rules
from converters.keras.writes.making import is_alone, layer, op
from porter.graph.model import Node
from porter.graph.ops.reduction import ArgReduce, Cumulate, Reduce
from porter.source.code import Expression
from porter.writing.forms import Form, Inline, Layer

GLOBAL = {"mean": "Average", "max": "Max"}


@rules.writes(Reduce)
def write_reduce(op_: Reduce, node: Node) -> Form:
    rank = node.inputs[0].rank
    axes = tuple(sorted(axis % rank for axis in op_.axes))
    inside = rank in (3, 4, 5) and axes == tuple(range(1, rank - 1))
    if is_alone(node) and op_.function in GLOBAL and inside and "float" in node.outputs[0].dtype:
        return Layer(layer(f"Global{GLOBAL[op_.function]}Pooling{rank - 2}D", node, keepdims=op_.keepdims))
    settings: dict[str, Any] = {"axis": op_.axes[0] if len(op_.axes) == 1 else op_.axes}
    if op_.keepdims:
        settings["keepdims"] = True
    dtype = node.outputs[0].dtype
    narrow = dtype in ("int8", "int16", "uint8", "uint16", "uint32") and op_.function in ("sum", "prod")

    def build(x: Expression) -> Expression:
        found = op(op_.function, x, **settings)
        return op("cast", found, dtype) if narrow else found

    return Inline(build, simple=True)


@rules.writes(ArgReduce)
def write_arg_reduce(op_: ArgReduce, node: Node) -> Form:
    keep = {"keepdims": True} if op_.keepdims else {}

    def build(x: Expression) -> Expression:
        found = op(f"arg{op_.function}", x, axis=op_.axis, **keep)
        return found if op_.dtype == "int32" else op("cast", found, op_.dtype)

    return Inline(build)


@rules.writes(Cumulate)
def write_cumulate(op_: Cumulate, node: Node) -> Form:
    dtype = node.outputs[0].dtype
    narrow = "float" not in dtype and dtype not in ("int32", "int64")

    def build(x: Expression) -> Expression:
        found = op(f"cum{op_.function}", x, axis=op_.axis)
        return op("cast", found, dtype) if narrow else found

    return Inline(build)
