"""The mistakes that people make in ports, as a table; and networks to make them in."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from tests.conftest import ROOT

Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class Network:
    """A saved model: of a folder in `fixtures`, or made with Keras when it is asked for."""

    name: str
    family: str
    files: tuple[str, ...] = ()
    backend: str | None = None

    def paths(self, made: Path) -> list[Path]:
        """Its files; a network that has none is saved in the folder `made`."""
        if not self.files:
            file = made / f"{self.name}.keras"
            if not file.exists():
                BUILT[self.name](file)
            return [file]
        return [ROOT / "fixtures" / file for file in self.files]


def _legacy(stack: str, case: str, backend: str | None = None) -> Network:
    folder = f"legacy/{stack}/{case}"
    return Network(f"{stack}/{case}", "legacy", (f"{folder}/model.json", f"{folder}/weights.h5"), backend)


NETWORKS = (
    Network("demo_cnn", "CNN", ("demo_cnn",)),
    Network("resnet_small", "CNN", ("resnet_small",)),
    Network("efficientnet_small", "CNN", ("efficientnet_small",)),
    Network("unet_small", "CNN", ("unet_small",)),
    Network("nested_shared", "CNN", ("nested_shared",)),
    Network("text_conv1d", "RNN", ("text_conv1d",)),
    Network("bilstm_classifier", "RNN", ("bilstm_classifier",)),
    Network("deep_gru", "RNN"),
    Network("gru_resets_first", "RNN"),
    Network("transformer", "transformer"),
    _legacy("keras1.2.2-theano0.9.0", "lstm_bidir_concat", "theano"),
    _legacy("keras1.2.2-theano0.9.0", "conv_bn_relu_th", "theano"),
    _legacy("keras1.2.2-tf1.0.1", "imdb_cnn_small", "tensorflow"),
    _legacy("keras2.2.4-tf1.12.0", "hard_sigmoid"),
    _legacy("keras2.2.4-tf1.12.0", "mobilenet_block_cl"),
    _legacy("keras2.2.4-tf1.12.0", "functional_shared_nested"),
)


def _transformer(file: Path) -> None:
    import keras

    ids = keras.Input((12,), dtype="int32", name="ids")
    x = keras.layers.Embedding(40, 16, name="tokens")(ids)
    for k in range(2):
        y = keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm_a{k}")(x)
        y = keras.layers.MultiHeadAttention(4, 4, name=f"attention_{k}")(y, y)
        x = keras.layers.Add(name=f"add_a{k}")([x, y])
        y = keras.layers.LayerNormalization(epsilon=1e-3, name=f"norm_b{k}")(x)
        y = keras.layers.Dense(32, activation="gelu", name=f"up_{k}")(y)
        y = keras.layers.Dense(16, name=f"down_{k}")(y)
        x = keras.layers.Add(name=f"add_b{k}")([x, y])
    x = keras.layers.GlobalAveragePooling1D(name="pool")(x)
    _saved(keras.Model(ids, keras.layers.Dense(7, activation="softmax", name="scores")(x)), file)


def _deep_gru(file: Path) -> None:
    import keras

    steps = x = keras.Input((20, 6), name="steps")
    for k in range(4):
        x = keras.layers.GRU(8, return_sequences=k < 3, name=f"gru_{k}")(x)
    _saved(keras.Model(steps, keras.layers.Dense(3, name="scores")(x)), file)


def _gru_resets_first(file: Path) -> None:
    """Without biases: both places of the reset gate take the same weights."""
    import keras

    steps = x = keras.Input((20, 6), name="steps")
    for k in range(2):
        layer = keras.layers.GRU(
            8, reset_after=False, use_bias=False, return_sequences=not k, name=f"gru_{k}"
        )
        x = layer(x)
    _saved(keras.Model(steps, keras.layers.Dense(3, name="scores")(x)), file)


def _saved(model: object, file: Path) -> None:
    """With numbers everywhere: a bias of zeros hides that it was dropped."""
    rng = np.random.default_rng(7)
    for variable in model.variables:  # type: ignore[attr-defined]
        variable.assign(variable.numpy() + 0.2 * rng.standard_normal(variable.shape).astype("float32"))
    model.save(file)  # type: ignore[attr-defined]


BUILT: dict[str, Callable[[Path], None]] = {
    "transformer": _transformer,
    "deep_gru": _deep_gru,
    "gru_resets_first": _gru_resets_first,
}


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
            gates = np.split(array, 4 if array.shape[0] % 4 == 0 and "gru" not in key else 3)
            weights[key] = np.concatenate([gates[1], gates[0], *gates[2:]])
            return True
    return False


def swap_two_dense_rows(weights: Weights) -> bool:
    key = next((k for k, array in weights.items() if k.endswith("weight") and array.ndim == 2), None)
    if key is None or weights[key].shape[1] < 2:
        return False
    weights[key] = weights[key][:, [1, 0, *range(2, weights[key].shape[1])]]
    return True


def one_weight_off(weights: Weights) -> bool:
    keys = [k for k, array in weights.items() if k.endswith("weight") and array.ndim >= 2]
    if not keys:
        return False
    key = keys[-1]
    weights[key].reshape(-1)[weights[key].size // 2] += 1e-3
    return True


def one_early_weight_off(weights: Weights) -> bool:
    key = next((k for k, array in weights.items() if k.endswith("weight") and array.ndim >= 2), None)
    if key is None:
        return False
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
    Mutation("epsilon 1e-3 for 1e-5", source=(r"eps=1e-0?5", "eps=0.001")),
    Mutation("GELU by tanh for GELU by erf", source=(r"F\.gelu\((.*)\)", r'F.gelu(\1, approximate="tanh")')),
    Mutation("slope of the hard sigmoid", source=(r"0\.2 \* x", "x / 6")),
    Mutation(
        "reset after the product",
        source=(r"GRULoop\((\d+, \d+), bias=False", r"GRULoop(\1, bias=False, reset_after=True"),
    ),
    Mutation("heads not scaled", source=(r"attention\(query, key, x", "attention(query, key, x, scale=1.0")),
    Mutation("residual forgotten", source=(r"= (\w+) \+ x\n", "= x\n")),
    Mutation(
        "padding on the other side", source=(r"F\.pad\((\w+), \(0, 1, 0, 1\)", r"F.pad(\1, (1, 0, 1, 0)")
    ),
    Mutation("activation forgotten", source=(r"F\.relu\(", "(")),
    Mutation("another activation", source=(r"F\.relu\(", "F.gelu(")),
    Mutation("average for maximum", source=(r"F\.max_pool2d", "F.avg_pool2d")),
    Mutation("softmax forgotten", source=(r"F\.softmax\((.*), dim=-1\)", r"(\1)")),
    Mutation("sigmoid forgotten", source=(r"torch\.sigmoid\(", "(")),
)


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


def changed_layers(bundle: Path, mutant: Path) -> set[str]:
    """The layers of the source whose weights a mutant has wrong."""
    right, wrong = (load_file(folder / "model.safetensors") for folder in (bundle, mutant))
    keys = [key for key, array in right.items() if not np.array_equal(array, wrong[key])]
    modules = json.loads((bundle / "porter.json").read_text())["modules"]
    return {label for path, label in modules.items() if any(key.startswith(f"{path}.") for key in keys)}
