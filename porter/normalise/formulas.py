"""What steps that look for formulas ask of a graph: what makes a value, and which values are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from porter.graph.model import Graph, Node, Value
from porter.graph.ops.elementwise import Binary, Unary
from porter.graph.ops.indexing import Expand
from porter.graph.ops.op import Op
from porter.graph.ops.sources import Constant
from porter.weights.tensor import Constant as Numbers

DEEPEST = 6
"""How many steps back two values are compared."""


class Formulas:
    """A graph under a step that replaces nodes as it goes."""

    def __init__(self, graph: Graph) -> None:
        self.producers = graph.producers()
        self.users: Mapping[Value, Sequence[Node]] = graph.consumers()
        self.outputs = frozenset(graph.outputs)

    def node(self, value: Value | None, *kinds: type[Op]) -> Node | None:
        """What makes a value, if it is one of these; what changes nothing is looked through."""
        found = None if value is None else self.producers.get(value)
        while found is not None and _changes_nothing(found.op):
            found = self.producers.get(found.inputs[0])
        return found if found is not None and (not kinds or isinstance(found.op, kinds)) else None

    def source(self, value: Value) -> Value:
        """The value without what changes nothing."""
        found = self.producers.get(value)
        while found is not None and _changes_nothing(found.op):
            value = found.inputs[0]
            found = self.producers.get(value)
        return value

    def alone(self, value: Value) -> bool:
        """Whether one node uses it, once, and it is no output."""
        users = self.users.get(value, ())
        return len(users) == 1 and users[0].inputs.count(value) == 1 and value not in self.outputs

    def operands(self, value: Value | None, function: str) -> tuple[Value, ...]:
        """The operands of a binary function, or none where it is not that."""
        node = self.node(value, Binary)
        same = node is not None and isinstance(node.op, Binary) and node.op.function == function
        return node.inputs if node is not None and same else ()

    def orders(self, value: Value | None, function: str) -> list[tuple[Value, Value]]:
        """The operands of a function that does not mind their order, both ways."""
        parts = self.operands(value, function)
        return [(parts[0], parts[1]), (parts[1], parts[0])] if parts else []

    def under(self, value: Value | None, function: str) -> Value | None:
        """What a function of one value is taken of."""
        node = self.node(value, Unary)
        return node.inputs[0] if node is not None and node.op == Unary(function) else None

    def number(self, value: Value | None) -> float | None:
        """The one number that a constant holds."""
        array = self.numbers(value)
        if array is None or not array.size or not (array == array.flat[0]).all():
            return None
        return _as_written(array.flat[0])

    def numbers(self, value: Value | None) -> np.ndarray | None:
        """The numbers of a constant that is no parameter."""
        node = self.node(value, Constant)
        if node is None:
            return None
        param = node.params["value"]
        if param.trainable or not isinstance(param.tensor, Numbers):
            return None
        return np.asarray(param.tensor.read())

    def same(self, a: Value, b: Value, depth: int = DEEPEST) -> bool:
        """Whether two values are one, or computed alike from the same."""
        a, b = self.source(a), self.source(b)
        if a is b:
            return True
        left, right = self.producers.get(a), self.producers.get(b)
        if left is None or right is None or not depth or left.params or right.params:
            return False
        if left.op != right.op or len(left.inputs) != len(right.inputs):
            return False
        pairs = zip(left.inputs, right.inputs, strict=True)
        return all(self.same(x, y, depth - 1) for x, y in pairs)

    def replace(self, node: Node) -> Node:
        """Note a new node for the values that it makes."""
        self.producers.update((value, node) for value in node.outputs)
        return node


def _as_written(number: Any) -> float:
    """A number as people write it: 1e-6, where single precision holds 9.999999974752427e-07."""
    return float(str(number)) if isinstance(number, np.float32) else float(number)


def _changes_nothing(op: Op) -> bool:
    return isinstance(op, Expand) or op in (Unary("stop_gradient"), Unary("identity"))
