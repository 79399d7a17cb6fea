"""The verdict can fail: bundles with one mistake in them are found out, and faithful ones are not accused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import porter
from porter.compare.verdict import LAYER_LIMIT, LIMIT
from porter.verification import contestant
from tests.compare.in_process import InProcess
from tests.compare.mutations import MUTATIONS, NETWORKS, Mutation, Network, changed_layers, mutated
from tests.conftest import ROOT

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FIXTURES = (
    "channels_first",
    "mnist_cnn_keras2",
    "mnist_cnn_keras3",
    "multi_io",
)
"""Networks that are too saturated or too plain to make mistakes in."""

TRIED = {"demo_cnn", "efficientnet_small", "unet_small", "bilstm_classifier", "transformer", "deep_gru"}
TRIED |= {"gru_resets_first"}
LEGACY = {"lstm_bidir_concat", "hard_sigmoid", "mobilenet_block_cl"}
CHOSEN = [network for network in NETWORKS if network.name.rpartition("/")[2] in TRIED | LEGACY]
"""`scripts/bench/mutations.py` tries them all."""

SILENT = {
    # the weight belongs to a unit that is 0 on all inputs, or next to it: only the weights themselves tell
    ("bilstm_classifier", "one weight off by 1e-3"),
    ("keras2.2.4-tf1.12.0/mobilenet_block_cl", "one weight off by 1e-3"),
}

Bundles = Callable[[Network], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="module")
def bundle_of(made: Path) -> Bundles:
    """The bundle of a network, made once."""

    def bundle(network: Network) -> Path:
        out = made / network.name.replace("/", "_")
        if not out.exists():
            files = network.paths(made)
            porter.convert(files, to="torch", out=out, verify=False, source_backend=network.backend)
        return out

    return bundle


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestant, "start", InProcess)


def faithful(found: porter.Comparison) -> None:
    assert found.equivalent, found.verdict
    # far from the limits: an alarm must not depend on the machine
    assert max(row.b.times for row in found.outputs) < LIMIT / 4
    assert max((row.times for row in found.layers), default=0) < LAYER_LIMIT / 4


@pytest.mark.parametrize("name", FIXTURES)
def test_a_faithful_bundle_of_a_plain_network_passes(name: str, tmp_path: Path) -> None:
    bundle = porter.convert(ROOT / "fixtures" / name, to="torch", out=tmp_path / "bundle", verify=False)
    faithful(porter.verify(ROOT / "fixtures" / name, bundle.path))


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_a_faithful_bundle_passes(network: Network, bundle_of: Bundles, made: Path) -> None:
    bundle = bundle_of(network)
    faithful(porter.verify(network.paths(made), bundle, source_backend=network.backend))


@pytest.mark.parametrize("network", CHOSEN, ids=lambda network: network.name)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mistake_is_found(
    network: Network, mutation: Mutation, bundle_of: Bundles, made: Path, tmp_path: Path
) -> None:
    if not mutated(bundle_of(network), mutation, tmp_path / "mutant"):
        pytest.skip("the model has no place for this mistake")
    found = porter.verify(network.paths(made), tmp_path / "mutant", source_backend=network.backend)
    assert not found.equivalent
    seen = [row.equivalent for row in (*found.outputs, *found.layers)]
    assert not all(seen) or (network.name, mutation.name) in SILENT
    blame = changed_layers(bundle_of(network), tmp_path / "mutant")
    for row in found.layers:
        if blame and row.isolated is not None and row.isolated.times > LAYER_LIMIT:
            assert blame & {row.name, *row.covers}, "a layer is blamed for what another one did"
