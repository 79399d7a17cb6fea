"""Building graphs: what readers and passes use to add nodes, with shapes inferred on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from porter.errors import GraphError
from porter.graph.model import Graph, Node, Origin, Param, Spec, Value
from porter.graph.ops.op import Op
from porter.graph.ops.sources import Constant
from porter.weights.tensor import Constant as Numbers


class Builder:
    """Collects nodes in order; `origin` is stamped on every node that is added."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.origin = Origin()
        self._constants: dict[Value, np.ndarray] = {}

    def add(
        self,
        op: Op,
        *inputs: Value,
        params: Mapping[str, Param] | None = None,
        origin: Origin | None = None,
        name: str = "",
    ) -> tuple[Value, ...]:
        """Append one use of `op` and return its outputs."""
        where = origin or self.origin
        given = dict(params or {})
        allowed = {key.rstrip("?") for key in type(op).PARAMS}
        needed = {key for key in type(op).PARAMS if not key.endswith("?")}
        if not set(given) <= allowed or not needed <= set(given):
            raise GraphError(
                f"{type(op).__name__} of {where}: parameters {sorted(given)}, wants {sorted(allowed)}"
            )
        outputs = tuple(
            Value(name or where.layer or type(op).__name__.lower(), spec)
            for spec in op.infer(*(value.spec for value in inputs))
        )
        self.nodes.append(Node(op, tuple(inputs), outputs, given, where))
        return outputs

    def one(self, op: Op, *inputs: Value, params: Mapping[str, Param] | None = None) -> Value:
        """`add` for ops with a single output."""
        (value,) = self.add(op, *inputs, params=params)
        return value

    def constant(self, array: np.ndarray | float | Sequence[float], dtype: str | None = None) -> Value:
        """A value that stands in the architecture."""
        numbers = np.asarray(array, dtype=dtype) if dtype else np.asarray(array)
        op = Constant(tuple(numbers.shape), str(numbers.dtype))
        value = self.one(op, params={"value": Param(Numbers(numbers), trainable=False)})
        self._constants[value] = numbers
        return value

    def known(self, value: Value) -> np.ndarray | None:
        """The numbers of a value made by `constant`."""
        return self._constants.get(value)

    def graph(
        self,
        name: str,
        inputs: Sequence[Value],
        outputs: Sequence[Value],
        output_names: Sequence[str] = (),
    ) -> Graph:
        """The finished graph, without the nodes that nothing needs."""
        return prune(Graph(name, tuple(inputs), tuple(outputs), tuple(self.nodes), {}, tuple(output_names)))


def input_value(name: str, spec: Spec) -> Value:
    """A graph input."""
    return Value(name, spec)


def prune(graph: Graph) -> Graph:
    """The graph without nodes whose outputs nothing uses."""
    needed = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            kept.append(node)
            needed.update(node.inputs)
    return Graph(
        graph.name,
        graph.inputs,
        graph.outputs,
        tuple(reversed(kept)),
        graph.axes,
        graph.output_names,
    )
