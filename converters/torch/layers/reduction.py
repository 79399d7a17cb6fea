"""Reductions."""

from __future__ import annotations

from converters.torch.rules import rules
from porter.graph.model import Node
from porter.graph.ops.reduction import ArgReduce, Cumulate, Reduce
from porter.source.code import Expression, Name
from porter.writing.forms import Form, Inline, method

METHODS = {
    "max": "amax",
    "min": "amin",
    "logsumexp": "logsumexp",
    "mean": "mean",
    "sum": "sum",
    "all": "all",
    "any": "any",
}


@rules.writes(Reduce)
def write_reduce(op: Reduce, node: Node) -> Form:
    dims = op.axes[0] if len(op.axes) == 1 else op.axes
    keep = {"keepdim": True} if op.keepdims else {}
    same = _same_type(op.function, node.outputs[0].dtype)
    if op.function in METHODS:
        return Inline(lambda x: method(x, METHODS[op.function], dim=dims, **keep, **same), simple=True)
    if op.function in ("std", "var"):
        return Inline(lambda x: method(x, op.function, dim=dims, correction=0, **keep), simple=True)

    def product(x: Expression) -> Expression:
        for axis in sorted(op.axes, reverse=True):
            x = method(x, "prod", dim=axis, **keep, **same)
        return x

    return Inline(product)


@rules.writes(ArgReduce)
def write_arg_reduce(op: ArgReduce, node: Node) -> Form:
    keep = {"keepdim": True} if op.keepdims else {}

    def build(x: Expression) -> Expression:
        found = method(x, f"arg{op.function}", dim=op.axis, **keep)
        return found if op.dtype == "int64" else method(found, "to", Name(f"torch.{op.dtype}"))

    return Inline(build)


@rules.writes(Cumulate)
def write_cumulate(op: Cumulate, node: Node) -> Form:
    same = _same_type(op.function, node.outputs[0].dtype)
    return Inline(lambda x: method(x, f"cum{op.function}", dim=op.axis, **same))


def _same_type(function: str, dtype: str) -> dict[str, Name]:
    """torch adds whole numbers up in int64 unless told otherwise."""
    widens = function in ("sum", "prod") and "int" in dtype and dtype != "int64"
    return {"dtype": Name(f"torch.{dtype}")} if widens else {}
