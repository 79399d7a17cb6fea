"""Picking cells: by place, by computed index, by parts of an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from porter.axes import Move
from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import Dim, broadcast, may_equal, show
from porter.graph.layouts import Layout, Relaid, Request, fixed
from porter.graph.model import Spec
from porter.graph.ops.op import Array, Arrays, Op, normal_axis
from porter.graph.ops.reshaping import Slice
from porter.graph.regroup import Kept

Range = tuple[int | None, int | None, int]
Item = int | Range | None


_VECTORS = Move.parse("*s k -> k *s")  # index vectors as one array per axis


@dataclass(frozen=True)
class Index(Op):
    """`x[items]`: per axis a place (which drops the axis) or a range; None makes a new axis."""

    items: tuple[Item, ...]

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        given = list(inputs[0].shape)
        if sum(item is not None for item in self.items) != len(given):
            raise GraphError(f"{len(self.items)} items do not index {show(inputs[0].shape)}")
        shape: list[Dim] = []
        for item in self.items:
            if item is None:
                shape.append(1)
                continue
            dim = given.pop(0)
            if isinstance(item, int):
                if isinstance(dim, int) and not -dim <= item < dim:
                    raise GraphError(f"place {item} is outside an axis of {dim}")
                continue
            (spec,) = Slice((item,)).infer(Spec((dim,)))
            shape += spec.shape
        return (Spec(tuple(shape), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        key = tuple(slice(*item) if isinstance(item, tuple) else item for item in self.items)
        return (np.asarray(inputs[0][key]),)

    def relayout(self, request: Request) -> Relaid:
        """Ranges and places go where their axes lie; a new axis stays at its number."""
        layout = request.layouts[0].without_inner()
        told = [item for item in self.items if item is not None]
        number = _numbers(self.items)
        moved: list[Item] = [told[axis] for axis in layout.perm]
        perm = [number[axis] for axis in layout.perm if axis in number]
        for place, item in enumerate(_results(self.items)):
            if item is None:
                moved.insert(_before(moved, place), None)
                perm.insert(place, place)
        return Relaid(Index(tuple(moved)), (layout,), (Layout(tuple(perm)),))


def _results(items: Sequence[Item]) -> list[Item]:
    return [item for item in items if not isinstance(item, int)]


def _numbers(items: Sequence[Item]) -> dict[int, int]:
    """For each input axis that stays, its number in the output."""
    number: dict[int, int] = {}
    axis = place = 0
    for item in items:
        if isinstance(item, tuple):
            number[axis] = place
        axis += item is not None
        place += not isinstance(item, int)
    return number


def _before(items: Sequence[Item], place: int) -> int:
    """Where in `items` the result's axis `place` begins."""
    seen = 0
    for position, item in enumerate(items):
        if seen == place:
            return position
        seen += not isinstance(item, int)
    return len(items)


