"""One call of an operator, as the reading rules see it: named arguments, nodes to add, reasons to refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any

import numpy as np

from converters.torch.spec import Call, Meta, Ref
from porter.axes import Move
from porter.dataclass import dataclass
from porter.errors import GraphError, Problem, UnsupportedModel
from porter.graph.dims import Dim, Sym
from porter.graph.model import Param, Value
from porter.graph.ops.elementwise import Binary
from porter.reading import Step, Traced


@dataclass
class Context(Traced):
    """What the reader knows while it goes through the calls."""

    made: dict[str, Any] = field(default_factory=dict)  # the results of calls, by name
    steps: dict[Value, int] = field(default_factory=dict)  # ranges from 0, and their steps


class OpCall(Step):
    """A call, with its arguments resolved."""

    context: Context

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

    def numbers(self, value: Any) -> np.ndarray:
        """The numbers of a value that no input has a part in."""
        if not isinstance(value, Value):
            return np.asarray(value)
        found = self.context.numbers(value)
        if found is None:
            raise self.refuse("it needs numbers that depend on the inputs")
        return found

    def is_constant(self, value: Any) -> bool:
        """Whether no input has a part in it."""
        if not isinstance(value, Value):
            return not isinstance(value, Sym)
        return self.context.part_for(value) is not None

    def known(self, value: Any) -> np.ndarray | None:
        """The numbers of a constant of the program (no parameter or buffer), or None."""
        return super().known(value) if isinstance(value, Value) else np.asarray(value)

    def filled(self, value: Any) -> float | None:
        """The number that a value holds everywhere, where that is known."""
        if isinstance(value, Value):
            return super().filled(value)
        return None if value is None else float(value)

    def param(self, name: str, move: str | Move = "", **sizes: int) -> Param | None:
        """An argument as a parameter, in other axes if asked for; None where it is left out.

        A tensor that the module computes from parameters (weight normalization) is computed at conversion.
        """
        value = self.args.get(name)
        if value is None:
            return None
        return self.as_param(value, move, **sizes)

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

    def size(self, size: Sym, dtype: str = "") -> Value:
        """A size that only running the model tells, as a number."""
        parts = self._multiple(size)
        if parts is None:
            return super().size(size, dtype)
        base, factor = parts
        assert isinstance(base, Sym)
        found = super().size(base, dtype)
        return self.one(Binary("multiply"), found, self.constant(factor, found.dtype))

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
