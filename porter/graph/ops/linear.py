"""Products with weights and between values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from porter.axes import Move
from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import Dim, broadcast, may_equal, show
from porter.graph.layouts import Layout, Relaid, Request, fixed
from porter.graph.model import Spec
from porter.graph.ops.op import Array, Arrays, Op, normal_axis


@dataclass(frozen=True)
class Linear(Op):
    """Each vector along `axis` times a matrix, plus a bias."""

    PARAMS: ClassVar[Mapping[str, str]] = {"weight": "o i", "bias?": "o"}
    inputs: int
    outputs: int
    axis: int = -1

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        axis = normal_axis(self.axis, inputs[0].rank)
        shape = inputs[0].shape
        if not may_equal(shape[axis], self.inputs):
            raise GraphError(f"expects {self.inputs} features on axis {self.axis}, got {show(shape)}")
        return (Spec((*shape[:axis], self.outputs, *shape[axis + 1 :]), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        result = np.moveaxis(inputs[0], self.axis, -1) @ params["weight"].T
        if "bias" in params:
            result = result + params["bias"]
        return (np.moveaxis(result, -1, self.axis),)

    def relayout(self, request: Request) -> Relaid:
        layout, rank = request.layouts[0], request.inputs[0].rank
        axis = normal_axis(self.axis, rank)
        place = layout.place(axis)
        pointwise = request.target == "first" and place == 1 and 3 <= rank <= 5
        if place != rank - 1 and not pointwise:
            layout = Layout.oriented(rank, "last", request.target) if rank > 3 else Layout.identity(rank)
            layout = layout if axis == rank - 1 and layout.perm[1:2] == (axis,) else Layout.identity(rank)
            layout = replace(layout, inner=request.layouts[0].inner)
            place = layout.place(axis)
        params = {}
        if axis in layout.inner:
            move, sizes = layout.inner[axis].move()
            names = str(move).split(" -> ")
            params["weight"] = (Move.parse(f"o {names[0]} -> o {names[1]}"), sizes)
        given = Layout(layout.perm, {k: inner for k, inner in layout.inner.items() if k != axis})
        return Relaid(replace(self, axis=-1 if place == rank - 1 else place), (layout,), (given,), params)


@dataclass(frozen=True)
class MatMul(Op):
    """Matrix product over the last two axes, the others broadcast."""

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        left, right = inputs
        if left.rank < 2 or right.rank < 2:
            raise GraphError(f"matrices are needed, got {show(left.shape, right.shape)}")
        if not may_equal(left.shape[-1], right.shape[-2]):
            raise GraphError(f"inner sizes differ: {show(left.shape, right.shape)}")
        batch = broadcast(left.shape[:-2], right.shape[:-2])
        return (Spec((*batch, left.shape[-2], right.shape[-1]), left.dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.matmul(inputs[0], inputs[1]),)


@dataclass(frozen=True)
class Einsum(Op):
    """A sum of products written with one letter per axis: `bsd,dhk->bshk` (no ellipsis)."""

    equation: str

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        terms, result = self.equation.split("->")
        sizes: dict[str, Dim] = {}
        for term, spec in zip(terms.split(","), inputs, strict=True):
            if len(term) != spec.rank:
                raise GraphError(f"{self.equation} does not fit {show(*(s.shape for s in inputs))}")
            for letter, dim in zip(term, spec.shape, strict=True):
                if not may_equal(sizes.setdefault(letter, dim), dim):
                    raise GraphError(f"{self.equation}: axis {letter} is {sizes[letter]} and {dim}")
                sizes[letter] = dim if isinstance(dim, int) else sizes[letter]
        return (Spec(tuple(sizes[letter] for letter in result), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.einsum(self.equation, *inputs, optimize=True),)

    def relayout(self, request: Request) -> Relaid:
        if any(layout.inner for layout in request.layouts):
            return fixed(self, request)
        terms, result = self.equation.split("->")
        relabelled = [
            "".join(term[axis] for axis in layout.perm)
            for term, layout in zip(terms.split(","), request.layouts, strict=True)
        ]
        given = request.wanted or Layout.identity(len(result))
        written = "".join(result[axis] for axis in given.perm)
        changed = replace(self, equation=",".join(relabelled) + "->" + written)
        return Relaid(changed, request.layouts, (given.without_inner(),))


@dataclass(frozen=True)
class Embedding(Op):
    """Rows of a table picked by integer ids; an id outside the table is the caller's mistake."""

    PARAMS: ClassVar[Mapping[str, str]] = {"weight": "v d"}
    entries: int
    width: int
    dtype: str = "float32"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (Spec((*inputs[0].shape, self.width), self.dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (params["weight"][inputs[0].astype("int64")],)


@dataclass(frozen=True)
class Unembed(Op):
    """One number for each row of a table of vectors: its product with the vectors along the last axis.

    What `Embedding` does, backwards; mostly with the very table of one.
    """

    PARAMS: ClassVar[Mapping[str, str]] = {"weight": "v d"}
    entries: int
    width: int

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        *lead, last = inputs[0].shape
        if not may_equal(last, self.width):
            raise GraphError(f"expects {self.width} features on the last axis, got {show(inputs[0].shape)}")
        return (Spec((*lead, self.entries), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (inputs[0] @ params["weight"].T,)
