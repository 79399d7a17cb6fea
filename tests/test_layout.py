"""The layout pass must never change what a graph computes, whatever the graph."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from porter.axes import Move
from porter.graph.builder import Builder, input_value
from porter.graph.check import check
from porter.graph.dims import BATCH
from porter.graph.layouts import Layout
from porter.graph.model import Graph, Param, Spec
from porter.graph.ops.elementwise import Binary, Unary
from porter.graph.ops.normalisation import LayerNorm
from porter.graph.ops.reduction import Reduce
from porter.graph.ops.reshaping import Reshape, Transpose
from porter.graph.regroup import Kept
from porter.graph.run import run
from porter.layout import lay_out
from porter.normalise import normalise
from porter.weights.tensor import Constant
from tests.graph.random_graphs import graphs


def held(array: np.ndarray, layout: Layout) -> np.ndarray:
    """The array as a target with this layout holds it."""
    names = [f"a{axis}" for axis in range(array.ndim)]
    return Move.parse(f"{' '.join(names)} -> {' '.join(names[axis] for axis in layout.perm)}").apply(array)


def same_after_layout(graph: Graph, target: str, io: str) -> None:
    rng = np.random.default_rng(1)
    inputs = [rng.normal(size=(3, *value.shape[1:])) for value in graph.inputs]  # type: ignore[arg-type]
    expected = run(graph, inputs)
    laid = lay_out(graph, target, io)  # type: ignore[arg-type]
    check(laid.graph, "laying out")
    given_inputs = [held(x, layout) for x, layout in zip(inputs, laid.inputs, strict=True)]
    results = run(laid.graph, given_inputs)
    for want, got, layout in zip(expected, results, laid.outputs, strict=True):
        assert got.shape == held(want, layout).shape
        np.testing.assert_allclose(got, held(want, layout), rtol=1e-9, atol=1e-9)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graph=graphs(), target=st.sampled_from(["first", "last"]), io=st.sampled_from(["native", "source"]))
def test_layout_keeps_the_function(graph: Graph, target: str, io: str) -> None:
    same_after_layout(graph, target, io)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graph=graphs())
def test_normalising_keeps_the_function(graph: Graph) -> None:
    rng = np.random.default_rng(2)
    inputs = [rng.normal(size=(2, *value.shape[1:])) for value in graph.inputs]  # type: ignore[arg-type]
    done = check(normalise(graph), "normalising")
    for want, got in zip(run(graph, inputs), run(done, inputs), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)


def test_a_transpose_that_spares_others_is_written_out() -> None:
    """Steps of a sequence behind an image that a permute has turned: two blocks that normalise them."""
    builder = Builder()
    image = input_value("image", Spec((BATCH, 6, 4, 4)))
    turned = builder.one(Transpose((0, 2, 3, 1)), image)
    x = builder.one(Reshape((Kept(0), 16, 6)), turned)
    scale = {"scale": Param(Constant(np.ones(6)))}
    for _ in range(2):
        y = builder.one(LayerNorm((-1,), 1e-6), x, params=scale)
        x = builder.one(Binary("add"), x, builder.one(Unary("tanh"), y))
    graph = builder.graph("steps", [image], [builder.one(Reduce("mean", (1,)), x)])
    same_after_layout(graph, "first", "native")
    laid = lay_out(graph, "first")
    assert sum(isinstance(node.op, Transpose) for node in laid.graph.nodes) == 1
