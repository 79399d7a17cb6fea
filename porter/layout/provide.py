"""Bringing a value into the order that an op asked for, at the least cost."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from porter.axes import Move
from porter.dataclass import dataclass
from porter.graph.builder import Builder
from porter.graph.layouts import Layout, Request, follow_param
from porter.graph.model import Node, Origin, Param, Scope, Value
from porter.graph.ops.reshaping import Reshape, Transpose, as_reshape
from porter.graph.ops.sources import Constant
from porter.graph.regroup import Kept, Target
from porter.weights.tensor import moved


@dataclass(frozen=True)
class Held:
    """What the target holds for a value of the source, and in which order; `made_by` allows to make it
    anew."""

    value: Value
    layout: Layout
    made_by: tuple[Node, Request] | None = None
    constant: bool = False


class Provider:
    """Converts values between layouts, each one once per nested model."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self._made: dict[tuple[Value, Layout, Layout, tuple[Scope, ...]], Value] = {}

    def provide(self, held: Held, layout: Layout, origin: Origin | None, reason: str = "") -> Value:
        """`held` in `layout`, for use by the layer `origin`."""
        if held.layout == layout:
            return held.value
        where = origin or Origin()
        key = (held.value, held.layout, layout, where.scopes)
        if key not in self._made:
            self._made[key] = self._make(
                held, layout, where, reason or f"needed by {where.layer or 'the output'}"
            )
        return self._made[key]

    def _make(self, held: Held, layout: Layout, where: Origin, reason: str) -> Value:
        if held.constant and held.made_by is not None:
            return self._constant(held.made_by[0], layout)
        again = self._made_anew(held, layout)
        if again is not None:
            return again
        held = self._full_rank(held, layout, where)
        held = self._plain(held, layout, where, reason)
        perm = tuple(held.layout.place(axis) for axis in layout.perm)
        if perm == tuple(range(len(perm))):
            return held.value
        only_ones = as_reshape(perm, held.value.shape)
        return self._add(only_ones or Transpose(perm, reason), held.value, where)

    def _add(self, op: Reshape | Transpose, value: Value, where: Origin) -> Value:
        (result,) = self.builder.add(op, value, origin=where, name=value.name)
        return result

    def _constant(self, node: Node, layout: Layout) -> Value:
        """A constant's numbers are rearranged while converting."""
        op, param = node.op, node.params["value"]
        assert isinstance(op, Constant)
        missing = len(layout.perm) - len(op.shape)
        names = [f"b{k}" for k in range(len(op.shape))]
        tensor = (
            moved(
                param.tensor,
                Move.parse(f"{' '.join(names)} -> {' '.join(['1'] * missing + names)}"),
            )
            if missing
            else param.tensor
        )
        shape = (
            *(1 for _ in range(missing)),
            *(size for size in op.shape if isinstance(size, int)),
        )
        move, sizes, order = follow_param(layout, range(len(shape)), shape)
        tensor = moved(tensor, move, **sizes)
        changed = Constant(tuple(shape[axis] for axis in order), op.dtype)
        params = {"value": Param(tensor, param.trainable, param.name)}
        (value,) = self.builder.add(changed, params=params, origin=node.origin, name=node.outputs[0].name)
        return value

    def _made_anew(self, held: Held, layout: Layout) -> Value | None:
        """A reshape can often give another order as cheaply as the one it gave before."""
        if held.made_by is None or not isinstance(held.made_by[0].op, Reshape):
            return None
        node, request = held.made_by
        if len(layout.perm) != node.outputs[0].rank:
            return None
        answer = node.op.relayout(replace(request, wanted=layout))
        if answer.outputs[0] != layout or answer.inputs[0] != request.layouts[0]:
            return None
        made = self.builder.nodes[self._producer(held.value)]
        (value,) = self.builder.add(answer.op, *made.inputs, origin=node.origin, name=held.value.name)
        return value

    def _producer(self, value: Value) -> int:
        for place in range(len(self.builder.nodes) - 1, -1, -1):
            if value in self.builder.nodes[place].outputs:
                return place
        raise LookupError(value.name)

    def _full_rank(self, held: Held, layout: Layout, where: Origin) -> Held:
        missing = len(layout.perm) - held.value.rank
        if missing <= 0:
            return held
        target: Target = (
            *(1 for _ in range(missing)),
            *(Kept(axis) for axis in range(held.value.rank)),
        )
        perm = (*range(missing), *(axis + missing for axis in held.layout.perm))
        return Held(self._add(Reshape(target), held.value, where), Layout(perm))

    def _plain(self, held: Held, wanted: Layout, where: Origin, reason: str) -> Held:
        """Merged axes with reordered parts, put back into the source's order unless they are wanted so."""
        for axis, inner in held.layout.inner.items():
            if wanted.inner.get(axis) == inner:
                continue
            place = held.layout.place(axis)
            ahead = [Kept(k) for k in range(place)]
            behind = [Kept(k) for k in range(place + 1, held.value.rank)]
            parts = tuple(inner.sizes[k] for k in inner.order)
            value = self._add(Reshape((*ahead, *parts, *behind)), held.value, where)
            middle = tuple(place + inner.order.index(k) for k in range(len(parts)))
            after = range(place + len(parts), value.rank)
            value = self._add(Transpose((*range(place), *middle, *after), reason), value, where)
            kept = [Kept(k) for k in after]
            value = self._add(Reshape((*ahead, prod(parts), *kept)), value, where)
            rest = {k: part for k, part in held.layout.inner.items() if k != axis}
            return self._plain(Held(value, Layout(held.layout.perm, rest)), wanted, where, reason)
        return held
