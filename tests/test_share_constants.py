"""Numbers that a nested model holds twice: held once, unless they are trained or stand in another model."""

from __future__ import annotations

import numpy as np
import pytest

from porter.graph.builder import Builder, input_value
from porter.graph.model import Origin, Param, Scope, Spec
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.sources import Constant
from porter.graph.run import run
from porter.normalise.share_constants import share_constants
from porter.weights.tensor import Constant as Numbers

HERE, THERE = Scope("here", "Block"), Scope("there", "Block")
ROWS = [
    # scopes of the two constants, trained, numbers of the second -> constants left
    ((HERE, HERE), False, 2.0, 1),
    ((HERE, THERE), False, 2.0, 2),
    ((HERE, HERE), True, 2.0, 2),
    ((HERE, HERE), False, 3.0, 2),
]


@pytest.mark.parametrize(("scopes", "trained", "second", "left"), ROWS)
def test_shared(scopes: tuple[Scope, Scope], trained: bool, second: float, left: int) -> None:
    builder = Builder()
    given = value = input_value("x", Spec((2,), "float32"))
    for scope, number in zip(scopes, (2.0, second), strict=True):
        builder.origin = Origin("held", "", (scope,))
        held = Param(Numbers(np.full(2, number, "float32")), trained)
        constant = builder.one(Constant((2,), "float32"), params={"value": held})
        value = builder.one(Binary("multiply"), value, constant)
    graph = builder.graph("g", [given], [value])
    found = share_constants(graph)
    assert sum(isinstance(node.op, Constant) for node in found.nodes) == left
    x = np.array([1, 5], "float32")
    assert np.array_equal(run(found, (x,))[0], run(graph, (x,))[0])
