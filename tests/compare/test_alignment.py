"""Two models that name and order things differently: which step is which, and how its axes stand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

import porter
from porter import frameworks
from porter.compare.alignment import NO_STEPS, Pair, align, sketches, turned_to_match
from porter.compare.inputs import make_inputs
from porter.errors import RequestError
from porter.graph.model import Graph, Node, Origin, Param
from porter.layout import lay_out
from porter.normalise import normalise
from porter.sides import Side
from porter.source_model import ReadRequest
from porter.verification import contestant
from porter.verification.settings import Settings
from porter.verification.trial import verify
from porter.weights.tensor import Constant
from tests.compare.in_process import InProcess
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


HAND = """
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3)
        self.bn = nn.BatchNorm2d(6, eps=1e-3)
        self.trunk = nn.Sequential(nn.Conv2d(6, 4, 3), nn.ReLU())
        self.head = nn.Linear(4 * 4 * 3, 5)

    def forward(self, x):
        x = F.relu(self.bn(self.stem(x)))
        x = self.trunk(x)
        return F.softmax(self.head(x.permute(0, 2, 3, 1).flatten(1)), dim=1)


def build():
    return Net()
"""


def keras_twin() -> keras.Model:
    x = image = keras.Input((8, 7, 3), name="image")
    x = keras.layers.Conv2D(6, 3, name="first")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Activation("relu", name="relu")(x)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="second")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    model = keras.Model(image, keras.layers.Dense(5, activation="softmax", name="scores")(x))
    rng = np.random.default_rng(2)
    for variable in model.variables:
        variable.assign(np.abs(variable.numpy() + 0.2 * rng.standard_normal(variable.shape)))
    return model


def by_hand(model: keras.Model) -> dict[str, np.ndarray]:
    """The weights as somebody would move them."""
    held = {variable.path: variable.numpy() for variable in model.variables}
    named = {"stem": "first", "trunk.0": "second"}
    turned = {name: held[f"{name}/kernel"].transpose(3, 2, 0, 1) for name in named.values()}
    found = {f"{ours}.weight": turned[theirs] for ours, theirs in named.items()}
    found |= {f"{ours}.bias": held[f"{theirs}/bias"] for ours, theirs in named.items()}
    found |= {"head.weight": held["scores/kernel"].T, "head.bias": held["scores/bias"]}
    theirs = ("gamma", "beta", "moving_mean", "moving_variance")
    for name, other in zip(("weight", "bias", "running_mean", "running_var"), theirs, strict=True):
        found[f"bn.{name}"] = held[f"norm/{other}"]
    found = {key: np.ascontiguousarray(array) for key, array in found.items()}
    return {**found, "bn.num_batches_tracked": np.array(0)}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_port_that_somebody_wrote_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its names and its order of axes are its own, and it says nothing of its inputs."""
    monkeypatch.setattr(contestant, "start", InProcess)
    model = keras_twin()
    model.save(tmp_path / "model.keras")
    (tmp_path / "hand.py").write_text(HAND)
    weights = by_hand(model)
    save_file(weights, tmp_path / "good.safetensors")
    weights["trunk.0.weight"] = np.ascontiguousarray(weights["trunk.0.weight"].transpose(0, 1, 3, 2))
    save_file(weights, tmp_path / "wrong.safetensors")
    port = f"{tmp_path / 'hand.py'}:build"
    good = porter.verify(tmp_path / "model.keras", [port, tmp_path / "good.safetensors"])
    assert good.equivalent, good.verdict
    pairs = {row.path: row.name for row in good.layers if row.path}
    second = {"trunk.0": "second", "trunk.1": "second"}
    assert pairs == {"stem": "first", "bn": "norm", **second, "head": "scores"}
    wrong = porter.verify(tmp_path / "model.keras", [port, tmp_path / "wrong.safetensors"])
    assert not wrong.equivalent
    assert wrong.diverges == "second"
    assert "it begins at layer second" in wrong.verdict
