"""Queries, keys and values that one product makes together, as three: its weight is cut.

Networks pack them for speed, and cut the result by views: `qkv(x).reshape(n, t, 3, h, d)`, its axes turned
and its slices taken, or `c_attn(x).split(width)`. Whichever views they are: followed back, they say which
rows of the weight each head is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from porter.dataclass import dataclass
from porter.graph.dims import Dim
from porter.graph.model import Graph, Node, Param, Spec, Value
from porter.graph.ops.attention import Attention, SplitHeads
from porter.graph.ops.indexing import Index, Split, Unbind
from porter.graph.ops.linear import Linear
from porter.graph.ops.op import Op
from porter.graph.ops.reshaping import Reshape, Slice, Transpose
from porter.graph.regroup import groups
from porter.weights.tensor import Array, Derived, Rows


@dataclass(frozen=True)
class _Axis:
    """An axis of a view: each `step`-th place along an axis of what is viewed, or one place (None)."""

    size: Dim
    of: int | None
    step: int = 1


@dataclass(frozen=True)
class _View:
    """A value as a view of the result of a product, whose features it takes from `start` on."""

    product: Node
    axes: tuple[_Axis, ...]
    start: int
    through: tuple[Node, ...]

    @property
    def features(self) -> int:
        """The axis of the product's features."""
        return self.product.outputs[0].rank - 1


def unpacked(graph: Graph, wanted: Collection[Value] | None = None) -> Graph:
    """The graph with packed products taken apart where they serve nothing but attention.

    `wanted`: only for the attention that makes one of these values.
    """
    made = graph.producers()
    users = graph.consumers()
    placed: dict[Node, list[Node]] = {}
    gone: set[Node] = set()
    for node in graph.nodes:
        if not isinstance(node.op, Attention) or (wanted is not None and node.outputs[0] not in wanted):
            continue
        views = [_view(value, made) for value in node.inputs[:3]]
        found = [view for view in views if view is not None and _heads(view, node.inputs[0].rank)]
        inside = {one for view in found for one in (view.product, *view.through)}
        packed = len({view.product for view in found}) < 3
        if len(found) == 3 and packed and _only_for(node, inside, users, graph):
            gone |= inside
            placed[node] = list(_apart(node, found))
    nodes = [one for node in graph.nodes if node not in gone for one in placed.get(node, [node])]
    return replace(graph, nodes=tuple(nodes))


def _only_for(
    attention: Node, inside: Collection[Node], users: Mapping[Value, Sequence[Node]], graph: Graph
) -> bool:
    others = attention.inputs[3:]
    values = [value for node in inside for value in node.outputs]
    return all(
        value not in graph.outputs
        and value not in others
        and all(user in inside or user is attention for user in users.get(value, ()))
        for value in values
    )


def _apart(attention: Node, views: Sequence[_View]) -> Iterator[Node]:
    """Three products, their heads, and the attention to them."""
    inputs: list[Value] = []
    for view, wanted in zip(views, attention.inputs, strict=False):
        heads = _heads(view, wanted.rank)
        product = view.product
        assert heads is not None
        assert isinstance(product.op, Linear)
        name, spec = product.outputs[0].name, product.outputs[0].spec
        params = {key: heads.cut(param) for key, param in product.params.items()}
        part = Value(name, Spec((*spec.shape[:-1], heads.count * heads.width), spec.dtype))
        yield Node(
            replace(product.op, outputs=heads.count * heads.width),
            product.inputs,
            (part,),
            params,
            product.origin,
        )
        inputs.append(Value(name, wanted.spec))
        yield Node(SplitHeads(heads.count), (part,), (inputs[-1],), {}, product.origin)
    yield replace(attention, inputs=(*inputs, *attention.inputs[3:]))


@dataclass(frozen=True)
class _Heads:
    """Where the heads lie among the features: so many, so far apart, each so wide."""

    start: int
    count: int
    apart: int
    width: int
    step: int

    def cut(self, param: Param) -> Param:
        """A weight or bias of these heads alone."""
        tensor = param.tensor
        if self._together:
            rows = Rows(tensor, self.start, self.start + self.count * self.width)
            return replace(param, tensor=rows)
        shape = (self.count * self.width, *tensor.shape[1:])
        return replace(param, tensor=Derived((tensor,), str(self), shape, tensor.dtype, self._taken))

    def _taken(self, array: Array) -> Array:
        heads = self.start + self.apart * np.arange(self.count)
        rows = heads[:, None] + self.step * np.arange(self.width)
        found: Array = array[rows.ravel()]
        return found

    @property
    def _together(self) -> bool:
        return self.step == 1 and (self.count == 1 or self.apart == self.width)

    def __str__(self) -> str:
        stop = self.start + self.width * self.step
        step = f":{self.step}" if self.step > 1 else ""
        return f"rows {self.start}:{stop}{step} of each {self.apart}"


