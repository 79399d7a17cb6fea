"""The layout pass must never change what a graph computes, whatever the graph."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from porter.axes import Move
from porter.graph.check import check
from porter.graph.layouts import Layout
from porter.graph.model import Graph
from porter.graph.run import run
from porter.layout import lay_out
from porter.normalise import normalise
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
