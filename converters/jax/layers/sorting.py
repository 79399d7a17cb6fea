"""Order."""

from __future__ import annotations

from typing import Any

from converters.jax.layers.dtypes import dtype_name
from converters.jax.rules import rules
from porter.graph.model import Node
from porter.graph.ops.sorting import ArgSort, Quantile, SearchSorted, Sort, TopK
from porter.source.code import Expression, call
from porter.writing.forms import Form, Inline, method


@rules.writes(Sort)
def write_sort(op: Sort, node: Node) -> Form:
    falling = {"descending": True} if op.descending else {}
    return Inline(lambda x: call("jnp.sort", x, axis=op.axis, **falling))


@rules.writes(ArgSort)
def write_arg_sort(op: ArgSort, node: Node) -> Form:
    falling = {"descending": True} if op.descending else {}
    return Inline(lambda x: call("jnp.argsort", x, axis=op.axis, **falling))


@rules.writes(TopK)
def write_top_k(op: TopK, node: Node) -> Form:
    """JAX's own takes 0 for larger than -0, and so another one of several that are equal."""
    if "float" not in node.inputs[0].dtype:
        return Inline(lambda x: call("jax.lax.top_k", x, op.count))
    return Inline(lambda x: call("top_k", x, op.count), ("top_k",))


@rules.writes(SearchSorted)
def write_search_sorted(op: SearchSorted, node: Node) -> Form:
    side = {"side": "right"} if op.side == "right" else {}

    def build(row: Expression, x: Expression) -> Expression:
        found = call("jnp.searchsorted", row, x, **side)
        return found if op.dtype in ("int32", "int64") else method(found, "astype", dtype_name(op.dtype))

    return Inline(build)


@rules.writes(Quantile)
def write_quantile(op: Quantile, node: Node) -> Form:
    settings: dict[str, Any] = {} if op.method == "linear" else {"method": op.method}
    if op.keepdims:
        settings["keepdims"] = True
    return Inline(lambda x: call("jnp.quantile", x, op.share, axis=op.axis, **settings))
