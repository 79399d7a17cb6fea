"""A graph while it is read from a traced program, and the values in it that no input has a part in.

A module may compute a weight from its parameters each time it runs (weight normalization, standardised
kernels, tables of positions). Layers want the weight itself: the part of the graph that computes it is run
once, when the weight is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any
from zlib import crc32

import numpy as np

from porter.dataclass import dataclass
from porter.graph.builder import Builder
from porter.graph.model import Graph, Node, Param, Spec, Value
from porter.graph.ops.elementwise import Cast
from porter.graph.ops.indexing import Expand, Split
from porter.graph.ops.op import Op
from porter.graph.ops.reshaping import Reshape, Transpose
from porter.graph.ops.sources import Constant
from porter.graph.run import OWN, run
from porter.weights.tensor import Constant as Numbers
from porter.weights.tensor import Derived, Rows, Tensor, moved, number_type

SHAPING = (Cast, Expand, Reshape, Transpose)

LARGEST = 1 << 22
"""Constants of more cells are computed by the model as it runs."""


@dataclass
class Traced:
    """What a reader knows while it goes through the operations."""

    builder: Builder = field(default_factory=Builder)
    makers: dict[Value, Node] = field(default_factory=dict)
    fills: dict[Value, float] = field(default_factory=dict)  # values that hold one number everywhere
    inputs: list[Value] = field(default_factory=list)

    def add(self, op: Op, *inputs: Value, params: Mapping[str, Param] | None = None) -> tuple[Value, ...]:
        """A node; on constants alone it is computed at once."""
        known = [array for value in inputs if (array := self.builder.known(value)) is not None]
        if inputs and not params and len(known) == len(inputs):
            specs = op.infer(*(value.spec for value in inputs))
            if all(map(_small, specs)):
                return self._computed(op, inputs, known, specs)
        outputs = self.builder.add(op, *inputs, params=params)
        for value in outputs:
            self.makers[value] = self.builder.nodes[-1]
        return outputs

    def one(self, op: Op, *inputs: Value, params: Mapping[str, Param] | None = None) -> Value:
        """A node with one output."""
        (value,) = self.add(op, *inputs, params=params)
        return value

    def _computed(
        self, op: Op, inputs: Sequence[Value], known: Sequence[np.ndarray], specs: Sequence[Spec]
    ) -> tuple[Value, ...]:
        """Constants for the outputs; what only changes the shape leaves the origin that gives the name."""
        here, maker = self.builder.origin, self._maker(inputs[0])
        if isinstance(op, SHAPING) and maker is not None:
            self.builder.origin = maker.origin
        with np.errstate(all="ignore"):
            pairs = zip(op.meaning(known, {}), specs, strict=True)
            made = tuple(self.builder.constant(np.array(array, spec.dtype)) for array, spec in pairs)
        self.builder.origin = here
        return made

    # --- values that no input has a part in

    def known(self, value: Value) -> np.ndarray | None:
        """The numbers of a value that the architecture fixes; None where a parameter or input has a part."""
        return self.builder.known(value)

    def part_for(self, value: Value) -> list[Node] | None:
        """The nodes that compute a value from nothing, in order; None where an input has a part in it."""
        found: dict[Node, None] = {}
        todo = [(value, False)]
        while todo:
            wanted, ready = todo.pop()
            node = self._maker(wanted)
            if node is None:
                return None
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
        return self.known(value) is None and self.part_for(value) is not None

    def numbers(self, value: Value) -> np.ndarray | None:
        """The numbers of a value, those of parameters too; None where an input has a part in it."""
        known = self.known(value)
        if known is not None:
            return known
        nodes = self.part_for(value)
        if nodes is None:
            return None
        return np.asarray(run(Graph("", (), (value,), tuple(nodes)), (), OWN)[0])

    def param(self, value: Value) -> Param | None:
        """A value as a parameter of a layer; None where an input has a part in it.

        One that the model computes from its parameters is computed at conversion.
        """
        maker = self._maker(value)
        if maker is None:
            return None
        if isinstance(maker.op, Constant):
            return maker.params["value"]
        if isinstance(maker.op, Transpose):
            base = self.param(maker.inputs[0])
            return None if base is None else Param(_turned(base.tensor, maker.op.perm), base.trainable)
        if isinstance(maker.op, Split) and maker.op.axis == 0:
            base = self.param(maker.inputs[0])
            stop = sum(maker.op.sizes[: maker.outputs.index(value) + 1])
            rows = maker.op.sizes[maker.outputs.index(value)]
            return None if base is None else Param(Rows(base.tensor, stop - rows, stop), base.trainable)
        nodes = self.part_for(value)
        return None if nodes is None else _derived(value, nodes)

    def _maker(self, value: Value) -> Node | None:
        node = self.makers.get(value)
        if node is not None or self.known(value) is None:
            return node
        return next(one for one in reversed(self.builder.nodes) if value in one.outputs)


def _small(spec: Spec) -> bool:
    cells = np.prod([size if isinstance(size, int) else np.inf for size in spec.shape])
    return bool(cells <= LARGEST) and spec.dtype != "bfloat16"


def _turned(tensor: Tensor, perm: Sequence[int]) -> Tensor:
    names = [f"a{axis}" for axis in range(len(perm))]
    return moved(tensor, f"{' '.join(names)} -> {' '.join(names[axis] for axis in perm)}")


def _derived(value: Value, nodes: Sequence[Node]) -> Param:
    sources = [node for node in nodes if isinstance(node.op, Constant)]
    bases = tuple(node.params["value"].tensor for node in sources)
    shape = tuple(size for size in value.shape if isinstance(size, int))
    formula = " -> ".join(_told(nodes, value))
    tensor = Derived(bases, formula, shape, value.dtype, _computed(value, nodes, sources))
    return Param(tensor, any(node.params["value"].trainable for node in sources))


def _told(nodes: Sequence[Node], value: Value) -> Iterator[str]:
    """The steps, so that equal formulas mean the same.

    Constants stand there by a digest; a step that takes something else than what the one before it gives says
    which steps' results it takes.
    """
    places = {made: (place, k) for place, node in enumerate(nodes) for k, made in enumerate(node.outputs)}
    before: tuple[Value, ...] = ()
    for node in nodes:
        if isinstance(node.op, Constant):
            tensor = node.params["value"].tensor
            if isinstance(tensor, Numbers):
                yield f"constant {crc32(tensor.array.tobytes()):08x}"
        else:
            taken = ", ".join(
                f"{place}.{k}" if k else f"{place}" for place, k in (places[one] for one in node.inputs)
            )
            yield repr(node.op) + (f" of {taken}" if node.inputs != before else "")
        before = node.outputs
    if value != nodes[-1].outputs[0]:
        yield f"result {nodes[-1].outputs.index(value)}"


def _computed(value: Value, nodes: Sequence[Node], sources: Sequence[Node]) -> Callable[..., np.ndarray]:
    def compute(*arrays: Any) -> np.ndarray:
        given = dict(zip(sources, map(Numbers, arrays), strict=True))
        swapped = tuple(
            Node(node.op, node.inputs, node.outputs, {"value": Param(given[node])}, node.origin)
            if node in given
            else node
            for node in nodes
        )
        found = run(Graph("", (), (value,), swapped), (), OWN)[0]
        return np.asarray(found, number_type(value.dtype))

    return compute
