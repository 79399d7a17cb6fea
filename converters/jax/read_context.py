"""What the reader knows while it goes through a program, and values that no input has a part in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from porter.graph.builder import Builder
from porter.graph.model import Graph, Node, Param, Value
from porter.graph.ops.op import Op
from porter.graph.ops.reshaping import Transpose
from porter.graph.ops.sources import Constant
from porter.graph.run import OWN, run
from porter.weights.tensor import Constant as Numbers
from porter.weights.tensor import Derived, Tensor, moved

LARGEST = 1 << 22
"""Constants of more cells are computed by the model as it runs."""


@dataclass(frozen=True)
class Failed:
    """Stands for a result that could not be read: what uses it is not reported again."""


@dataclass(frozen=True)
class Random:
    """Stands for the state of a stream of random numbers, which nothing but a draw can use."""


@dataclass(frozen=True)
class Window:
    """How windows were laid over a value, to tell sums that belong to one another."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]


@dataclass
class Context:
    """What the reader knows."""

    builder: Builder = field(default_factory=Builder)
    makers: dict[Value, Node] = field(default_factory=dict)
    slim: dict[Value, Value] = field(default_factory=dict)  # a value before it was repeated along axes
    fills: dict[Value, float] = field(default_factory=dict)  # values that hold one number everywhere
    counts: dict[Value, int] = field(default_factory=dict)  # 0, 1, 2, ... along this axis
    sums: dict[Value, tuple[Value, Window]] = field(default_factory=dict)  # of windows: the value summed
    cells: dict[Value, Window] = field(default_factory=dict)  # how many cells each window has
    inputs: list[Value] = field(default_factory=list)

    def add(self, op: Op, *inputs: Value, params: Mapping[str, Param] | None = None) -> tuple[Value, ...]:
        """A node; on constants alone it is computed at once."""
        known = [self.builder.known(value) for value in inputs]
        if inputs and not params and all(array is not None for array in known):
            specs = op.infer(*(value.spec for value in inputs))
            sizes = [np.prod([dim if isinstance(dim, int) else np.inf for dim in s.shape]) for s in specs]
            if max(sizes) <= LARGEST and all("bfloat16" not in spec.dtype for spec in specs):
                arrays = op.meaning([array for array in known if array is not None], {})
                pairs = zip(arrays, specs, strict=True)
                return tuple(self.builder.constant(np.array(array, spec.dtype)) for array, spec in pairs)
        outputs = self.builder.add(op, *inputs, params=params)
        for value in outputs:
            self.makers[value] = self.builder.nodes[-1]
        return outputs

    def one(self, op: Op, *inputs: Value, params: Mapping[str, Param] | None = None) -> Value:
        """A node with one output."""
        (value,) = self.add(op, *inputs, params=params)
        return value

    def part_for(self, value: Value) -> list[Node] | None:
        """The nodes that compute a value from nothing, in order; None where an input has a part in it."""
        found: dict[Node, None] = {}
        todo = [(value, False)]
        while todo:
            wanted, ready = todo.pop()
            node = self.makers.get(wanted)
            if node is None:
                if self.builder.known(wanted) is None:
                    return None
                node = next(one for one in reversed(self.builder.nodes) if wanted in one.outputs)
            if node in found:
                continue
            if ready or not node.inputs:
                found[node] = None
            else:
                todo.append((wanted, True))
                todo += [(one, False) for one in node.inputs]
        return list(found)

    def is_weight(self, value: Value) -> bool:
        """Whether it is a parameter of the model, or computed from parameters only."""
        if self.builder.known(value) is not None:
            return False
        nodes = self.part_for(value)
        return nodes is not None and any("value" in node.params for node in nodes)

    def numbers(self, value: Value) -> np.ndarray | None:
        """The numbers of a value that the architecture fixes; None where a parameter or input has a part."""
        return self.builder.known(value)

    def param(self, value: Value) -> Param | None:
        """A value as a parameter of a layer; None where an input has a part in it.

        One that the model computes from its parameters (weight normalization) is computed at conversion.
        """
        maker = self.makers.get(value)
        if maker is None:
            known = self.builder.known(value)
            return None if known is None else Param(Numbers(known), trainable=False)
        if isinstance(maker.op, Constant):
            return maker.params["value"]
        if isinstance(maker.op, Transpose):
            base = self.param(maker.inputs[0])
            return None if base is None else Param(_turned(base.tensor, maker.op.perm), base.trainable)
        return self._computed(value)

    def _computed(self, value: Value) -> Param | None:
        nodes = self.part_for(value)
        if nodes is None:
            return None
        sources = [node for node in nodes if isinstance(node.op, Constant)]
        bases = tuple(node.params["value"].tensor for node in sources)
        shape = tuple(size for size in value.shape if isinstance(size, int))
        formula = " -> ".join(repr(node.op) for node in nodes if not isinstance(node.op, Constant))
        tensor = Derived(bases, formula, shape, value.dtype, _run(value, nodes, sources))
        return Param(tensor, any(node.params["value"].trainable for node in sources))


def _turned(tensor: Tensor, perm: Sequence[int]) -> Tensor:
    names = [f"a{axis}" for axis in range(len(perm))]
    return moved(tensor, f"{' '.join(names)} -> {' '.join(names[axis] for axis in perm)}")


def _run(value: Value, nodes: Sequence[Node], sources: Sequence[Node]) -> Callable[..., np.ndarray]:
    def compute(*arrays: Any) -> np.ndarray:
        given = dict(zip(sources, map(Numbers, arrays), strict=True))
        swapped = tuple(
            Node(node.op, node.inputs, node.outputs, {"value": Param(given[node])}, node.origin)
            if node in given
            else node
            for node in nodes
        )
        found = run(Graph("", (), (value,), swapped), (), OWN)[0]
        return np.asarray(found, value.dtype if value.dtype != "bfloat16" else None)

    return compute
