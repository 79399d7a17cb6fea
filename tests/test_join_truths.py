"""Truth values stand once in a graph; what may differ stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from porter.graph.builder import Builder, input_value
from porter.graph.model import Graph, Spec, Value
from porter.graph.ops.elementwise import Binary, Where
from porter.normalise.join_truths import join_truths

Truth = Callable[[Builder, Value], tuple[Value, Value]]


def apart(builder: Builder, ids: Value, number: float = 0, function: str = "not_equal") -> Value:
    return builder.one(Binary(function), ids, builder.constant(number, "int32"))


def joined(builder: Builder, ids: Value, function: str) -> Value:
    return builder.one(Binary(function), apart(builder, ids), apart(builder, ids))


ROWS: dict[str, tuple[Truth, int]] = {
    "twice": (lambda b, x: (apart(b, x), apart(b, x)), 1),
    "other numbers": (lambda b, x: (apart(b, x), apart(b, x, 1)), 2),
    "other functions": (lambda b, x: (apart(b, x), apart(b, x, function="equal")), 2),
    "or itself": (lambda b, x: (joined(b, x, "logical_or"), apart(b, x)), 1),
    "and itself": (lambda b, x: (joined(b, x, "logical_and"), joined(b, x, "logical_or")), 1),
    "xor itself": (lambda b, x: (joined(b, x, "logical_xor"), apart(b, x)), 2),
}
"""Two truths of the same numbers, and how many nodes are left to make them."""


@pytest.mark.parametrize("name", ROWS)
def test_truths(name: str) -> None:
    make, count = ROWS[name]
    builder = Builder()
    ids = input_value("ids", Spec(("n", 4), "int32"))
    here, there = make(builder, ids)
    result = builder.one(Where(), here, builder.one(Where(), there, ids, ids), ids)
    graph = join_truths(Graph("model", (ids,), (result,), tuple(builder.nodes)))
    assert sum(isinstance(node.op, Binary) for node in graph.nodes) == count
    assert graph.outputs == (result,)


def test_an_output_keeps_its_own_name() -> None:
    builder = Builder()
    ids = input_value("ids", Spec(("n", 4), "int32"))
    outputs = apart(builder, ids), apart(builder, ids)
    assert join_truths(Graph("model", (ids,), outputs, tuple(builder.nodes))).outputs == outputs
