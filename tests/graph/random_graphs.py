"""Random small graphs for property tests: any op on any value that it fits, in the source's order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from porter.graph.builder import Builder
from porter.graph.dims import BATCH
from porter.graph.model import Graph, Origin, Param, Spec, Value
from porter.graph.ops.activation import PRelu, Relu, Softmax
from porter.graph.ops.convolution import Conv
from porter.graph.ops.elementwise import Binary, Dropout, Unary
from porter.graph.ops.linear import Linear
from porter.graph.ops.normalisation import BatchNorm, LayerNorm
from porter.graph.ops.pooling import AvgPool, MaxPool
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Concat, Flip, Pad, Repeat, Reshape, Slice, Transpose
from porter.graph.regroup import Kept
from porter.weights.tensor import Constant

Draw = Callable[[st.SearchStrategy[int]], int]


def _param(rng: np.random.Generator, *shape: int) -> Param:
    return Param(Constant(rng.normal(size=shape)))


class Growing:
    """A graph under construction: each step applies one op to values that it fits."""

    def __init__(self, draw: Draw, seed: int) -> None:
        self.draw, self.rng, self.builder = draw, np.random.default_rng(seed), Builder()
        self.values: list[Value] = []
        self.inputs: list[Value] = []

    def start(self, *shape: int) -> None:
        value = Value(f"input{len(self.inputs)}", Spec((BATCH, *shape)))
        self.inputs.append(value)
        self.values.append(value)

    def pick(self, *ranks: int) -> Value | None:
        fitting = [value for value in self.values if value.rank in ranks]
        return fitting[self.draw(st.integers(0, len(fitting) - 1))] if fitting else None

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def add(self, op: object, *inputs: Value, **params: Param) -> None:
        self.builder.origin = Origin(f"{type(op).__name__.lower()}_{len(self.builder.nodes)}")
        self.values += self.builder.add(op, *inputs, params=params)  # type: ignore[arg-type]

    # one method per op: each does nothing where no value fits

    def conv(self) -> None:
        x = self.pick(3, 4, 5)
        if x is None:
            return
        first = bool(self.number(0, 1))
        axis = 1 if first else x.rank - 1
        channels, out = x.shape[axis], self.number(1, 4)
        spatial = x.rank - 2
        kernel = tuple(self.number(1, 2) for _ in range(spatial))
        strides = tuple(self.number(1, 2) for _ in range(spatial))
        pads = tuple((self.number(0, 1), 1) for _ in range(spatial))
        ones = (1,) * spatial
        assert isinstance(channels, int)
        op = Conv(channels, out, kernel, strides, ones, pads, 1, "first" if first else "last")
        self.add(op, x, weight=_param(self.rng, out, channels, *kernel), bias=_param(self.rng, out))

    def pool(self) -> None:
        x = self.pick(3, 4)
        if x is None:
            return
        spatial = x.rank - 2
        window, ones = (2,) * spatial, (1,) * spatial
        kind = (MaxPool, AvgPool)[self.number(0, 1)]
        side = ("first", "last")[self.number(0, 1)]
        self.add(kind(window, ones, ((0, 1),) * spatial, side), x)  # type: ignore[arg-type]

    def unary(self) -> None:
        x = self.pick(2, 3, 4, 5)
        if x is not None:
            op = (Relu(0.1), Unary("tanh"), Dropout(0.5))[self.number(0, 2)]
            self.add(op, x)

    def binary(self) -> None:
        x = self.pick(2, 3, 4, 5)
        same = [value for value in self.values if x is not None and value.shape == x.shape]
        if x is not None:
            self.add(Binary("add"), x, same[self.number(0, len(same) - 1)])

    def scaled(self) -> None:
        x = self.pick(2, 3, 4)
        if x is None:
            return
        rank = self.number(1, x.rank - 1)
        shape = [size if self.number(0, 2) else 1 for size in x.shape[-rank:]]
        factor = self.builder.constant(self.rng.normal(size=shape))
        self.add(Binary("multiply"), x, factor)

    def concat(self) -> None:
        x = self.pick(2, 3, 4, 5)
        if x is None:
            return
        axis = self.number(1, x.rank - 1)
        fitting = [
            value
            for value in self.values
            if value.rank == x.rank
            and all(k == axis or a == b for k, (a, b) in enumerate(zip(value.shape, x.shape, strict=True)))
        ]
        self.add(Concat(axis), x, fitting[self.number(0, len(fitting) - 1)])

    def linear(self) -> None:
        x = self.pick(2, 3, 4, 5)
        if x is None:
            return
        features, out = x.shape[-1], self.number(1, 4)
        assert isinstance(features, int)
        self.add(Linear(features, out), x, weight=_param(self.rng, out, features), bias=_param(self.rng, out))

    def norm(self) -> None:
        x = self.pick(2, 3, 4)
        if x is None:
            return
        axis = self.number(1, x.rank - 1)
        size = x.shape[axis]
        assert isinstance(size, int)
        if self.number(0, 1):
            params = {name: _param(self.rng, size) for name in ("mean", "scale", "shift")}
            variance = Param(Constant(self.rng.uniform(0.5, 2, size)))
            self.add(BatchNorm(size, 1e-3, 0.9, axis), x, variance=variance, **params)
            return
        axes = tuple(range(axis, x.rank))
        shape = [int(x.shape[k]) for k in axes]  # type: ignore[arg-type]
        self.add(LayerNorm(axes, 1e-3), x, scale=_param(self.rng, *shape), shift=_param(self.rng, *shape))

    def prelu(self) -> None:
        x = self.pick(2, 3, 4)
        if x is None:
            return
        shape = tuple(int(size) if self.number(0, 1) else 1 for size in x.shape[1:])  # type: ignore[arg-type]
        self.add(PRelu(shape), x, slope=_param(self.rng, *shape))

    def softmax(self) -> None:
        x = self.pick(2, 3, 4)
        if x is not None:
            self.add(Softmax(self.number(1, x.rank - 1)), x)

    def reduce(self) -> None:
        x = self.pick(3, 4, 5)
        if x is not None:
            axes = tuple({self.number(1, x.rank - 1) for _ in range(2)})
            self.add(Reduce("mean", axes, bool(self.number(0, 1))), x)

    def flatten(self) -> None:
        x = self.pick(3, 4, 5)
        if x is not None:
            self.add(Reshape((Kept(0), None)), x)

    def reshape(self) -> None:
        x = self.pick(3, 4)
        if x is None:
            return
        sizes = [int(size) for size in x.shape[1:]]  # type: ignore[arg-type]
        place = self.number(0, len(sizes) - 1)
        choices = [
            [*sizes[:place], 1, *sizes[place:]],
            [*sizes[:place], *(sizes[place], 1), *sizes[place + 1 :]],
            [*sizes[: place - 1], sizes[place - 1] * sizes[place], *sizes[place + 1 :]] if place else sizes,
            sizes[::-1],
        ]
        self.add(Reshape((Kept(0), *choices[self.number(0, 3)])), x)

    def transpose(self) -> None:
        x = self.pick(3, 4)
        if x is not None:
            rest = list(range(1, x.rank))
            order = [rest.pop(self.number(0, len(rest) - 1)) for _ in range(len(rest))]
            self.add(Transpose((0, *order)), x)

    def move(self) -> None:
        x = self.pick(2, 3, 4)
        if x is None:
            return
        axis = self.number(1, x.rank - 1)
        pads = tuple((1, 2) if k == axis else (0, 0) for k in range(x.rank))
        parts = tuple((0, 2, 1) if k == axis else (None, None, 1) for k in range(x.rank))
        self.add((Pad(pads), Slice(parts), Flip((axis,)), Repeat(2, axis))[self.number(0, 3)], x)

    STEPS = (
        *(conv, conv, pool, unary, unary, binary, binary, scaled, concat, linear, linear, norm, prelu),
        *(softmax, reduce, flatten, flatten, reshape, transpose, move),
    )


@st.composite
def graphs(draw: Callable[..., int], steps: int = 12) -> Graph:
    """A graph of up to `steps` ops; its outputs are the values that nothing uses."""
    growing = Growing(draw, draw(st.integers(0, 9)))
    growing.start(2, 3, 4)
    if draw(st.integers(0, 1)):
        growing.start(3, 2)
    for _ in range(draw(st.integers(1, steps))):
        growing.STEPS[draw(st.integers(0, len(growing.STEPS) - 1))](growing)
        last = growing.values[-1]
        size = np.prod([dim for dim in last.shape if isinstance(dim, int)])
        if size > 4000:  # keep examples quick
            break
    used = {value for node in growing.builder.nodes for value in node.inputs}
    loose = [value for value in growing.values if value not in used and value not in growing.inputs]
    outputs = loose or growing.values[-1:]
    return growing.builder.graph("random", growing.inputs, outputs)
