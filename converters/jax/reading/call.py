"""One operation of a traced program, as the reading rules see it: inputs, settings, nodes, refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, ClassVar

from converters.jax.reading.context import Context
from porter.dataclass import dataclass
from porter.errors import Problem, UnsupportedModel
from porter.graph.model import Spec, Value
from porter.graph.ops.op import Op
from porter.graph.ops.reshaping import Slice, Transpose
from porter.reading import Step

Range = tuple[int | None, int | None, int]
WHOLE: Range = (None, None, 1)


@dataclass(frozen=True)
class PrimitiveCall(Step):
    """One operation: its name, its settings, the values it is given and what it promises."""

    SIZES: ClassVar[str] = "int32"

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

    @property
    def near(self) -> tuple[Value, ...]:
        """The inputs."""
        return self.inputs

    # --- values and nodes

    def filled(self, value: Value) -> float | None:
        """The number that a value holds everywhere, where that is known."""
        return super().filled(self.context.slim.get(value, value))

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

    def refuse(self, because: str, hint: str = "") -> UnsupportedModel:
        """What to raise where this operation cannot be carried exactly."""
        what = f"{self.name}: {because}"
        return UnsupportedModel(f"{self.where}: {what}", [Problem(self.where, what, hint)])
