"""Rows of reshapes and transposes in short: always the same numbers, with no more transposes than before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from porter.graph.builder import Builder, input_value
from porter.graph.check import check
from porter.graph.dims import BATCH
from porter.graph.model import Graph, Origin, Scope, Spec
from porter.graph.ops.attention import MergeHeads, SplitHeads
from porter.graph.ops.elementwise import Unary
from porter.graph.ops.op import Op
from porter.graph.ops.reshaping import Reshape, Transpose
from porter.graph.regroup import Kept
from porter.graph.run import run
from porter.layout.join_views import join_views

SIZES = (2, 3, 4, 6)


def graph_of(shape: tuple[int, ...], steps: list[Op]) -> Graph:
    """A row of steps on one input."""
    builder = Builder()
    entry = value = input_value("x", Spec((BATCH, *shape)))
    for step in steps:
        value = builder.one(step, value)
    value = builder.one(Unary("square"), value)
    return builder.graph("row", [entry], [value])


def turns(graph: Graph) -> int:
    """How many transposes there are."""
    return sum(isinstance(node.op, Transpose | SplitHeads | MergeHeads) for node in graph.nodes)


def joined(graph: Graph) -> Graph:
    """The graph in short, which computes the same."""
    short = check(join_views(graph), "joining")
    (value,) = graph.inputs
    x = np.arange(5 * np.prod(value.shape[1:], dtype=int), dtype="float32").reshape(5, *value.shape[1:])
    for want, got in zip(run(graph, [x]), run(short, [x]), strict=True):
        np.testing.assert_array_equal(got, want)
    assert turns(short) <= turns(graph)
    return short


@st.composite
def rows(draw: st.DrawFn) -> Graph:
    """Axes cut, merged and turned at random; the batch stays an axis or is merged into another."""
    shape = draw(st.lists(st.sampled_from(SIZES), min_size=1, max_size=3).map(tuple))
    steps: list[Op] = []
    sizes: list[int | None] = [None, *shape]  # None: the batch, or what it is merged with
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(sizes) - 1))
        size = sizes[place]
        kind = draw(st.sampled_from(["cut", "merge", "turn"]))
        if kind == "turn":
            perm = draw(st.permutations(range(len(sizes))))
            steps.append(Transpose(tuple(perm)))
            sizes = [sizes[axis] for axis in perm]
            continue
        after = list(sizes)
        if kind == "cut" and size is not None:
            part = draw(st.sampled_from([k for k in range(1, size + 1) if size % k == 0]))
            after[place : place + 1] = [part, size // part]
        elif kind == "merge" and place + 1 < len(sizes):
            pair = sizes[place : place + 2]
            after[place : place + 2] = [None if None in pair else int(np.prod(pair))]  # type: ignore[arg-type]
        steps.append(Reshape(tuple(after)))
        sizes = after
    return graph_of(shape, steps)


@settings(max_examples=300, deadline=None)
@given(graph=rows())
def test_any_row_keeps_the_numbers(graph: Graph) -> None:
    joined(graph)


N = Kept(0)
ROWS = [
    # what it is, shape behind the batch, steps, transposes left
    ("there_and_back", (4, 6), [Transpose((0, 2, 1)), Transpose((0, 2, 1))], 0),
    (
        "merged_and_cut",
        (4, 6),
        [Transpose((0, 2, 1)), Reshape((N, 24)), Reshape((N, 6, 4)), Transpose((0, 2, 1))],
        0,
    ),
    (
        "windows_of_an_image_that_was_turned_for_them",
        (4, 6, 8),
        [
            Transpose((0, 3, 1, 2)),
            Reshape((N, 8, 2, 2, 3, 2)),
            Transpose((0, 2, 4, 3, 5, 1)),
            Reshape((None, 4, 8)),
        ],
        1,
    ),
    ("heads_there_and_back", (4, 6), [SplitHeads(2), MergeHeads()], 0),
    ("turned_before_heads_are_merged", (4, 2, 3), [Transpose((0, 2, 1, 3)), MergeHeads()], 0),
    ("turned_after_heads_are_cut", (4, 6), [SplitHeads(2), Transpose((0, 2, 1, 3))], 0),
    ("only_one_is_no_row", (4, 6), [Reshape((N, 2, 2, 6)), Transpose((0, 3, 1, 2)), Reshape((N, 24))], 1),
]


@pytest.mark.parametrize(("shape", "steps", "left"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_rows(shape: tuple[int, ...], steps: list[Op], left: int) -> None:
    assert turns(joined(graph_of(shape, steps))) == left


def test_what_somebody_looks_at_stays() -> None:
    graph = graph_of((4, 6), [Transpose((0, 2, 1)), Transpose((0, 2, 1))])
    both = Graph(graph.name, graph.inputs, tuple(node.outputs[0] for node in graph.nodes), graph.nodes)
    assert turns(joined(both)) == 2


@pytest.mark.parametrize(("reason", "left"), [("the convolution wants it", 1), (Transpose.reason, 2)])
def test_a_turn_of_ours_is_done_before_the_nested_model_that_wants_it(reason: str, left: int) -> None:
    builder = Builder()
    entry = value = input_value("x", Spec((BATCH, 3, 8, 8)))
    for step in (Reshape((N, 3, 4, 2, 4, 2)), Transpose((0, 3, 5, 1, 2, 4)), Reshape((N, 12, 4, 4))):
        value = builder.one(step, value)
    builder.origin = Origin("turn", "", (Scope("stem", "Stem"),))
    value = builder.one(Unary("square"), builder.one(Transpose((0, 2, 3, 1), reason), value))
    short = joined(builder.graph("row", [entry], [value]))
    assert turns(short) == left
    inside = [type(node.op).__name__ for node in short.nodes if node.origin.scopes]
    assert inside == ["Transpose"] * (left - 1) + ["Unary"]