@dataclass(frozen=True)
class ShapeOf(Op):
    """The sizes of a tensor's axes, as numbers."""

    dtype: str = "int32"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (Spec((inputs[0].rank,), self.dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.asarray(inputs[0].shape, self.dtype),)


@dataclass(frozen=True)
class Gather(Op):
    """`take(x, indices, axis)`: the axis is replaced by those of the indices; negative ones count back."""

    axis: int

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        axis = normal_axis(self.axis, inputs[0].rank)
        shape = inputs[0].shape
        return (Spec((*shape[:axis], *inputs[1].shape, *shape[axis + 1 :]), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.take(inputs[0], inputs[1].astype("int64"), axis=self.axis),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        if request.inputs[1].rank != 1:
            return fixed(self, request)
        axis = layout.place(self.axis)
        return Relaid(replace(self, axis=axis), (layout, Layout.identity(1)), (layout,))


@dataclass(frozen=True)
class GatherNd(Op):
    """`x[indices]` with a vector of indices per place; the first `batch` axes are shared by both inputs."""

    batch: int = 0

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        depth = inputs[1].shape[-1]
        if not isinstance(depth, int) or depth > inputs[0].rank - self.batch:
            raise GraphError(f"index vectors of {depth} numbers do not fit {show(inputs[0].shape)}")
        rest = inputs[0].shape[self.batch + depth :]
        return (Spec((*inputs[1].shape[:-1], *rest), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x, indices = inputs[0], inputs[1].astype("int64")
        spread = indices.ndim - 1
        rows = [
            np.arange(x.shape[axis]).reshape([-1 if axis == k else 1 for k in range(spread)])
            for axis in range(self.batch)
        ]
        return (x[(*rows, *_VECTORS.apply(indices))],)


@dataclass(frozen=True)
class TakeAlong(Op):
    """Along an axis the cells that the second input names, place by place; the other axes broadcast."""

    axis: int

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        axis = normal_axis(self.axis, inputs[0].rank)
        one = [(*spec.shape[:axis], 1, *spec.shape[axis + 1 :]) for spec in inputs]
        shape = broadcast(*one)
        return (Spec((*shape[:axis], inputs[1].shape[axis], *shape[axis + 1 :]), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.take_along_axis(inputs[0], inputs[1].astype("int64"), axis=self.axis),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        return Relaid(replace(self, axis=layout.place(self.axis)), (layout, layout), (layout,))


@dataclass(frozen=True)
class OneHot(Op):
    """1 at the place that each index names on a new axis, 0 elsewhere; an index outside gives zeros only."""

    classes: int
    axis: int = -1
    dtype: str = "float32"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        axis = normal_axis(self.axis, inputs[0].rank + 1)
        shape = inputs[0].shape
        return (Spec((*shape[:axis], self.classes, *shape[axis:]), self.dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        hot = np.expand_dims(inputs[0], -1) == np.arange(self.classes)
        kind = "float64" if "float" in self.dtype else self.dtype
        return (np.moveaxis(hot, -1, self.axis).astype(kind),)


@dataclass(frozen=True)
class Scatter(Op):
    """`x` with the cells that index vectors name replaced by updates, or combined with them."""

    function: str = "set"  # "add", "max", "min", "mul"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        if not isinstance(inputs[1].shape[-1], int):
            raise GraphError("the length of the index vectors must be known")
        return (inputs[0],)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        result, places = inputs[0].copy(), tuple(_VECTORS.apply(inputs[1].astype("int64")))
        updates = inputs[2].astype(result.dtype)
        if self.function == "set":
            result[places] = updates
            return (result,)
        combine = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}[self.function]
        combine.at(result, places, updates)
        return (result,)


@dataclass(frozen=True)
class Split(Op):
    """An axis cut into pieces of the given sizes: one output each."""

    sizes: tuple[int, ...]
    axis: int

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        axis = normal_axis(self.axis, inputs[0].rank)
        shape = inputs[0].shape
        if not may_equal(shape[axis], sum(self.sizes)):
            raise GraphError(f"pieces of {self.sizes} do not make up axis {axis} of {show(shape)}")
        return tuple(Spec((*shape[:axis], size, *shape[axis + 1 :]), inputs[0].dtype) for size in self.sizes)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return tuple(np.split(inputs[0], np.cumsum(self.sizes)[:-1], axis=self.axis))

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        if layout.is_identity and len(self.sizes) > 1 and request.wanted is not None:
            layout = request.wanted  # once for all pieces
        changed = replace(self, axis=layout.place(self.axis))
        return Relaid(changed, (layout,), tuple(layout for _ in self.sizes))


@dataclass(frozen=True)
class Unbind(Op):
    """The slices along an axis, which they lose: one output each."""

    count: int
    axis: int

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        axis = normal_axis(self.axis, inputs[0].rank)
        shape = inputs[0].shape
        if not may_equal(shape[axis], self.count):
            raise GraphError(f"axis {axis} of {show(shape)} does not hold {self.count} slices")
        return tuple(Spec((*shape[:axis], *shape[axis + 1 :]), inputs[0].dtype) for _ in range(self.count))

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return tuple(np.moveaxis(inputs[0], self.axis, 0))

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        axis = normal_axis(self.axis, request.inputs[0].rank)
        perm = tuple(k - (k > axis) for k in layout.perm if k != axis)
        changed = replace(self, axis=layout.place(axis))
        return Relaid(changed, (layout,), tuple(Layout(perm) for _ in range(self.count)))


@dataclass(frozen=True)
class Stack(Op):
    """Tensors of one shape side by side along a new axis."""

    axis: int

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        axis = normal_axis(self.axis, inputs[0].rank + 1)
        for spec in inputs:
            if spec.rank != inputs[0].rank or not all(map(may_equal, spec.shape, inputs[0].shape)):
                raise GraphError(f"cannot stack {show(*(spec.shape for spec in inputs))}")
        shape = inputs[0].shape
        return (Spec((*shape[:axis], len(inputs), *shape[axis:]), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.stack(inputs, axis=self.axis),)

    def relayout(self, request: Request) -> Relaid:
        """The new axis stands in front of the axis that it stands in front of in the source."""
        moved = [layout for layout in request.layouts if not layout.is_identity and not layout.inner]
        rank = request.inputs[0].rank
        layout = moved[0] if moved else Layout.identity(rank)
        axis = normal_axis(self.axis, rank + 1)
        place = layout.place(axis) if axis < rank else rank
        perm = [k + (k >= axis) for k in layout.perm]
        perm.insert(place, axis)
        changed = replace(self, axis=place)
        return Relaid(changed, tuple(layout for _ in request.inputs), (Layout(tuple(perm)),))


@dataclass(frozen=True)
class Roll(Op):
    """Cells moved along axes; what leaves at one end comes in at the other."""

    shifts: tuple[int, ...]
    axes: tuple[int, ...]

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (inputs[0],)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.roll(inputs[0], self.shifts, axis=self.axes),)

    def relayout(self, request: Request) -> Relaid:
        layout = request.layouts[0].without_inner()
        changed = replace(self, axes=tuple(layout.place(axis) for axis in self.axes))
        return Relaid(changed, (layout,), (layout,))


@dataclass(frozen=True)
class Expand(Op):
    """Axes of size 1 (and missing ones in front) repeated to a shape.

    Of the shape None keeps the size, and `Kept(k)` is the size of the second input's axis k.
    """

    shape: tuple[int | Kept | None, ...]

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        given = (*(1 for _ in range(len(self.shape) - inputs[0].rank)), *inputs[0].shape)
        wanted: list[Dim] = []
        for have, want in zip(given, self.shape, strict=True):
            known = inputs[1].shape[want.axis] if isinstance(want, Kept) else want
            wanted.append(have if known is None else known)
        return (Spec(broadcast(given, tuple(wanted)), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x = inputs[0]
        given = (*(1,) * (len(self.shape) - x.ndim), *x.shape)
        sizes = []
        for have, want in zip(given, self.shape, strict=True):
            known = inputs[1].shape[want.axis] if isinstance(want, Kept) else want
            sizes.append(have if known is None else known)
        return (np.broadcast_to(x, sizes),)

    def relayout(self, request: Request) -> Relaid:
        same = request.inputs[0].rank == len(self.shape)
        layout = request.layouts[0].without_inner() if same else Layout.identity(request.inputs[0].rank)
        others = tuple(other.without_inner() for other in request.layouts[1:])
        shape = [Kept(others[0].place(want.axis)) if isinstance(want, Kept) else want for want in self.shape]
        given = layout if same else Layout.identity(len(shape))
        return Relaid(Expand(tuple(shape[axis] for axis in given.perm)), (layout, *others), (given,))
