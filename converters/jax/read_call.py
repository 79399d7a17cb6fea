"""One operation of a traced program, as the reading rules see it: inputs, settings, nodes, refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converters.jax.read_context import Context
from porter.axes import Move
from porter.errors import GraphError, Problem, UnsupportedModel
from porter.graph.dims import Dim, Sym
from porter.graph.model import Param, Spec, Value
from porter.graph.ops.elementwise import Cast
from porter.graph.ops.indexing import Expand, Index, ShapeOf
from porter.graph.ops.op import Op
from porter.graph.ops.reshaping import Reshape, Slice, Transpose
from porter.graph.regroup import Kept
from porter.weights.tensor import moved

Range = tuple[int | None, int | None, int]
WHOLE: Range = (None, None, 1)


@dataclass(frozen=True)
class PrimitiveCall:
    """One operation: its name, its settings, the values it is given and what it promises."""

    context: Context
    name: str
    settings: Mapping[str, Any]
    inputs: tuple[Value, ...]
    outs: tuple[Spec, ...]
    where: str = ""
    inline: Callable[..., list[Any]] | None = None  # reads an inner program with given values
    weights: Mapping[str, Value] = field(default_factory=dict)  # of a layer that was kept whole

    def __getitem__(self, name: str) -> Any:
        return self.settings[name]

    @property
    def x(self) -> Value:
        """The first input."""
        return self.inputs[0]

    @property
    def out(self) -> Spec:
        """The (first) output."""
        return self.outs[0]

    # --- nodes

    def add(self, op: Op, *inputs: Value, params: Mapping[str, Param] | None = None) -> tuple[Value, ...]:
        """A node with any number of outputs."""
        try:
            return self.context.add(op, *inputs, params=params)
        except GraphError as error:
            raise self.refuse(str(error)) from error

    def one(self, op: Op, *inputs: Value, params: Mapping[str, Param] | None = None) -> Value:
        """A node with one output."""
        (value,) = self.add(op, *inputs, params=params)
        return value

    def constant(self, numbers: Any, dtype: str | None = None) -> Value:
        """A value that stands in the architecture."""
        kind = "float32" if dtype == "bfloat16" else dtype
        value = self.context.builder.constant(np.asarray(numbers, kind))
        return value if dtype in (None, value.dtype) else self.one(Cast(str(dtype)), value)

    def cast(self, value: Value, dtype: str) -> Value:
        """The value in another type."""
        return value if value.dtype == dtype else self.one(Cast(dtype), value)

    def known(self, value: Value) -> np.ndarray | None:
        """The numbers of a constant."""
        return self.context.numbers(value)

    def filled(self, value: Value) -> float | None:
        """The number that a value holds everywhere, where that is known."""
        value = self.context.slim.get(value, value)
        known = self.known(value)
        if known is not None:
            same = known.size and (known == known.flat[0]).all()
            return known.flat[0].item() if same else None
        return self.context.fills.get(value)

    def slim(self, value: Value) -> Value:
        """The value before it was repeated along axes; one number in place of many that are alike."""
        slim = self.context.slim.get(value, value)
        known = self.known(slim)
        if known is not None and known.ndim and known.size and (known == known.flat[0]).all():
            return self.constant(known.flat[0], slim.dtype)
        return slim

    def maker(self, value: Value, *kinds: type[Op]) -> Any:
        """The node that makes a value, if its op is one of these."""
        node = self.context.makers.get(value)
        return node if node is not None and (not kinds or isinstance(node.op, kinds)) else None

    def transpose(self, value: Value, perm: Sequence[int]) -> Value:
        """Axes in another order."""
        order = tuple(int(axis) for axis in perm)
        before = self.maker(value, Transpose)
        if before is not None:
            value, order = before.inputs[0], tuple(before.op.perm[axis] for axis in order)
        return value if order == tuple(range(len(order))) else self.one(Transpose(order), value)

    def cut(self, value: Value, ranges: Sequence[Range]) -> Value:
        """A range along each axis; whole ones are no work."""
        plain = [
            WHOLE if isinstance(size, int) and slice(*part).indices(size) == (0, size, 1) else part
            for size, part in zip(value.shape, ranges, strict=True)
        ]
        return value if all(part == WHOLE for part in plain) else self.one(Slice(tuple(plain)), value)

    def reshape(self, value: Value, sizes: Sequence[Dim]) -> Value:
        """The value in these sizes."""
        if tuple(sizes) == value.shape:
            return value
        target: list[int | Kept | None] = []
        free = list(range(value.rank))
        for place, size in enumerate(sizes):
            if isinstance(size, int):
                target.append(size)
                continue
            same = sorted((k for k in free if value.shape[k] == size), key=lambda k: (k != place, k))
            if same:
                free.remove(same[0])
            target.append(Kept(same[0]) if same else None)
        if target.count(None) > 1:
            raise self.refuse(f"a reshape to ({', '.join(map(str, sizes))}) leaves more than one size open")
        return self.one(Reshape(tuple(target)), value)

    def with_ones(self, value: Value, *places: int) -> Value:
        """New axes of size 1 at these places of the result."""
        if not places:
            return value
        rest = iter(range(value.rank))
        rank = value.rank + len(places)
        return self.one(Reshape(tuple(1 if k in places else Kept(next(rest)) for k in range(rank))), value)

    def expand(self, value: Value, sizes: Sequence[Dim]) -> Value:
        """The value repeated along axes of size 1 (and new ones in front) to these sizes."""
        given = (*(1,) * (len(sizes) - value.rank), *value.shape)
        if tuple(sizes) == value.shape:
            return value
        shape: list[int | Kept | None] = []
        likes: list[Value] = []
        for have, want in zip(given, sizes, strict=True):
            if have == want:
                shape.append(None)
            elif isinstance(want, int):
                shape.append(want)
            else:
                like, axis = self.holder(want)
                likes = likes or [like]
                if likes[0] is not like:
                    raise self.refuse(f"sizes of two inputs ({want} and another) in one broadcast")
                shape.append(Kept(axis))
        return self.one(Expand(tuple(shape)), value, *likes)

    def holder(self, size: Sym) -> tuple[Value, int]:
        """A value with an axis of this size, and the axis."""
        for value in (*self.inputs, *self.context.inputs, *reversed(self.context.makers)):
            if size in value.shape:
                return value, value.shape.index(size)
        raise self.refuse(f"nothing has an axis of the size {size}")

    def size(self, size: Sym, dtype: str = "int32") -> Value:
        """A size that only running the model tells, as a number."""
        for value in self.context.inputs:
            if size in value.shape:
                return self.one(Index((value.shape.index(size),)), self.one(ShapeOf(dtype), value))
        value, axis = self.holder(size)
        return self.one(Index((axis,)), self.one(ShapeOf(dtype), value))

    # --- parameters

    def is_weight(self, value: Value) -> bool:
        """Whether the value is a parameter, or computed from parameters only."""
        return self.context.is_weight(value)

    def param(self, value: Value, move: str | Move = "", **sizes: int) -> Param:
        """A value that no input has a part in, as a parameter, in other axes if asked for."""
        found = self.context.param(value)
        if found is None:
            raise self.refuse("its weights are computed from the inputs")
        return Param(moved(found.tensor, move, **sizes), found.trainable, found.name) if move else found

    def refuse(self, because: str, hint: str = "") -> UnsupportedModel:
        """What to raise where this operation cannot be carried exactly."""
        what = f"{self.name}: {because}"
        return UnsupportedModel(f"{self.where}: {what}", [Problem(self.where, what, hint)])
