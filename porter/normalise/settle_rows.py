"""What is the same for every example of a batch, computed at conversion.

Models make masks and places in the size of the batch, though no input has a part in them: each row is like
the first, or is the number of its row. Of such values only one row is kept, where what they meet broadcasts
it. A mask of attention that hides nothing, or just what comes later, is then seen to be that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from porter.graph.builder import prune
from porter.graph.dims import Shape, product
from porter.graph.model import Graph, Node, Param, Spec, Value
from porter.graph.ops.attention import Attention, HideScores
from porter.graph.ops.elementwise import Binary, Cast, Unary, Where
from porter.graph.ops.indexing import Expand, GatherNd, Stack
from porter.graph.ops.op import Op
from porter.graph.ops.reduction import Cumulate
from porter.graph.ops.reshaping import Concat, Reshape, Slice, Transpose
from porter.graph.ops.sources import Constant
from porter.weights.tensor import Constant as Numbers

LARGEST = 1 << 20
"""Rows of more cells are left to the model."""


class _Row(NamedTuple):
    """A value by its numbers for the first example; `axis` is that of the examples, None where it has none.

    `counts`: each example has one more than the one before it, else all have the same.
    """

    numbers: np.ndarray
    axis: int | None = None
    counts: bool = False

    @property
    def behind(self) -> int | None:
        """The axis of the examples, from the end."""
        return None if self.axis is None else self.axis - self.numbers.ndim


def settle_rows(graph: Graph) -> Graph:
    """The graph with one row in place of such values."""
    rows: dict[Value, _Row] = {}
    made = graph.producers()
    for node in graph.nodes:
        row = _row(node, rows, made) if _is_small(node.outputs[0]) else None
        if row is not None:
            rows[node.outputs[0]] = row
    known = {value: row.numbers for value, row in rows.items() if row.axis is None}
    ones: dict[Value, Node] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.outputs[0] not in rows:
            for value in node.inputs:
                if value in rows and value not in ones and rows[value].axis is not None:
                    ones[value] = _constant(value, rows[value].numbers, made[value])
                    known[ones[value].outputs[0]] = rows[value].numbers
                    nodes.append(ones[value])
            node = _plain_mask(_met(node, rows, ones), known)
        nodes.append(node)
    return prune(replace(graph, nodes=tuple(nodes)))


def _is_small(value: Value) -> bool:
    return math.prod(size for size in value.shape if isinstance(size, int)) <= LARGEST


def _constant(value: Value, numbers: np.ndarray, like: Node) -> Node:
    made = Value(value.name, Spec(tuple(numbers.shape), value.dtype))
    param = Param(Numbers(np.ascontiguousarray(numbers.astype(value.dtype))), trainable=False)
    return Node(Constant(made.shape, value.dtype), (), (made,), {"value": param}, like.origin)


def _met(node: Node, rows: Mapping[Value, _Row], ones: Mapping[Value, Node]) -> Node:
    """The node with one row in place of all, where the others are broadcast against it."""
    places = {Attention: (3,), HideScores: (1,), Binary: (0, 1), Where: (0, 1, 2)}.get(type(node.op), ())
    for place in places:
        value = node.inputs[place] if place < len(node.inputs) else None
        row = None if value is None else rows.get(value)
        if value is None or row is None or row.axis is None or row.counts:
            continue
        inputs = (*node.inputs[:place], ones[value].outputs[0], *node.inputs[place + 1 :])
        if node.op.infer(*(one.spec for one in inputs))[0] == node.outputs[0].spec:
            node = replace(node, inputs=inputs)
    return node


def _plain_mask(node: Node, known: Mapping[Value, np.ndarray]) -> Node:
    """Attention without a mask that hides nothing, or just the keys that come later."""
    op = node.op
    seen = known.get(node.inputs[3]) if isinstance(op, Attention) and len(node.inputs) > 3 else None
    if not isinstance(op, Attention) or seen is None or seen.ndim < 2:
        return node
    if bool(seen.all()):
        return replace(node, inputs=node.inputs[:3])
    steps = tuple(value.shape[-2] for value in node.inputs[:2])
    square = seen.shape[-2:] == steps and steps[0] == steps[1] and op.penalty is None
    if square and bool((seen == np.tri(seen.shape[-1], dtype=bool)).all()):
        return replace(node, op=replace(op, causal=True), inputs=node.inputs[:3])
    return node


# --- rows through operations


def _row(node: Node, rows: Mapping[Value, _Row], made: Mapping[Value, Node]) -> _Row | None:
    op = node.op
    if isinstance(op, Constant):
        tensor = node.params["value"].tensor
        return _Row(tensor.read()) if isinstance(tensor, Numbers) else None
    rule = next((rule for kind, rule in RULES.items() if isinstance(op, kind)), None)
    if rule is None or not node.inputs or node.inputs[0] not in rows:
        return None
    if isinstance(op, GatherNd):
        return _gathered(op, node, rows, made)
    needed = node.inputs[:1] if isinstance(op, Expand) else node.inputs
    given = [rows[value] for value in needed if value in rows]
    return rule(op, node.outputs[0].shape, given) if len(given) == len(needed) else None


def _applied(op: Op, given: list[_Row], axis: int | None, counts: bool = False) -> _Row:
    with np.errstate(all="ignore"):
        return _Row(np.asarray(op.meaning([row.numbers for row in given], {})[0]), axis, counts)


def _elementwise(op: Any, shape: Shape, given: list[_Row]) -> _Row | None:
    behind = {row.behind for row in given} - {None}
    counting = [row.counts for row in given]
    if len(behind) > 1:
        return None
    shifts = isinstance(op, Cast) and op.dtype in ("int32", "int64")
    if isinstance(op, Binary):
        shifts = op.function == "add" and counting.count(True) == 1
        shifts |= op.function == "subtract" and counting == [True, False]
    if any(counting) and not shifts:
        return None
    end = next(iter(behind), None)
    return _applied(op, given, None if end is None else end + len(shape), any(counting))


def _expanded(op: Any, shape: Shape, given: list[_Row]) -> _Row | None:
    (row,) = given
    missing = len(shape) - row.numbers.ndim
    axis = None if row.axis is None else row.axis + missing
    have = (*(1,) * missing, *row.numbers.shape)
    opened = [place for place, size in enumerate(shape) if not isinstance(size, int)]
    if len(opened) > 1 or (axis is not None and opened != [axis]):
        return None
    if opened and have[opened[0]] != 1:
        return None
    sizes = [size if isinstance(size, int) else 1 for size in shape]
    return _Row(np.broadcast_to(row.numbers, sizes), opened[0] if opened else None, row.counts)


def _cumulated(op: Any, shape: Shape, given: list[_Row]) -> _Row | None:
    (row,) = given
    if row.axis != op.axis % len(shape):
        return None if row.counts else _applied(op, given, row.axis)
    ones = op.function == "sum" and not row.counts and bool((row.numbers == 1).all())
    return _Row(row.numbers, row.axis, True) if ones and row.numbers.dtype.kind == "i" else None


def _reshaped(op: Any, shape: Shape, given: list[_Row]) -> _Row | None:
    (row,) = given
    if row.axis is None:
        return _applied(op, given, None)
    opened = [place for place, size in enumerate(shape) if not isinstance(size, int)]
    if len(opened) != 1 or product(shape[: opened[0]]) != product(row.numbers.shape[: row.axis]):
        return None
    sizes = [size if isinstance(size, int) else 1 for size in shape]
    if np.prod(sizes, dtype=int) != row.numbers.size:
        return None
    return _applied(Reshape(tuple(sizes)), given, opened[0], row.counts)


def _turned(op: Any, shape: Shape, given: list[_Row]) -> _Row | None:
    (row,) = given
    return _applied(op, given, None if row.axis is None else op.perm.index(row.axis), row.counts)


def _sliced(op: Any, shape: Shape, given: list[_Row]) -> _Row | None:
    (row,) = given
    whole = row.axis is None or op.ranges[row.axis] == (None, None, 1)
    return _applied(op, given, row.axis, row.counts) if whole else None


def _joined(op: Any, shape: Shape, given: list[_Row]) -> _Row | None:
    axes, along = {row.axis for row in given}, op.axis % len(shape)
    if len(axes) > 1 or along in axes or any(row.counts for row in given):
        return None
    return _applied(op, given, axes.pop())


def _gathered(
    op: GatherNd, node: Node, rows: Mapping[Value, _Row], made: Mapping[Value, Node]
) -> _Row | None:
    """Each example asks for its own row, by its number, of what has the same in every row."""
    table, stack = rows[node.inputs[0]], made.get(node.inputs[1])
    if op.batch or table.axis != 0 or table.counts or stack is None or not isinstance(stack.op, Stack):
        return None
    places = [rows[value] for value in stack.inputs if value in rows]
    if len(places) < len(stack.inputs) or stack.op.axis % node.inputs[1].rank != node.inputs[1].rank - 1:
        return None
    first, *others = places
    counts = first.counts and not first.numbers.any() and not any(row.counts for row in others)
    axes = {row.axis for row in places}
    if not counts or len(axes) != 1:
        return None
    return _Row(table.numbers[tuple(row.numbers.astype("int64") for row in places)], axes.pop())


Rule = Callable[[Any, Shape, list[_Row]], _Row | None]

RULES: Mapping[type[Op], Rule] = {
    Unary: _elementwise,
    Binary: _elementwise,
    Cast: _elementwise,
    Where: _elementwise,
    Expand: _expanded,
    Cumulate: _cumulated,
    Reshape: _reshaped,
    Transpose: _turned,
    Slice: _sliced,
    Concat: _joined,
    GatherNd: _joined,
}
