"""One operation of a traced program, as reading rules see it: nodes to add, parameters, reasons to refuse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from porter.axes import Move
from porter.errors import GraphError, UnsupportedModel
from porter.graph.dims import Dim, Sym
from porter.graph.model import Param, Value
from porter.graph.ops.elementwise import Cast
from porter.graph.ops.indexing import Expand, Index, ShapeOf
from porter.graph.ops.op import Op
from porter.graph.ops.reshaping import Reshape
from porter.graph.regroup import Kept
from porter.reading.traced import Traced
from porter.weights.tensor import moved


class Step(ABC):
    """What the calls of every framework have in common."""

    SIZES: ClassVar[str] = "int64"
    """The type that the framework gives sizes in."""

    context: Traced

    @property
    def near(self) -> tuple[Value, ...]:
        """The values at hand: the first to be asked for a size."""
        return ()

    @abstractmethod
    def refuse(self, because: str, hint: str = "") -> UnsupportedModel:
        """What to raise where this operation cannot be carried exactly."""

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
        array = np.asarray(numbers)
        if dtype is not None:
            array = array.astype("float32" if dtype == "bfloat16" else dtype)
        value = self.context.builder.constant(array)
        return value if dtype is None else self.cast(value, dtype)

    def cast(self, value: Value, dtype: str) -> Value:
        """The value in another type."""
        return value if value.dtype == dtype else self.one(Cast(dtype), value)

    def reshape(self, value: Value, sizes: Sequence[Dim]) -> Value:
        """The value in these sizes, of which one may be -1."""
        if tuple(sizes) == value.shape:
            return value
        target: list[int | Kept | None] = []
        free = list(range(value.rank))
        for place, size in enumerate(sizes):
            if isinstance(size, int):
                target.append(None if size == -1 else size)
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

    def without_ones(self, value: Value, places: Sequence[int]) -> Value:
        """The value without these axes, which are of size 1."""
        if not places:
            return value
        return self.one(Reshape(tuple(Kept(k) for k in range(value.rank) if k not in places)), value)

    def expand(self, value: Value, sizes: Sequence[Dim]) -> Value:
        """The value repeated along axes of size 1 (and new ones in front) to these sizes; -1 keeps one."""
        given = (*(1,) * (len(sizes) - value.rank), *value.shape)
        wanted = [have if size == -1 else size for have, size in zip(given, sizes, strict=True)]
        if tuple(wanted) == value.shape:
            return value
        shape: list[int | Kept | None] = []
        likes: list[Value] = []
        for have, want in zip(given, wanted, strict=True):
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

    # --- sizes that only running the model tells

    def holder(self, size: Sym) -> tuple[Value, int]:
        """A value with an axis of this size, and the axis."""
        for value in (*self.near, *self.context.inputs, *reversed(self.context.makers)):
            if size in value.shape:
                return value, value.shape.index(size)
        raise self.refuse(f"nothing has an axis of the size {size}")

    def size(self, size: Sym, dtype: str = "") -> Value:
        """A size that only running the model tells, as a number."""
        whole = next((value for value in self.context.inputs if size in value.shape), None)
        value, axis = self.holder(size) if whole is None else (whole, whole.shape.index(size))
        return self.one(Index((axis,)), self.one(ShapeOf(dtype or self.SIZES), value))

    # --- what is known of values

    def known(self, value: Value) -> np.ndarray | None:
        """The numbers of a constant of the program (no parameter or buffer), or None."""
        return self.context.known(value)

    def filled(self, value: Value) -> float | None:
        """The number that a value holds everywhere, where that is known."""
        known = self.known(value)
        if known is not None and known.size and (known == known.flat[0]).all():
            number: float = known.flat[0].item()
            return number
        return self.context.fills.get(value)

    # --- parameters

    def is_weight(self, value: Value) -> bool:
        """Whether the value is a parameter, or computed from parameters only."""
        return self.context.is_weight(value)

    def as_param(self, value: Value, move: str | Move = "", **sizes: int) -> Param:
        """A value that no input has a part in, as a parameter, in other axes if asked for."""
        found = self.context.param(value)
        if found is None:
            hint = "only products can do without a layer"
            raise self.refuse("its weights are computed from the inputs", hint)
        return Param(moved(found.tensor, move, **sizes), found.trainable, found.name) if move else found
