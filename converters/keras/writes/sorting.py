"""Order."""

from __future__ import annotations

from typing import Any

from converters.keras.rules import rules
from converters.keras.writes.making import op
from porter.errors import UnsupportedModel
from porter.graph.model import Node
from porter.graph.ops.sorting import ArgSort, Quantile, SearchSorted, Sort, TopK
from porter.source.code import Expression, Unary
from porter.writing.forms import Form, Inline


@rules.writes(Sort)
def write_sort(op_: Sort, node: Node) -> Form:
    def build(x: Expression) -> Expression:
        found = op("sort", x, axis=op_.axis)
        return op("flip", found, axis=op_.axis) if op_.descending else found

    return Inline(build)


@rules.writes(ArgSort)
def write_arg_sort(op_: ArgSort, node: Node) -> Form:
    """Falling order is the rising one of the negatives, in which equals keep their order too."""
    dtype = node.inputs[0].dtype

    def build(x: Expression) -> Expression:
        if not op_.descending:
            return op("argsort", x, axis=op_.axis)
        signed = x if "float" in dtype or dtype in ("int32", "int64") else op("cast", x, "int32")
        return op("argsort", Unary("-", signed), axis=op_.axis)

    return Inline(build)


@rules.writes(TopK)
def write_top_k(op_: TopK, node: Node) -> Form:
    return Inline(lambda x: op("top_k", x, op_.count))


@rules.writes(SearchSorted)
def write_search_sorted(op_: SearchSorted, node: Node) -> Form:
    """In one row of values: TensorFlow looks up those of more axes in as many sorted rows."""
    side = {"side": "right"} if op_.side == "right" else {}
    shape = tuple(size if isinstance(size, int) else -1 for size in node.inputs[1].shape)
    if shape.count(-1) > 1:
        raise UnsupportedModel(f"{node.origin}: Keras looks up values in a row only if their shape is known")

    def build(row: Expression, x: Expression) -> Expression:
        flat = x if len(shape) == 1 else op("reshape", x, (-1,))
        found = op("searchsorted", row, flat, **side)
        found = found if len(shape) == 1 else op("reshape", found, shape)
        return found if op_.dtype == "int32" else op("cast", found, op_.dtype)

    return Inline(build)


@rules.writes(Quantile)
def write_quantile(op_: Quantile, node: Node) -> Form:
    settings: dict[str, Any] = {} if op_.method == "linear" else {"method": op_.method}
    if op_.keepdims:
        settings["keepdims"] = True
    return Inline(lambda x: op("quantile", x, op_.share, axis=op_.axis, **settings))
