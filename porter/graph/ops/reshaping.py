"""The same numbers in another shape or place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import (
    Dim,
    Shape,
    Sym,
    add,
    floor_divide,
    may_equal,
    product,
    show,
    static,
    times,
    total,
)
from porter.graph.layouts import Layout, Orientation, Relaid, Request, fixed
from porter.graph.model import Spec
from porter.graph.ops.op import Array, Arrays, Op, normal_axis
from porter.graph.regroup import Kept, Regrouping, nearest, regroup


@dataclass(frozen=True)
class Reshape(Op):
    """Row-major reshape. A target axis is a size, the input's axis k (`Kept(k)`), or None: what is left."""

    shape: tuple[int | Kept | None, ...]

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        given = inputs[0].shape
        out: list[Dim | None] = [given[d.axis] if isinstance(d, Kept) else d for d in self.shape]
        known = [dim for dim in out if dim is not None]
        if len(known) < len(out):
            out[out.index(None)] = _left_over(given, known)
        shape = tuple(dim for dim in out if dim is not None)
        have, want = static(given), static(shape)
        if have is not None and want is not None and np.prod(have) != np.prod(want):
            raise GraphError(f"cannot reshape {show(given)} to {show(shape)}")
        return (Spec(shape, inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        sizes = [
            inputs[0].shape[d.axis] if isinstance(d, Kept) else -1 if d is None else d for d in self.shape
        ]
        return (inputs[0].reshape(sizes),)

    def relayout(self, request: Request) -> Relaid:
        plan = Regrouping(request.inputs[0].shape, request.outputs[0].shape, self.shape)
        layout = request.layouts[0]
        answer = regroup(plan, layout, request.inner_welcome, request.wanted)
        near = nearest(plan, layout, request.wanted) if answer is None else None
        if near is not None:
            layout = near
            answer = regroup(plan, layout, request.inner_welcome, request.wanted)
        if answer is None:
            return fixed(self, request)
        shape, given = answer
        return Relaid(Reshape(shape), (layout,), (given,))


def _left_over(given: Sequence[Dim], known: Sequence[Dim]) -> Dim:
    rest, asked = list(given), list(known)
    for dim in known:
        if not isinstance(dim, int) and dim in rest:
            rest.remove(dim)
            asked.remove(dim)
    size, divisor = product(rest), product(asked)
    if isinstance(size, int) and isinstance(divisor, int):
        if divisor == 0 or size % divisor:
            raise GraphError(f"cannot reshape {show(tuple(given))}: {size} cells do not divide by {divisor}")
        return size // divisor

    return floor_divide(size, divisor) if isinstance(divisor, int) else Sym(f"({size}) // ({divisor})")


@dataclass(frozen=True)
class Transpose(Op):
    """Axes in another order. `reason` says why it is there, for the report."""

    perm: tuple[int, ...]
    reason: str = "in the source"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        if sorted(self.perm) != list(range(inputs[0].rank)):
            raise GraphError(f"{self.perm} is no order of the axes of {show(inputs[0].shape)}")
        return (Spec(tuple(inputs[0].shape[axis] for axis in self.perm), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.transpose(inputs[0], self.perm),)

    def relayout(self, request: Request) -> Relaid:
        layout, rank = request.layouts[0], len(self.perm)
        inner = {self.perm.index(axis): part for axis, part in layout.inner.items()}
        # the target's axis j holds source axis layout.perm[j], which is output axis self.perm.index(that)
        free = Layout(tuple(self.perm.index(axis) for axis in layout.perm), inner)
        # Layers along the steps of a sequence have their channels last, unless a convolution asks otherwise.
        native = _native(rank, request.target) if rank > 3 else request.wanted
        # An order that nobody asked for is noted and not made: whoever comes next moves once for both.
        undecided = request.wanted is None and not layout.is_identity
        if inner or undecided or free.is_identity or free in (request.wanted, native):
            return Relaid(self, (layout,), (free,), relabels=True)
        given = request.wanted or Layout.identity(rank)
        perm = tuple(layout.place(self.perm[axis]) for axis in given.perm)
        if perm == tuple(range(rank)):
            return Relaid(self, (layout,), (given,), relabels=True)
        sizes = tuple(request.inputs[0].shape[axis] for axis in layout.perm)
        return Relaid(as_reshape(perm, sizes) or replace(self, perm=perm), (layout,), (given,))


def as_reshape(perm: Sequence[int], shape: Shape) -> Reshape | None:
    """Axes in another order as a reshape, where only those of size 1 move."""
    real = [axis for axis in perm if shape[axis] != 1]
    return Reshape(tuple(1 if shape[a] == 1 else Kept(a) for a in perm)) if real == sorted(real) else None


def _native(rank: int, target: Orientation) -> Layout:
    return Layout.oriented(rank, "last" if target == "first" else "first", target)


@dataclass(frozen=True)
class Concat(Op):
    """Tensors one after another along an axis."""

    axis: int

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        axis = normal_axis(self.axis, inputs[0].rank)
        for spec in inputs:
            same = spec.rank == inputs[0].rank and all(
                k == axis or may_equal(a, b)
                for k, (a, b) in enumerate(zip(spec.shape, inputs[0].shape, strict=True))
            )
            if not same:
                raise GraphError(f"cannot join {show(*(s.shape for s in inputs))} along axis {axis}")
        shape = list(inputs[0].shape)
        shape[axis] = total(spec.shape[axis] for spec in inputs)
        return (Spec(tuple(shape), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.concatenate(inputs, axis=self.axis),)

    def relayout(self, request: Request) -> Relaid:
        moved = [layout for layout in request.layouts if not layout.is_identity and not layout.inner]
        layout = moved[0] if moved else Layout.identity(request.inputs[0].rank)
        return Relaid(
            replace(self, axis=layout.place(self.axis)),
            tuple(layout for _ in request.inputs),
            (layout,),
        )


@dataclass(frozen=True)
class Slice(Op):
    """Along each axis from start to stop by step; None means from or to the end."""

    ranges: tuple[tuple[int | None, int | None, int], ...]

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        if len(self.ranges) != inputs[0].rank:
            raise GraphError(f"{len(self.ranges)} ranges for {show(inputs[0].shape)}")
        rows = zip(inputs[0].shape, self.ranges, strict=True)
        return (Spec(tuple(_sliced(dim, part) for dim, part in rows), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (inputs[0][tuple(slice(*part) for part in self.ranges)],)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        changed = Slice(tuple(self.ranges[axis] for axis in layout.perm))
        return Relaid(changed, (layout,), (layout,))


def _sliced(dim: Dim, part: tuple[int | None, int | None, int]) -> Dim:
    if isinstance(dim, int):
        return len(range(*slice(*part).indices(dim)))
    start, stop, step = part
    if step == 1 and (start or 0) >= 0 and (stop is None or stop < 0):
        return add(dim, (stop or 0) - (start or 0))
    if step == 1 and stop is not None and stop >= 0 and (start or 0) >= 0:
        return stop - (start or 0)
    if step == 1 and start is not None and start < 0 and stop is None:
        return -start

    return dim if part in ((None, None, 1), (None, None, -1)) else Sym(f"len({dim})[{start}:{stop}:{step}]")


@dataclass(frozen=True)
class Pad(Op):
    """Cells added before and after each axis: a constant, the mirrored inside, or the repeated edge."""

    pads: tuple[tuple[int, int], ...]
    mode: Literal["constant", "reflect", "symmetric", "edge", "wrap"] = "constant"
    value: float = 0.0

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        rows = zip(inputs[0].shape, self.pads, strict=True)
        return (Spec(tuple(add(dim, sum(pad)) for dim, pad in rows), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        if self.mode == "constant":
            value = np.asarray(self.value).astype(inputs[0].dtype)
            return (np.pad(inputs[0], self.pads, constant_values=value),)
        return (np.pad(inputs[0], self.pads, mode=self.mode),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        changed = replace(self, pads=tuple(self.pads[axis] for axis in layout.perm))
        return Relaid(changed, (layout,), (layout,))


@dataclass(frozen=True)
class Repeat(Op):
    """Each cell `times` times along an axis (`a a b b`)."""

    times: int
    axis: int

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        axis = normal_axis(self.axis, inputs[0].rank)
        shape = list(inputs[0].shape)
        shape[axis] = times(shape[axis], self.times)
        return (Spec(tuple(shape), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.repeat(inputs[0], self.times, axis=self.axis),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        return Relaid(replace(self, axis=layout.place(self.axis)), (layout,), (layout,))


@dataclass(frozen=True)
class Tile(Op):
    """The whole tensor repeated along each axis (`a b a b`)."""

    repeats: tuple[int, ...]

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        rows = zip(inputs[0].shape, self.repeats, strict=True)
        return (Spec(tuple(times(dim, count) for dim, count in rows), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.tile(inputs[0], self.repeats),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        return Relaid(Tile(tuple(self.repeats[axis] for axis in layout.perm)), (layout,), (layout,))


@dataclass(frozen=True)
class Flip(Op):
    """Axes reversed."""

    axes: tuple[int, ...]

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (inputs[0],)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.flip(inputs[0], self.axes),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        changed = Flip(tuple(sorted(layout.place(axis) for axis in self.axes)))
        return Relaid(changed, (layout,), (layout,))
