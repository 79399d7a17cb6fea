"""One call of an operator, as the reading rules see it: named arguments, nodes to add, reasons to refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converters.torch.folding import folded, numbers_of
from converters.torch.spec import Call, Meta, Ref
from porter.axes import Move
from porter.errors import GraphError, Problem, UnsupportedModel
from porter.graph.builder import Builder
from porter.graph.dims import Dim, Sym
from porter.graph.model import Node, Param, Value
from porter.graph.ops.elementwise import Cast
from porter.graph.ops.indexing import Expand, Index, ShapeOf
from porter.graph.ops.op import Op
from porter.graph.ops.reshaping import Reshape
from porter.graph.ops.sources import Constant
from porter.graph.regroup import Kept
from porter.weights.tensor import moved

LARGEST_CONSTANT = 1 << 22
"""Constants of more cells are computed by the model as it runs."""


@dataclass
class Context:
    """What the reader knows while it goes through the calls."""

    builder: Builder = field(default_factory=Builder)
    made: dict[str, Any] = field(default_factory=dict)  # the results of calls, by name
    makers: dict[Value, Node] = field(default_factory=dict)
    fills: dict[Value, float] = field(default_factory=dict)  # values that hold one number everywhere
    steps: dict[Value, int] = field(default_factory=dict)  # ranges from 0, and their steps
    inputs: list[Value] = field(default_factory=list)

    def add(self, op: Op, *inputs: Value, params: Mapping[str, Param] | None = None) -> tuple[Value, ...]:
        """A node; on constants alone it is computed at once."""
        known = [self.builder.known(value) for value in inputs]
        if inputs and not params and all(array is not None for array in known):
            specs = op.infer(*(value.spec for value in inputs))
            small = (
                all(isinstance(dim, int) for spec in specs for dim in spec.shape)
                and max(np.prod([int(str(d)) for d in spec.shape]) for spec in specs) <= LARGEST_CONSTANT
            )
            if small and all("bfloat16" not in spec.dtype for spec in specs):
                arrays = op.meaning([array for array in known if array is not None], {})
                pairs = zip(arrays, specs, strict=True)
                return tuple(self.builder.constant(np.asarray(array, spec.dtype)) for array, spec in pairs)
        outputs = self.builder.add(op, *inputs, params=params)
        for value in outputs:
            self.makers[value] = self.builder.nodes[-1]
        return outputs


class OpCall:
    """A call, with its arguments resolved."""

    def __init__(self, context: Context, spec: Call) -> None:
        self.context, self.spec = context, spec
        self.args = {name: self._resolved(arg) for name, arg in spec.args.items()}

    def _resolved(self, arg: Any) -> Any:
        if isinstance(arg, tuple):
            return tuple(self._resolved(part) for part in arg)
        if not isinstance(arg, Ref):
            return arg
        if arg.name not in self.context.made:
            raise GraphError(f"{self.spec.name} uses {arg.name}, which no call has made")
        return self.context.made[arg.name]

    def __getitem__(self, name: str) -> Any:
        return self.args[name]

    def get(self, name: str, default: Any = None) -> Any:
        """An argument that not all overloads have."""
        found = self.args.get(name)
        return default if found is None else found

    @property
    def x(self) -> Value:
        """The first argument, a tensor."""
        return self.tensor(next(iter(self.args)))

    @property
    def name(self) -> str:
        """The operator, the same whether it overwrites its argument or not."""
        name = self.spec.operator
        return name.removesuffix("_") if self.spec.changes and not name.endswith("__") else name

    @property
    def meta(self) -> Meta:
        """What torch says of the (first) result."""
        found = self.spec.result
        while isinstance(found, tuple):
            found = found[0]
        assert isinstance(found, Meta)
        return found

    @property
    def dtype(self) -> str:
        """The type of the (first) result."""
        return self.meta.dtype

    # --- arguments

    def tensor(self, name: str) -> Value:
        """An argument that is a tensor."""
        found = self.args[name]
        if not isinstance(found, Value):
            raise self.refuse(f"{name} is {found!r:.60}, where a tensor is expected")
        return found

    def operand(self, thing: Any, dtype: str) -> Value:
        """A tensor or number as a value of this type."""
        if isinstance(thing, Value):
            return self.cast(thing, dtype)
        if isinstance(thing, Sym):
            return self.cast(self.size(thing), dtype)
        return self.constant(np.asarray(thing).astype(_numpy(dtype)), dtype)

    def constant(self, array: Any, dtype: str | None = None) -> Value:
        """Numbers that stand in the program."""
        value = self.context.builder.constant(np.asarray(array))
        return self.cast(value, dtype) if dtype is not None else value

    def cast(self, value: Value, dtype: str) -> Value:
        """The value in another type."""
        return value if value.dtype == dtype else self.one(Cast(dtype), value)

    def numbers(self, value: Any) -> np.ndarray:
        """The numbers of a value that no input has a part in."""
        if not isinstance(value, Value):
            return np.asarray(value)
        found = numbers_of(value, self.context.makers, self.context.builder)
        if found is None:
            raise self.refuse("it needs numbers that depend on the inputs")
        return found

    def is_constant(self, value: Any) -> bool:
        """Whether no input has a part in it."""
        if not isinstance(value, Value):
            return not isinstance(value, Sym)
        return numbers_of(value, self.context.makers, self.context.builder, look=True) is not None

    def known(self, value: Any) -> np.ndarray | None:
        """The numbers of a constant of the program (no parameter or buffer), or None."""
        return self.context.builder.known(value) if isinstance(value, Value) else np.asarray(value)

    def filled(self, value: Any) -> float | None:
        """The number that a value holds everywhere, where that is known."""
        if not isinstance(value, Value):
            return None if value is None else float(value)
        known = self.context.builder.known(value)
        if known is not None and known.size and (known == known.flat[0]).all():
            return float(known.flat[0])
        return self.context.fills.get(value)

    def param(self, name: str, move: str | Move = "", **sizes: int) -> Param | None:
        """An argument as a parameter, in other axes if asked for; None where it is left out.

        A tensor that the module computes from parameters (weight normalization) is computed at conversion.
        """
        value = self.args.get(name)
        if value is None:
            return None
        return self.as_param(value, move, **sizes)

    def as_param(self, value: Value, move: str | Move = "", **sizes: int) -> Param:
        """A value that no input has a part in, as a parameter."""
        maker = self.context.makers.get(value)
        if maker is not None and isinstance(maker.op, Constant):
            param = maker.params["value"]
        else:
            found = folded(value, self.context.makers, self.context.builder)
            if found is None:
                raise self.refuse(
                    "its weights are computed from the inputs", "only products can do without a layer"
                )
            param = found
        if not move:
            return param
        return Param(moved(param.tensor, move, **sizes), param.trainable, param.name)

    def params(self, **named: str) -> dict[str, Param]:
        """Parameters by the op's names: `params(shift="bias")`; what is left out stays out."""
        found = {name: self.param(argument) for name, argument in named.items()}
        return {name: param for name, param in found.items() if param is not None}

    def axis(self, axis: Any, rank: int | None = None) -> int:
        """An axis from the front."""
        count = self.x.rank if rank is None else rank
        place = int(axis)
        if not -max(count, 1) <= place < max(count, 1):
            raise self.refuse(f"axis {place} is outside a tensor of rank {count}")
        return place % max(count, 1)

    def axes(self, axes: Any, rank: int | None = None) -> tuple[int, ...]:
        """Axes from the front, in rising order; None and () mean all."""
        count = self.x.rank if rank is None else rank
        if axes is None or axes == ():
            return tuple(range(count))
        listed = axes if isinstance(axes, tuple) else (axes,)
        return tuple(sorted(self.axis(axis, count) for axis in listed))

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
            same = [axis for axis in free if value.shape[axis] == size]
            same.sort(key=lambda axis: (axis != place, axis))
            if same:
                free.remove(same[0])
            target.append(Kept(same[0]) if same else None)
        if target.count(None) > 1:
            shape = ", ".join(map(str, sizes))
            raise self.refuse(f"a reshape to ({shape}) leaves more than one size open")
        return self.one(Reshape(tuple(target)), value)

    def with_ones(self, value: Value, *places: int) -> Value:
        """New axes of size 1 at these places of the result."""
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
                    raise self.refuse(f"sizes of two inputs ({want} and another) in one expand")
                shape.append(Kept(axis))
        return self.one(Expand(tuple(shape)), value, *likes)

    def holder(self, size: Sym) -> tuple[Value, int]:
        """A value with an axis of this size, and the axis."""
        for value in self.context.inputs:
            if size in value.shape:
                return value, value.shape.index(size)
        for value in reversed(self.context.makers):
            if size in value.shape:
                return value, value.shape.index(size)
        raise self.refuse(f"nothing has an axis of the size {size}")

    def size(self, size: Sym) -> Value:
        """A size that only running the model tells, as a number of type int64."""
        value, axis = self.holder(size)
        return self.one(Index((axis,)), self.one(ShapeOf("int64"), value))

    def fill(self, number: float, sizes: Sequence[Dim], dtype: str) -> Value:
        """One number everywhere."""
        merged = next((k for k, size in enumerate(sizes) if self._multiple(size) is not None), None)
        if merged is not None:
            parts = self._multiple(sizes[merged])
            assert parts is not None
            value = self.fill(number, (*sizes[:merged], *parts, *sizes[merged + 1 :]), dtype)
            value = self.reshape(value, sizes)
            self.context.fills[value] = float(number)
            return value
        static = [size if isinstance(size, int) else 1 for size in sizes]
        if all(isinstance(size, int) for size in sizes):
            value = self.constant(np.full(static, number, _numpy(dtype)), dtype)
        else:
            start = self.constant(np.full(static, number, _numpy(dtype)), dtype)
            value = self.expand(start, sizes)
        self.context.fills[value] = float(number)
        return value

    def _multiple(self, size: Dim) -> tuple[Dim, int] | None:
        """`batch * 4` as its two factors, where no tensor has an axis of that size."""
        if isinstance(size, int) or any(size in value.shape for value in self.context.makers):
            return None
        base, _, factor = str(size).partition(" * ")
        return (Sym(base), int(factor)) if base.isidentifier() and factor.isdigit() else None

    # --- refusals

    @property
    def where(self) -> str:
        """The module and the line that this call stands in."""
        path = self.spec.modules[-1].path if self.spec.modules else ""
        kind = self.spec.modules[-1].short if self.spec.modules else ""
        place = f"{path} ({kind})" if path else kind
        return ", ".join(part for part in (place, self.spec.line) if part)

    def refuse(self, because: str, hint: str = "") -> UnsupportedModel:
        """What to raise where this call cannot be carried exactly."""
        what = f"aten.{self.spec.target}: {because}"
        return UnsupportedModel(f"{self.where}: {what}", [Problem(self.where, what, hint)])


def _numpy(dtype: str) -> str:
    return "float32" if dtype == "bfloat16" else dtype