def _heads(view: _View, rank: int) -> _Heads | None:
    """The heads that a view `(..., h, t, d)` shows, where it shows the rest as it is."""
    shape = view.product.outputs[0].shape
    if len(view.axes) != rank or rank != len(shape) + 1:
        return None
    *lead, head, step, width = view.axes
    whole = [_Axis(size, axis if size != 1 else None) for axis, size in enumerate(shape[:-1])]
    count, size = head.size, width.size
    if [*lead, step] != whole or not isinstance(count, int) or not isinstance(size, int):
        return None
    if any(axis.of not in (None, view.features) for axis in (head, width)):
        return None
    return _Heads(view.start, count, head.step, size, width.step)


def _view(value: Value, made: Mapping[Value, Node]) -> _View | None:
    """What a value shows of the product that it is cut from, or None where it is more than a view."""
    node = made.get(value)
    if node is None:
        return None
    if isinstance(node.op, Linear):
        rank = value.rank
        axes = tuple(_Axis(size, axis if size != 1 else None) for axis, size in enumerate(value.shape))
        return _View(node, axes, 0, ()) if node.op.axis % rank == rank - 1 and rank > 1 else None
    if not isinstance(node.op, Reshape | Transpose | SplitHeads | Unbind | Split | Index | Slice):
        return None
    below = _view(node.inputs[0], made)
    found = None if below is None else _seen(node, node.outputs.index(value), below)
    return None if found is None else replace(found, through=(*found.through, node))


def _seen(node: Node, place: int, view: _View) -> _View | None:
    op, axes = node.op, view.axes
    if isinstance(op, Transpose):
        return replace(view, axes=tuple(axes[axis] for axis in op.perm))
    if isinstance(op, SplitHeads):
        cut = _split(axes[-1], node.outputs[0].shape[-3::2])
        return None if cut is None else replace(view, axes=(*axes[:-2], cut[0], axes[-2], cut[1]))
    if isinstance(op, Reshape):
        found = _reshaped(axes, node)
        return None if found is None else replace(view, axes=found)
    return _taken(view, _ranges(op, place, len(axes)))


Range = tuple[int | None, int | None, int]
WHOLE: Range = (None, None, 1)


def _ranges(op: Op, place: int, rank: int) -> list[int | Range | None]:
    """What result `place` takes of each axis, as an index says it."""
    if isinstance(op, Index):
        return list(op.items)
    if isinstance(op, Slice):
        return list(op.ranges)
    ranges: list[int | Range | None] = [WHOLE] * rank
    if isinstance(op, Unbind):
        ranges[op.axis] = place
    if isinstance(op, Split):
        start = sum(op.sizes[:place])
        ranges[op.axis] = (start, start + op.sizes[place], 1)
    return ranges


def _taken(view: _View, ranges: Sequence[int | Range | None]) -> _View | None:
    """The view after places and ranges are taken, which must be features."""
    left, axes, start = list(view.axes), [], view.start
    for part in ranges:
        axis = _Axis(1, None) if part is None else left.pop(0)
        if part is None or part == WHOLE:
            axes.append(axis)
            continue
        if axis.of != view.features or not isinstance(axis.size, int):
            return None
        first, stop, step = (part, part + 1 or None, 1) if isinstance(part, int) else part
        taken = range(axis.size)[first:stop:step]
        if not taken or step < 1:
            return None
        start += taken.start * axis.step
        if not isinstance(part, int):
            axes.append(_Axis(len(taken), axis.of if len(taken) > 1 else None, axis.step * step))
    return replace(view, axes=tuple(axes), start=start)


def _reshaped(axes: Sequence[_Axis], node: Node) -> tuple[_Axis, ...] | None:
    before, after = node.inputs[0].shape, node.outputs[0].shape
    found = groups(before, after)
    if found is None:
        return None
    made = [_Axis(1, None) for _ in after]
    for group in found:
        if len(group.before) == 1:
            parts = _split(axes[group.before[0]], [after[axis] for axis in group.after])
        else:
            parts = _merged([axes[axis] for axis in group.before]) if len(group.after) == 1 else None
        if parts is None:
            return None
        for axis, part in zip(group.after, parts, strict=True):
            made[axis] = part
    return tuple(made)


def _split(axis: _Axis, sizes: Sequence[Dim]) -> list[_Axis] | None:
    """An axis as several, the last of which moves fastest."""
    if len(sizes) == 1:
        return [axis]
    parts: list[_Axis] = []
    step = axis.step
    for size in reversed(sizes):
        if not isinstance(size, int):
            return None
        parts.insert(0, _Axis(size, axis.of if size > 1 else None, step))
        step *= size
    return parts


def _merged(axes: Sequence[_Axis]) -> list[_Axis] | None:
    """Several axes as one, where they are places in a row."""
    last = axes[-1]
    step, count = last.step, 1
    for axis in reversed(axes):
        if axis.of != last.of or not isinstance(axis.size, int) or axis.step != step * count:
            return None
        count *= axis.size
    return [_Axis(count, last.of, step)]
