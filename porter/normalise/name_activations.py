"""Activations that a model spells out in arithmetic, as the one op that they are.

    clip(x, 0, 6)                                                        becomes   relu6(x)
    relu6(x + 3) / 6                                                     becomes   hard_sigmoid(x)
    x * sigmoid(x), x * relu6(x + 3) / 6, x * tanh(softplus(x))          becomes   silu, hard_silu, mish
    x / 2 * (1 + erf(x / sqrt(2))), and the same with tanh               becomes   gelu(x)

They are the same functions: the order of the factors and constants that their type has rounded (1 / 6)
make a difference in the last digit only. What else the model does with a part of the formula stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from porter.graph.builder import prune
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.activation import Gelu, Relu
from porter.graph.ops.elementwise import Binary, Clip, Unary
from porter.graph.ops.op import Op
from porter.graph.ops.sources import Constant
from porter.weights.tensor import Constant as Numbers

RELU6: tuple[Op, ...] = (Relu(max_value=6.0), Clip(0.0, 6.0))
"""Both ways of saying it."""

GATES: Mapping[str, str] = {"sigmoid": "silu", "hard_sigmoid": "hard_silu"}
"""What x times a function of x is called."""

EPSILONS: Mapping[str, float] = {"float64": 2**-52, "float32": 2**-23, "float16": 2**-10, "bfloat16": 2**-7}
"""How far the types may round a constant, over its size: twice, as there may be two."""


def name_activations(graph: Graph) -> Graph:
    """The graph with such formulas as one node each."""
    formulas = _Formulas(graph)
    nodes = tuple(formulas.named(node) for node in graph.nodes)
    return prune(replace(graph, nodes=nodes))


class _Formulas:
    def __init__(self, graph: Graph) -> None:
        self.producers = graph.producers()
        self.users: Mapping[Value, Sequence[Node]] = graph.consumers()
        self.outputs = frozenset(graph.outputs)

    def named(self, node: Node) -> Node:
        """The node, or the activation whose last step it is."""
        if node.op in RELU6 and node.outputs[0].dtype in EPSILONS:
            return replace(node, op=RELU6[0])
        if not isinstance(node.op, Binary) or node.outputs[0].dtype not in EPSILONS:
            return node
        for op, x in self._readings(node):
            if x is not None and op.infer(x.spec)[0] == node.outputs[0].spec:
                found = replace(node, op=op, inputs=(x,))
                self.producers[node.outputs[0]] = found
                return found
        return node

    def _readings(self, node: Node) -> list[tuple[Op, Value | None]]:
        scale, core = self._scaled(node.outputs[0], top=True)
        factors = self._parts(core, "multiply", top=core is node.outputs[0])
        found: list[tuple[Op, Value | None]] = [(Unary("hard_sigmoid"), self._hard_sigmoid(scale, core))]
        for place in range(len(factors)):
            more, x = self._scaled(factors[place])
            again, gate = self._scaled(factors[1 - place])
            found += [(op, x) for op in self._gated(x, gate, scale * more * again)]
        return found

    def _hard_sigmoid(self, scale: float, core: Value) -> Value | None:
        inner = self._under(core, *RELU6)
        return self._plus(inner, 3.0) if inner and _near(scale, 1 / 6, core) else None

    def _gated(self, x: Value, gate: Value, scale: float) -> list[Op]:
        """What `scale * x * gate` may be: at most one."""
        if _near(scale, 1.0, x):
            names = [name for name, whole in GATES.items() if self._under(gate, Unary(name)) is x]
            tanh = self._under(gate, Unary("tanh"))
            if tanh and self._under(tanh, Unary("softplus")) is x:
                return [Unary("mish")]
            return [Unary(GATES[name]) for name in names]
        if _near(scale, 1 / 6, x) and self._hard_sigmoid(scale, gate) is x:
            return [Unary("hard_silu")]
        raised = self._plus(gate, 1.0) if _near(scale, 0.5, x) else None
        return [Gelu(kind) for kind in (False, True) if raised and self._curve(raised, kind) is x]

    def _curve(self, value: Value, approximate: bool) -> Value | None:
        """The x of erf(x / sqrt(2)), or of the tanh that comes near it."""
        inner = self._under(value, Unary("tanh" if approximate else "erf"))
        if inner is None:
            return None
        scale, x = self._scaled(inner)
        if not approximate:
            return x if _near(scale, math.sqrt(0.5), x) else None
        terms = self._parts(x, "add") if _near(scale, math.sqrt(2 / math.pi), x) else ()
        for place in range(len(terms)):
            scale, cube = self._scaled(terms[1 - place])
            if _near(scale, 0.044715, cube) and self._is_cube(cube, terms[place]):
                return terms[place]
        return None

    def _is_cube(self, value: Value, x: Value) -> bool:
        base, *power = self._parts(value, "power") or (None,)
        if power:
            return base is x and self._number(power[0]) == 3
        for square, other in _orders(self._parts(value, "multiply")):
            same = self._parts(square, "multiply") == (x, x) or self._under(square, Unary("square")) is x
            if other is x and same:
                return True
        return False

    def _scaled(self, value: Value, top: bool = False) -> tuple[float, Value]:
        """A value as a number times another value."""
        for a, b in _orders(self._parts(value, "multiply", top)):
            number = self._number(b)
            if number is not None:
                scale, core = self._scaled(a)
                return scale * number, core
        over = self._parts(value, "divide", top)
        number = self._number(over[1]) if over else None
        if number:
            scale, core = self._scaled(over[0])
            return scale / number, core
        return 1.0, value

    def _plus(self, value: Value, wanted: float) -> Value | None:
        """What the number `wanted` is added to."""
        for a, b in _orders(self._parts(value, "add")):
            if self._number(b) == wanted:
                return a
        return None

    def _parts(self, value: Value, function: str, top: bool = False) -> tuple[Value, ...]:
        """The operands of a binary function, or none where it is not that."""
        node = self._inner(value, top)
        return node.inputs if node and node.op == Binary(function) else ()

    def _under(self, value: Value, *ops: Op) -> Value | None:
        """What one of these is taken of."""
        node = self._inner(value)
        return node.inputs[0] if node and node.op in ops else None

    def _inner(self, value: Value, top: bool = False) -> Node | None:
        """The node that makes a value, if nothing else uses it (or it is the formula's last)."""
        alone = len(self.users.get(value, ())) == 1 and value not in self.outputs
        return self.producers.get(value) if alone or top else None

    def _number(self, value: Value) -> float | None:
        node = self.producers.get(value)
        if node is None or not isinstance(node.op, Constant) or set(node.op.shape) - {1}:
            return None
        param = node.params["value"]
        if param.trainable or not isinstance(param.tensor, Numbers):
            return None
        return float(np.asarray(param.tensor.read(), "float64").item())


def _orders(parts: Sequence[Value]) -> Sequence[tuple[Value, Value]]:
    return [(parts[0], parts[1]), (parts[1], parts[0])] if parts else []


def _near(number: float, wanted: float, value: Value) -> bool:
    return abs(number / wanted - 1) <= 2 * EPSILONS.get(value.dtype, 0.0)
