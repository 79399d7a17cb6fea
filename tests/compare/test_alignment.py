"""Two models that name and order things differently: which step is which, and how its axes stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from porter import frameworks
from porter.compare.alignment import NO_STEPS, Pair, align, sketches, turned_to_match
from porter.compare.inputs import make_inputs
from porter.errors import RequestError
from porter.graph.model import Graph, Node, Origin, Param
from porter.layout import lay_out
from porter.normalise import normalise
from porter.sides import Side
from porter.source_model import ReadRequest
from porter.verification.settings import Settings
from porter.verification.trial import verify
from porter.weights.tensor import Constant
from tests.conftest import ROOT

NETWORKS = ("unet_small", "resnet_small", "efficientnet_small", "text_conv1d", "bilstm_classifier")


def read(name: str) -> Graph:
    request = ReadRequest((ROOT / "fixtures" / name,))
    return normalise(frameworks.source(request.paths, None).read(request).graph)


def strange(graph: Graph, wrong: int | None = None) -> tuple[Graph, dict[Node, Node]]:
    """The same network in channels-first order under names that say nothing; weights of one step changed."""
    laid = lay_out(graph, "first").graph
    known: dict[Node, Node] = {}
    nodes = []
    weighted = [node for node in laid.nodes if "weight" in node.params]
    for place, node in enumerate(laid.nodes):
        params = dict(node.params)
        if wrong is not None and node is weighted[wrong]:
            params["weight"] = Param(Constant(np.flip(params["weight"].tensor.read()).copy()))
        nodes.append(replace(node, params=params, origin=Origin(f"m{place}", "Module")))
        known[nodes[-1]] = node
    return replace(laid, nodes=tuple(nodes)), known


def arrays(graph: Graph, like: Graph) -> tuple[list[np.ndarray], list[np.ndarray]]:
    ours = list(make_inputs(graph)[0].arrays)
    theirs = [np.moveaxis(array, -1, 1) if array.ndim == 4 else array for array in ours]
    return ours, theirs


def pairs_of(graph: Graph, other: Graph) -> list[Pair]:
    ours, theirs = arrays(graph, other)
    return align(sketches(graph, ours), sketches(other, theirs))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_step_finds_its_own(name: str) -> None:
    graph = read(name)
    other, known = strange(graph)
    found = pairs_of(graph, other)
    wanted = [node for node in graph.nodes if node.params and not isinstance(node.op, NO_STEPS)]
    assert {node.origin.label for node in wanted} <= {pair.ours.origin.label for pair in found}
    for pair in found:
        assert pair.ours.origin.label == known[pair.theirs].origin.label
        assert pair.matched == "what it computes"
        if pair.ours.outputs[0].rank == 4:
            assert pair.turn == (0, 2, 3, 1)


@pytest.mark.parametrize("name", ["unet_small", "efficientnet_small"])
def test_after_a_mistake_the_structure_is_what_is_left(name: str) -> None:
    graph = read(name)
    other, known = strange(graph, wrong=2)
    found = pairs_of(graph, other)
    right = [pair.ours.origin.label == known[pair.theirs].origin.label for pair in found]
    assert sum(right) >= 0.9 * len(right)
    assert len(found) >= 0.8 * len(pairs_of(graph, strange(graph)[0]))
    assert {pair.matched for pair in found} == {"what it computes", "its place and shape"}


def test_nothing_in_common_is_nothing_found() -> None:
    assert pairs_of(read("text_conv1d"), read("text_conv1d"))
    graph, other = read("text_conv1d"), read("unet_small")
    ours, theirs = list(make_inputs(graph)[0].arrays), list(make_inputs(other)[0].arrays)
    assert align(sketches(graph, ours), sketches(other, theirs)) == []
    assert align([], sketches(other, theirs)) == []


def test_an_order_of_axes_is_found_where_sizes_do_not_tell() -> None:
    rng = np.random.default_rng(0)
    exact = rng.standard_normal((2, 5, 5, 5))
    given = exact.transpose(0, 3, 1, 2)
    found = turned_to_match(given, exact)
    assert found is not None
    np.testing.assert_array_equal(found, exact)
    assert turned_to_match(rng.standard_normal((2, 5, 5)), exact) is None
    assert turned_to_match(rng.standard_normal((2, 5, 5, 6)), exact) is None


@pytest.mark.parametrize("wrong", [None, 1])
def test_images_may_have_their_channels_elsewhere(wrong: int | None) -> None:
    graph = read("unet_small")
    other, _ = strange(graph, wrong)
    found = verify(Side("A", graph), Side("B", other), None, Settings())
    assert found.equivalent is (wrong is None), found.verdict
    with pytest.raises(RequestError, match="cannot be run on the same inputs"):
        verify(Side("A", graph), Side("B", read("text_conv1d")), None, Settings())
