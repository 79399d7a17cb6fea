"""Formulas that a model spells out are named where they are the activation, and only there."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from porter.graph.builder import Builder, input_value
from porter.graph.model import Graph, Spec, Value
from porter.graph.ops.activation import Gelu, Relu
from porter.graph.ops.elementwise import Binary, Clip, Unary
from porter.graph.ops.op import Op
from porter.graph.run import run
from porter.normalise.name_activations import name_activations


class Formula:
    """Arithmetic on a value, as a model's author would write it."""

    def __init__(self, builder: Builder, value: Value) -> None:
        self.builder, self.value = builder, value

    def _with(self, function: str, other: object, turned: bool = False) -> Formula:
        if not isinstance(other, Formula):
            other = Formula(self.builder, self.builder.constant(float(other), "float32"))  # type: ignore[arg-type]
        parts = (other.value, self.value) if turned else (self.value, other.value)
        return Formula(self.builder, self.builder.one(Binary(function), *parts))

    def of(self, op: Op | str) -> Formula:
        op = Unary(op) if isinstance(op, str) else op
        return Formula(self.builder, self.builder.one(op, self.value))

    def __add__(self, other: object) -> Formula:
        return self._with("add", other)

    def __radd__(self, other: object) -> Formula:
        return self._with("add", other, turned=True)

    def __mul__(self, other: object) -> Formula:
        return self._with("multiply", other)

    def __rmul__(self, other: object) -> Formula:
        return self._with("multiply", other, turned=True)

    def __truediv__(self, other: object) -> Formula:
        return self._with("divide", other)

    def __pow__(self, other: object) -> Formula:
        return self._with("power", other)


RELU6, CLIP6 = Relu(max_value=6.0), Clip(0.0, 6.0)
ROOT = math.sqrt(2 / math.pi)
Apply = Callable[[Formula], Formula]

NAMED: dict[str, tuple[Op, Apply]] = {
    "hard_sigmoid": (Unary("hard_sigmoid"), lambda x: (x + 3.0).of(RELU6) / 6.0),
    "hard_sigmoid_product": (Unary("hard_sigmoid"), lambda x: (1 / 6) * (3.0 + x).of(CLIP6)),
    "hard_silu": (Unary("hard_silu"), lambda x: x * ((x + 3.0).of(RELU6) * (1 / 6))),
    "hard_silu_late": (Unary("hard_silu"), lambda x: x * (x + 3.0).of(RELU6) / 6.0),
    "hard_silu_early": (Unary("hard_silu"), lambda x: (x / 6.0) * (x + 3.0).of(CLIP6)),
    "hard_silu_op": (Unary("hard_silu"), lambda x: x.of("hard_sigmoid") * x),
    "silu": (Unary("silu"), lambda x: x * x.of("sigmoid")),
    "silu_turned": (Unary("silu"), lambda x: x.of("sigmoid") * x),
    "mish": (Unary("mish"), lambda x: x * x.of("softplus").of("tanh")),
    "gelu": (Gelu(), lambda x: 0.5 * x * (1.0 + (x / math.sqrt(2)).of("erf"))),
    "gelu_half": (Gelu(), lambda x: x * (0.5 * ((x * math.sqrt(0.5)).of("erf") + 1.0))),
    "gelu_tanh": (Gelu(True), lambda x: 0.5 * x * (1.0 + (ROOT * (x + 0.044715 * x**3.0)).of("tanh"))),
    "gelu_tanh_cube": (
        Gelu(True),
        lambda x: 0.5 * x * ((ROOT * (x * x * x * 0.044715 + x)).of("tanh") + 1.0),
    ),
    "gelu_tanh_square": (
        Gelu(True),
        lambda x: x * 0.5 * ((ROOT * (x + 0.044715 * (x * x.of("square")))).of("tanh") + 1.0),
    ),
}

LEFT: dict[str, Apply] = {
    "another_bound": lambda x: (x + 3.0).of(Relu(max_value=5.0)) / 6.0,
    "another_shift": lambda x: (x + 2.5).of(RELU6) / 6.0,
    "another_scale": lambda x: (x + 3.0).of(RELU6) / 5.9,
    "scale_near_by": lambda x: (x + 3.0).of(RELU6) * 0.16666,
    "quick_gelu": lambda x: x * (1.702 * x).of("sigmoid"),
    "gate_of_another": lambda x: x * (x + 1.0).of("sigmoid"),
    "tanh_gate": lambda x: x * x.of("tanh"),
    "gelu_constant": lambda x: 0.5 * x * (1.0 + (0.7 * (x + 0.044715 * x**3.0)).of("tanh")),
    "gelu_fourth_power": lambda x: 0.5 * x * (1.0 + (ROOT * (x + 0.044715 * x**4.0)).of("tanh")),
    "gelu_cube_of_another": lambda x: 0.5 * x * (1.0 + (ROOT * (x + 0.044715 * (x + 1.0) ** 3.0)).of("tanh")),
}


def graph_of(apply: Apply, *, kept: bool = False) -> Graph:
    builder = Builder()
    x = input_value("x", Spec((5, 7)))
    result = apply(Formula(builder, x)).value
    inner = [node.outputs[0] for node in builder.nodes[:-1]]
    outputs = [result, *(value for value in inner if value.rank and kept)]
    return builder.graph("formula", (x,), outputs)


def outputs_of(graph: Graph) -> list[np.ndarray]:
    x = np.linspace(-7, 7, 35).reshape(5, 7)
    return list(run(graph, [x], "float64"))


@pytest.mark.parametrize("name", NAMED)
def test_formula_is_named(name: str) -> None:
    op, apply = NAMED[name]
    graph = graph_of(apply)
    found = name_activations(graph)
    assert [node.op for node in found.nodes] == [op]
    (here,), (there,) = outputs_of(found), outputs_of(graph)
    np.testing.assert_allclose(here, there, rtol=3e-7, atol=3e-7)  # float32's rounding of the constants


@pytest.mark.parametrize("name", NAMED)
def test_what_is_used_elsewhere_stays(name: str) -> None:
    graph = graph_of(NAMED[name][1], kept=True)
    found = name_activations(graph)
    for here, there in zip(outputs_of(found), outputs_of(graph), strict=True):
        np.testing.assert_allclose(here, there, rtol=3e-7, atol=3e-7)


@pytest.mark.parametrize("name", LEFT)
def test_what_only_looks_alike_stays(name: str) -> None:
    graph = graph_of(LEFT[name])
    assert [node.op for node in name_activations(graph).nodes] == [node.op for node in graph.nodes]
