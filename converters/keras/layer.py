"""What a layer rule works with: one call of one layer, its inputs as values, its variables on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from typing import Any

import numpy as np

from converters.keras.dtypes import compute_dtype, is_mixed
from converters.keras.legacy.conventions import TENSORFLOW, Conventions
from converters.keras.settings import Settings
from converters.keras.spec import LayerSpec
from converters.keras.variables import Variables
from porter.dataclass import dataclass
from porter.errors import Problem, UnsupportedModel
from porter.graph.builder import Builder
from porter.graph.dims import Dim
from porter.graph.model import Origin, Param, Scope, Value
from porter.graph.ops.elementwise import Cast
from porter.graph.ops.op import Op
from porter.graph.ops.sources import Constant
from porter.weights.tensor import Recast, Tensor, moved


@dataclass
class Context:
    """What all layers of one reading share."""

    builder: Builder
    variables: Variables
    masks: dict[Value, Value] = field(default_factory=dict)
    sizes: dict[Value, tuple[Dim, ...]] = field(default_factory=dict)  # what values of sizes stand for
    notices: list[str] = field(default_factory=list)
    inputs: tuple[Value, ...] = ()  # of the whole model
    generation: int = 3
    conventions: Conventions = TENSORFLOW
    policy: str | None = None  # a dtype policy that replaces those in the file
    apply: Callable[[LayerCall], tuple[Value, ...]] | None = None  # reads a wrapped layer, whatever it is


@dataclass
class LayerCall:
    """One call of a layer. Rules return the output value, or a tuple of them."""

    context: Context
    spec: LayerSpec
    path: tuple[str, ...]  # layer names from the model down to this layer
    inputs: tuple[Value, ...]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    attribute: tuple[str, ...] = ()  # where a wrapped layer sits inside its wrapper
    trainable: bool = True
    number: int = 0  # which call of this layer it is
    stand_in: Mapping[str, Tensor] = field(default_factory=dict)  # for variables that are stored otherwise

    @property
    def config(self) -> Mapping[str, Any]:
        return Settings(self.spec.config, self.refuse)

    @property
    def builder(self) -> Builder:
        return self.context.builder

    @property
    def value(self) -> Value:
        """The only input."""
        if len(self.inputs) != 1:
            raise self.refuse(f"one input is expected, {len(self.inputs)} are given")
        return self.inputs[0]

    @property
    def mask(self) -> Value | None:
        """The mask given in the call (newer files say it there), or that which came with the first input."""
        given = self.kwargs.get("mask")
        if isinstance(given, Value):
            return given
        return self.context.masks.get(self.inputs[0]) if self.inputs else None

    def add(self, op: Op, *inputs: Value, **params: Param) -> Value:
        """One node; its only output."""
        return self.builder.one(op, *inputs, params=params)

    def constant(self, numbers: Any, dtype: str | None = None) -> Value:
        """A constant value."""
        return self.builder.constant(np.asarray(numbers), dtype)

    def weight(
        self,
        name: str,
        shape: Sequence[int],
        move: str = "",
        *,
        trainable: bool = True,
        default: np.ndarray | None = None,
        **sizes: int,
    ) -> Param:
        """A variable of this layer in the order Keras lists them; `move` brings it to the op's axes."""
        return self.param(
            self.tensor(name, shape, trainable=trainable, default=default),
            move,
            trainable,
            name,
            **sizes,
        )

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        *,
        trainable: bool = True,
        default: np.ndarray | None = None,
    ) -> Tensor:
        """The variable itself, where a rule computes with it."""
        if name in self.stand_in:
            return self.stand_in[name]
        known = tuple(int(size) for size in shape)
        asked = self.context.variables.ask(
            self.path, self.attribute, name, known, trainable and self.trainable, default
        )
        return Recast(asked, self.weight_dtype)

    @property
    def weight_dtype(self) -> str:
        """The type in which the layer uses its real variables: that of its computation, which Keras casts to.

        Normalizations under a mixed policy keep theirs: they compute in float32 inside.
        """
        policy, override = self.config.get("dtype"), self.context.policy
        if override is None and is_mixed(policy) and self.spec.class_name.endswith("Normalization"):
            return "float32"
        return compute_dtype(policy, override)

    def variable(self, name: str, shape: Sequence[int], *, trainable: bool = True) -> Value:
        """A variable of this layer as a value, to compute with."""
        with self.part(name):
            sizes = tuple(int(size) for size in shape)
            return self.add(Constant(sizes), value=self.weight(name, sizes, trainable=trainable))

    def sublayer(self, attribute: str, class_name: str, *inputs: Value, **config: Any) -> Value:
        """A Keras layer that this one holds as `self.attribute`, applied; its variables lie there."""
        with self.part(attribute):
            (value,) = self.wrapped(LayerSpec(class_name, attribute, config), attribute, inputs)
        return value

    def leave(self, name: str, shape: Sequence[int], because: str, *, optional: bool = False) -> None:
        """A variable that Keras stores, in its turn, and that inference does not need."""
        sizes = tuple(int(size) for size in shape)
        default = np.zeros(sizes) if optional else None
        variables = self.context.variables
        variables.leave(variables.ask(self.path, self.attribute, name, sizes, False, default), because)

    def param(
        self, tensor: Tensor, move: str = "", trainable: bool = True, name: str = "", **sizes: int
    ) -> Param:
        """A parameter from a tensor."""
        return Param(moved(tensor, move, **sizes) if move else tensor, trainable and self.trainable, name)

    def size(self, axis: int, value: Value | None = None) -> int:
        """The size of an axis, which must be known for the weights to have a shape."""
        given = value or self.value
        if not -given.rank <= axis < given.rank:
            raise self.refuse(f"axis {axis} does not exist: its input has {given.rank} axes")
        dim: Dim = given.shape[axis]
        if not isinstance(dim, int):
            raise self.refuse(f"the size of axis {axis} of its input must be known, got {dim}")
        return dim

    def cast(self, value: Value, dtype: str) -> Value:
        """The value in another element type."""
        return value if value.dtype == dtype else self.add(Cast(dtype), value)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Nodes added inside belong to a named part of this layer (a separable convolution's `depthwise`)."""
        outer = self.builder.origin
        # without a layer name it is inside already, as all of a custom layer is
        scopes = (*outer.scopes, Scope(outer.layer, outer.kind, self.number)) if outer.layer else outer.scopes
        self.builder.origin = Origin(name, self.spec.class_name, scopes)
        try:
            yield
        finally:
            self.builder.origin = outer

    @contextmanager
    def aside(self, name: str) -> Iterator[None]:
        """Nodes added inside are named after what they make (`mask`), not after the layer alone."""
        outer = self.builder.origin
        self.builder.origin = replace(outer, layer=f"{outer.layer}_{name}")
        try:
            yield
        finally:
            self.builder.origin = outer

    def inner(
        self,
        spec: LayerSpec,
        attribute: str,
        inputs: Sequence[Value],
        path: tuple[str, ...] | None = None,
    ) -> LayerCall:
        """A call of a layer that this one wraps."""
        return replace(
            self,
            spec=spec,
            inputs=tuple(inputs),
            attribute=(*self.attribute, attribute),
            path=path or self.path,
            args=(),
            kwargs={},
            stand_in={},
            trainable=self.trainable and bool(spec.config.get("trainable", True)),
        )

    def wrapped(self, spec: LayerSpec, attribute: str, inputs: Sequence[Value]) -> tuple[Value, ...]:
        """The outputs of a wrapped layer or model; nodes belong to this layer."""
        path = self.path if spec.model is None else (*self.path, spec.name)
        assert self.context.apply is not None
        return self.context.apply(self.inner(spec, attribute, inputs, path))

    def refuse(self, what: str, hint: str = "") -> UnsupportedModel:
        """The error for a layer that cannot be carried exactly."""
        where = f"{'/'.join(self.path)} ({self.spec.class_name})"
        return UnsupportedModel(f"{where}: {what}", [Problem(where, what, hint)])
