"""What a traced program says twice: one step, one constant, unless it is trained, drawn or elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from porter.graph.builder import Builder, input_value
from porter.graph.model import Origin, Param, Scope, Spec
from porter.graph.ops.elementwise import Binary, Dropout, Unary
from porter.graph.ops.op import Op
from porter.graph.ops.sources import Constant
from porter.graph.run import run
from porter.reading import share_steps
from porter.weights.tensor import Constant as Numbers

HERE, THERE = Scope("here", "Block"), Scope("there", "Block")
ROWS = [
    # scopes of the two constants, trained, numbers of both -> constants left
    ((HERE, HERE), False, ([2, 3], [2, 3]), 1),
    ((HERE, THERE), False, ([2, 3], [2, 3]), 2),
    ((HERE, HERE), True, ([2, 3], [2, 3]), 2),
    ((HERE, HERE), False, ([2, 3], [3, 2]), 2),
    ((HERE, HERE), False, ([0, 0], [0, 0]), 2),  # two states begin so
]


@pytest.mark.parametrize(("scopes", "trained", "numbers", "left"), ROWS)
def test_constants(
    scopes: tuple[Scope, Scope], trained: bool, numbers: tuple[list[int], list[int]], left: int
) -> None:
    builder = Builder()
    given = value = input_value("x", Spec((2,), "float32"))
    for scope, own in zip(scopes, numbers, strict=True):
        builder.origin = Origin("held", "", (scope,))
        held = Param(Numbers(np.array(own, "float32")), trained)
        constant = builder.one(Constant((2,), "float32"), params={"value": held})
        value = builder.one(Binary("multiply"), value, constant)
    graph = builder.graph("g", [given], [value])
    found = share_steps(graph)
    assert sum(isinstance(node.op, Constant) for node in found.nodes) == left
    x = np.array([1, 5], "float32")
    assert np.array_equal(run(found, (x,))[0], run(graph, (x,))[0])


STEPS: list[tuple[Op, tuple[Scope, Scope], int]] = [
    (Unary("exp"), (HERE, HERE), 1),
    (Unary("exp"), (HERE, THERE), 2),
    (Dropout(0.5), (HERE, HERE), 2),
]


@pytest.mark.parametrize(("op", "scopes", "left"), STEPS)
def test_steps(op: Op, scopes: tuple[Scope, Scope], left: int) -> None:
    builder = Builder()
    given = input_value("x", Spec((2,), "float32"))
    made = []
    for scope in scopes:
        builder.origin = Origin("step", "", (scope,))
        made.append(builder.one(op, given))
    total = builder.one(Binary("add"), *made)
    graph = builder.graph("g", [given], [total])
    found = share_steps(graph)
    assert sum(node.op == op for node in found.nodes) == left
    x = np.array([1, 5], "float32")
    assert np.array_equal(run(found, (x,))[0], run(graph, (x,))[0])
