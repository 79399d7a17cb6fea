"""Mistakes in ports to JAX and Keras are found out too, and the right layer is told.

Both keep kernels as `*s i o` and gates side by side along the last axis, so that one table serves both; it
has the mistakes of `mutations.py` that are about weights, and those about code in each one's words.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import porter
from porter.compare.verdict import LAYER_LIMIT
from porter.verification import contestant
from tests.compare.in_process import InProcess
from tests.compare.mutations import NETWORKS, Weights

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NETWORKS_BY_NAME = {network.name.rpartition("/")[2]: network for network in NETWORKS}

Change = Callable[[Weights], bool]


def kernels(weights: Weights, rank: int) -> Iterator[str]:
    """Names of weights of a rank, one-cell kernels left out."""
    yield from (k for k, array in weights.items() if array.ndim == rank and array.shape[0] > 1)


def changed(rank: int, how: Callable[[np.ndarray], np.ndarray]) -> Change:
    """A change to the first weight of a rank on which it shows."""

    def change(weights: Weights) -> bool:
        for key in kernels(weights, rank):
            made = how(weights[key])
            if made.shape == weights[key].shape and not np.array_equal(made, weights[key]):
                weights[key] = made
                return True
        return False

    return change


def one_off(array: np.ndarray) -> np.ndarray:
    made = array.copy()
    made.reshape(-1)[made.size // 2] += 1e-3
    return made


def gates_exchanged(count: int) -> Callable[[np.ndarray], np.ndarray]:
    def exchanged(array: np.ndarray) -> np.ndarray:
        if array.shape[1] % count or array.shape[0] > array.shape[1]:
            return array
        first, second, *rest = np.split(array, count, 1)
        return np.concatenate([second, first, *rest], 1)

    return exchanged


def bias_dropped(weights: Weights) -> bool:
    """The first bias of a Dense layer: `(o)` after its kernel `(i, o)`."""
    keys = list(weights)
    for kernel, bias in pairwise(keys):
        is_bias = weights[kernel].ndim == 2 and weights[bias].shape == weights[kernel].shape[1:]
        if is_bias and np.abs(weights[bias]).max() > 1e-3:
            weights[bias] = np.zeros_like(weights[bias])
            return True
    return False


def layers_exchanged(weights: Weights) -> bool:
    seen: dict[tuple[int, ...], str] = {}
    for key, array in weights.items():
        other = seen.setdefault(array.shape, key)
        if other != key and array.ndim >= 2:
            weights[key], weights[other] = weights[other], array
            return True
    return False


@dataclass(frozen=True)
class Mistake:
    """In the weights, or in the code in the words of each target; and a network with a place for it."""

    name: str
    network: str
    weights: Change | None = None
    code: dict[str, tuple[str, str]] = field(default_factory=dict)


MISTAKES = (
    Mistake("kernel flipped", "demo_cnn", changed(4, lambda k: k[::-1, ::-1].copy())),
    Mistake("height and width swapped", "demo_cnn", changed(4, lambda k: k.swapaxes(0, 1).copy())),
    Mistake("two gates swapped", "bilstm_classifier", changed(2, gates_exchanged(4))),
    Mistake("two of three gates swapped", "deep_gru", changed(2, gates_exchanged(3))),
    Mistake("two dense rows swapped", "demo_cnn", changed(2, lambda k: k[[1, 0, *range(2, len(k))]])),
    Mistake("one weight off by 1e-3", "transformer", changed(2, one_off)),
    Mistake("bias dropped", "demo_cnn", bias_dropped),
    Mistake("two layers of one shape exchanged", "transformer", layers_exchanged),
    Mistake(
        "another epsilon",
        "demo_cnn",
        code={
            "jax": (r"epsilon=0\.001", "epsilon=1e-5"),
            "tf": (r"BatchNormalization\(", "BatchNormalization(epsilon=1e-5, "),
        },
    ),
    Mistake(
        "padding on the other side",
        "demo_cnn",
        code={
            "jax": (r"strides=2, rngs", "strides=2, padding=((1, 0), (1, 0)), rngs"),
            "tf": (
                r'layers\.Conv2D\(16, 3, strides=2, padding="same", (.*)\)\(x\)',
                r"layers.Conv2D(16, 3, strides=2, \1)(layers.ZeroPadding2D(((1, 0), (1, 0)))(x))",
            ),
        },
    ),
    Mistake(
        "activation forgotten",
        "demo_cnn",
        code={"jax": (r"nnx\.relu\(", "("), "tf": (r', activation="relu"', "")},
    ),
    Mistake(
        "GELU by tanh for GELU by erf",
        "transformer",
        code={
            "jax": (r"approximate=False", "approximate=True"),
            "tf": (
                r'activation="gelu"',
                "activation=lambda x: keras.activations.gelu(x, approximate=True)",
            ),
        },
    ),
    Mistake(
        "slope of the hard sigmoid",
        "lstm_bidir_concat",
        code=dict.fromkeys(("jax", "tf"), (r"0\.2 \* x", "x / 6")),
    ),
    Mistake(
        "reset after the product",
        "gru_resets_first",
        code={
            "jax": (r"RNN\(ResetBeforeGRUCell", "RNN(nnx.GRUCell"),
            "tf": (r"reset_after=False", "reset_after=True"),
        },
    ),
    Mistake(
        "residual forgotten",
        "transformer",
        code={
            "jax": (r"= tokens \+ x\n", "= x\n"),
            "tf": (r"layers\.Add\((.*)\)\(\[tokens, x\]\)", r"layers.Identity(\1)(x)"),
        },
    ),
)

NAMES = tuple(dict.fromkeys(mistake.network for mistake in MISTAKES))

Bundles = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def _in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestant, "start", InProcess)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="module")
def bundle_of(made: Path) -> Bundles:
    """The bundle of a network for a target, made once."""

    def bundle(name: str, target: str) -> Path:
        out = made / f"{name}_{target}"
        if not out.exists():
            network = NETWORKS_BY_NAME[name]
            files, backend = network.paths(made), network.backend
            porter.convert(files, to=target, out=out, verify=False, source_backend=backend)
        return out

    return bundle


def read(file: Path) -> Weights:
    if file.suffix == ".safetensors":
        return load_file(file)
    found: Weights = {}
    with h5py.File(file) as stored:
        stored.visititems(lambda key, item: found.update({key: item[()]}) if hasattr(item, "shape") else None)
    return found


def write(file: Path, weights: Weights) -> None:
    if file.suffix == ".safetensors":
        save_file({key: np.ascontiguousarray(array) for key, array in weights.items()}, file)
        return
    with h5py.File(file, "r+") as stored:
        for key, array in weights.items():
            stored[key][...] = array


def weights_of(bundle: Path) -> Path:
    return next(file for file in bundle.iterdir() if file.name in ("model.safetensors", "model.weights.h5"))


def mistaken(bundle: Path, target: str, mistake: Mistake, out: Path) -> bool:
    """A copy of the bundle with the mistake in it; False where there is no place for it."""
    shutil.copytree(bundle, out, ignore=shutil.ignore_patterns("__pycache__"))
    if mistake.weights is not None:
        weights = read(weights_of(out))
        placed = mistake.weights(weights)
        write(weights_of(out), weights)
        return placed
    code = out / "model.py"
    before = code.read_text()
    code.write_text(re.sub(*mistake.code[target], before, count=1))
    return code.read_text() != before


@pytest.mark.parametrize("target", ["jax", "tf"])
@pytest.mark.parametrize("name", NAMES)
def test_a_faithful_bundle_passes(name: str, target: str, bundle_of: Bundles, made: Path) -> None:
    network = NETWORKS_BY_NAME[name]
    found = porter.verify(network.paths(made), bundle_of(name, target), source_backend=network.backend)
    assert found.equivalent, found.verdict
    alone = [row for row in found.layers if row.isolated is not None]
    assert len(alone) > 1, "layers are compared, each by itself"
    assert max(row.times for row in alone) < LAYER_LIMIT / 4


@pytest.mark.parametrize("target", ["jax", "tf"])
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_found(
    target: str, mistake: Mistake, bundle_of: Bundles, made: Path, tmp_path: Path
) -> None:
    mutant = tmp_path / "mutant"
    assert mistaken(bundle_of(mistake.network, target), target, mistake, mutant)
    network = NETWORKS_BY_NAME[mistake.network]
    found = porter.verify(network.paths(made), mutant, source_backend=network.backend)
    assert not found.equivalent
    assert not all(row.equivalent for row in (*found.outputs, *found.layers))


@pytest.mark.parametrize("target", ["jax", "tf"])
def test_only_the_layer_with_the_mistake_is_off_by_itself(
    target: str, bundle_of: Bundles, made: Path, tmp_path: Path
) -> None:
    """An early mistake comes down to all layers; each by itself, one of them is wrong."""
    mutant = tmp_path / "mutant"
    shutil.copytree(bundle_of("demo_cnn", target), mutant)
    weights = read(weights_of(mutant))
    key = next(key for key, array in weights.items() if array.shape == (3, 3, 1, 8))
    weights[key] = weights[key][::-1].copy()
    write(weights_of(mutant), weights)
    found = porter.verify(NETWORKS_BY_NAME["demo_cnn"].paths(made), mutant)
    come_down = [row.name for row in found.layers if row.b is not None and row.b.times > LAYER_LIMIT]
    alone = [row.name for row in found.layers if row.isolated and row.isolated.times > LAYER_LIMIT]
    assert found.diverges == "stem"
    assert alone == ["stem"]
    assert len(come_down) > 3
