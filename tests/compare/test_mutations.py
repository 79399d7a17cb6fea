"""The verdict can fail: bundles with one mistake in them are found out, and faithful ones are not accused."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import porter
from porter.compare.verdict import LAYER_LIMIT, LIMIT
from porter.verification import contestant
from tests.compare.in_process import InProcess
from tests.conftest import ROOT

Weights = dict[str, np.ndarray]

FIXTURES = (
    "bilstm_classifier",
    "channels_first",
    "demo_cnn",
    "efficientnet_small",
    "mnist_cnn_keras2",
    "mnist_cnn_keras3",
    "multi_io",
    "nested_shared",
    "resnet_small",
    "text_conv1d",
    "unet_small",
)

MUTATED = (
    "bilstm_classifier",
    "demo_cnn",
    "efficientnet_small",
    "nested_shared",
    "resnet_small",
    "text_conv1d",
    "unet_small",
)


@dataclass(frozen=True)
class Mutation:
    """One mistake that people make; returns False where the model has no place for it."""

    name: str
    weights: Callable[[Weights], bool] | None = None
    source: tuple[str, str] | None = None  # a pattern in model.py and what takes its place


def kernels(weights: Weights, rank: int = 3) -> Iterator[str]:
    """Convolution kernels that are more than one cell in size."""
    for key, array in weights.items():
        if array.ndim >= rank and max(array.shape[2:]) > 1 and key.endswith("weight"):
            yield key


def flip_a_kernel(weights: Weights) -> bool:
    for key in kernels(weights):
        axes = tuple(range(2, weights[key].ndim))
        weights[key] = np.flip(weights[key], axes)
        return True
    return False


def swap_height_and_width(weights: Weights) -> bool:
    for key in kernels(weights, 4):
        if weights[key].shape[2] == weights[key].shape[3]:
            weights[key] = np.swapaxes(weights[key], 2, 3)
            return True
    return False


def swap_two_gates(weights: Weights) -> bool:
    for key, array in weights.items():
        if "weight_ih" in key:
            i, f, g, o = np.split(array, 4)
            weights[key] = np.concatenate([f, i, g, o])
            return True
    return False


def swap_two_dense_rows(weights: Weights) -> bool:
    key = next((k for k, array in weights.items() if k.endswith("weight") and array.ndim == 2), None)
    if key is None or weights[key].shape[1] < 2:
        return False
    weights[key] = weights[key][:, [1, 0, *range(2, weights[key].shape[1])]]
    return True


def one_weight_off(weights: Weights) -> bool:
    key = [k for k, array in weights.items() if k.endswith("weight") and array.ndim >= 2][-1]
    weights[key].reshape(-1)[weights[key].size // 2] += 1e-3
    return True


def one_early_weight_off(weights: Weights) -> bool:
    key = next(k for k, array in weights.items() if k.endswith("weight") and array.ndim >= 2)
    weights[key].reshape(-1)[weights[key].size // 2] += 1e-3
    return True


def drop_a_bias(weights: Weights) -> bool:
    key = next((k for k in weights if k.endswith("bias") and np.abs(weights[k]).max() > 1e-3), None)
    if key is None:
        return False
    weights[key] = np.zeros_like(weights[key])
    return True


def exchange_two_layers(weights: Weights) -> bool:
    seen: dict[tuple[int, ...], str] = {}
    for key, array in weights.items():
        other = seen.setdefault(array.shape, key)
        if other != key and array.ndim >= 2 and not np.array_equal(array, weights[other]):
            weights[key], weights[other] = weights[other], array
            return True
    return False


def mean_for_variance(weights: Weights) -> bool:
    key = next((k for k in weights if k.endswith("running_mean")), None)
    if key is None:
        return False
    other = key.replace("mean", "var")
    weights[key], weights[other] = weights[other], np.abs(weights[key])
    return True


MUTATIONS = (
    Mutation("kernel flipped", flip_a_kernel),
    Mutation("height and width swapped", swap_height_and_width),
    Mutation("two gates swapped", swap_two_gates),
    Mutation("two dense rows swapped", swap_two_dense_rows),
    Mutation("one weight off by 1e-3", one_weight_off),
    Mutation("one early weight off by 1e-3", one_early_weight_off),
    Mutation("bias dropped", drop_a_bias),
    Mutation("two layers of one shape exchanged", exchange_two_layers),
    Mutation("mean for variance", mean_for_variance),
    Mutation("epsilon 1e-5 for 1e-3", source=(r"eps=0\.001", "eps=0.00001")),
    Mutation(
        "padding on the other side", source=(r"F\.pad\((\w+), \(0, 1, 0, 1\)", r"F.pad(\1, (1, 0, 1, 0)")
    ),
    Mutation("activation forgotten", source=(r"F\.relu\(", "(")),
    Mutation("another activation", source=(r"F\.relu\(", "F.gelu(")),
    Mutation("average for maximum", source=(r"F\.max_pool2d", "F.avg_pool2d")),
    Mutation("softmax forgotten", source=(r"F\.softmax\((.*), dim=-1\)", r"(\1)")),
    Mutation("sigmoid forgotten", source=(r"torch\.sigmoid\(", "(")),
)

SILENT = {
    # the weight belongs to a unit that is 0 on all inputs: only the weights themselves tell
    ("bilstm_classifier", "one weight off by 1e-3"),
}

Bundles = Callable[[str], Path]


@pytest.fixture(scope="module")
def bundle_of(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    """The bundle of a fixture, made once."""
    folder = tmp_path_factory.mktemp("bundles")

    def made(name: str) -> Path:
        if not (folder / name).exists():
            porter.convert(ROOT / "fixtures" / name, to="torch", out=folder / name, verify=False)
        return folder / name

    return made


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestant, "start", InProcess)


def mutated(bundle: Path, mutation: Mutation, out: Path) -> bool:
    """A copy of the bundle with the mistake in it; False where there is no place for it."""
    shutil.copytree(bundle, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    if mutation.source is not None:
        pattern, text = mutation.source
        before = (out / "model.py").read_text()
        after = re.sub(pattern, text, before, count=1)
        (out / "model.py").write_text(after)
        return after != before
    assert mutation.weights is not None
    weights = load_file(out / "model.safetensors")
    placed = mutation.weights(weights)
    save_file({key: array.copy() for key, array in weights.items()}, out / "model.safetensors")
    return placed


@pytest.mark.parametrize("name", FIXTURES)
def test_a_faithful_bundle_passes(name: str, bundle_of: Bundles) -> None:
    found = porter.verify(ROOT / "fixtures" / name, bundle_of(name))
    assert found.equivalent, found.verdict
    # far from the limits: an alarm must not depend on the machine
    assert max(row.b.times for row in found.outputs) < LIMIT / 4
    assert max((row.b.times for row in found.layers), default=0) < LAYER_LIMIT / 4


@pytest.mark.parametrize("name", MUTATED)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mistake_is_found(name: str, mutation: Mutation, bundle_of: Bundles, tmp_path: Path) -> None:
    if not mutated(bundle_of(name), mutation, tmp_path / "mutant"):
        pytest.skip("the model has no place for this mistake")
    found = porter.verify(ROOT / "fixtures" / name, tmp_path / "mutant")
    assert not found.equivalent
    seen = [row.equivalent for row in (*found.outputs, *found.layers)]
    assert not all(seen) or (name, mutation.name) in SILENT
