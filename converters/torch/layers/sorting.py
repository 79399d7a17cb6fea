"""Order."""

from __future__ import annotations

from converters.torch.rules import rules
from porter.graph.model import Node
from porter.graph.ops.sorting import ArgSort, Quantile, SearchSorted, Sort, TopK
from porter.source.code import Expression, Name, attr, call
from porter.writing.forms import Form, Inline, method


@rules.writes(Sort)
def write_sort(op: Sort, node: Node) -> Form:
    falling = {"descending": True} if op.descending else {}
    return Inline(lambda x: attr(method(x, "sort", dim=op.axis, **falling), "values"))


@rules.writes(ArgSort)
def write_arg_sort(op: ArgSort, node: Node) -> Form:
    falling = {"descending": True} if op.descending else {}

    def build(x: Expression) -> Expression:
        return method(method(x, "argsort", dim=op.axis, **falling, stable=True), "int")

    return Inline(build)


@rules.writes(TopK)
def write_top_k(op: TopK, node: Node) -> Form:
    """A stable sort: torch's own `topk` may name any of several equal values."""
    return Inline(lambda x: call("top_k", x, op.count), helpers=("top_k",))


@rules.writes(Quantile)
def write_quantile(op: Quantile, node: Node) -> Form:
    how = {} if op.method == "linear" else {"interpolation": op.method}
    keep = {"keepdim": True} if op.keepdims else {}
    half = node.inputs[0].dtype not in ("float32", "float64")

    def build(x: Expression) -> Expression:
        found = method(method(x, "float") if half else x, "quantile", op.share, dim=op.axis, **keep, **how)
        return method(found, "to", Name(f"torch.{node.outputs[0].dtype}")) if half else found

    return Inline(build)


@rules.writes(SearchSorted)
def write_search_sorted(op: SearchSorted, node: Node) -> Form:
    right = {"right": True} if op.side == "right" else {}
    small = {"out_int32": True} if op.dtype == "int32" else {}
    return Inline(lambda row, x: call("torch.searchsorted", row, x, **right, **small))
