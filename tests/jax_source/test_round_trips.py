"""Live models around in a circle of frameworks, and back: same outputs, same weights, same names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import porter

jax = pytest.importorskip("jax")
keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")
nnx = pytest.importorskip("flax.nnx")

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

TO = {"jax": porter.to_jax, "tf": porter.to_keras, "torch": porter.to_torch}
LIMIT = 2e-6
IMAGES = np.random.default_rng(0).standard_normal((2, 8, 8, 3)).astype("float32")
TURNED = np.ascontiguousarray(np.moveaxis(IMAGES, -1, 1))
SEQUENCES = np.random.default_rng(1).standard_normal((2, 5, 6)).astype("float32")
Made = tuple[Any, np.ndarray, set[str]]


def keras_images() -> Made:
    """The usual layers, by the names that must come back."""
    layers = keras.layers
    x = inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="stem")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(x))
    x = layers.Conv2DTranspose(5, 2, strides=2, name="grow")(x)
    x = layers.Dense(3, name="head")(layers.Flatten()(layers.MaxPooling2D(4)(x)))
    return _filled(keras.Model(inputs, x)), IMAGES, {"stem", "norm", "grow", "head"}


def keras_sequences() -> Made:
    x = inputs = keras.Input((5, 6))
    x = keras.layers.LSTM(4, return_sequences=True, name="first")(x)
    x = keras.layers.Dense(3, name="head")(keras.layers.GRU(4, name="second")(x))
    return _filled(keras.Model(inputs, x)), SEQUENCES, {"first", "second", "head"}


def _filled(model: Any) -> Any:
    rng = np.random.default_rng(2)
    model.set_weights([rng.random(one.shape).astype("float32") - 0.3 for one in model.get_weights()])
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_variance.assign(rng.random(layer.moving_variance.shape) + 0.5)
    return model


def torch_images() -> Made:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = torch.nn.Conv2d(3, 4, 3, stride=2, padding=1)
            self.norm = torch.nn.GroupNorm(2, 4)
            self.head = torch.nn.Linear(64, 3)

        def forward(self, x: Any) -> Any:
            return self.head(torch.relu(self.norm(self.stem(x))).flatten(1))

    torch.manual_seed(0)
    return Net().eval(), TURNED, {"stem", "norm", "head"}


def jax_sequences() -> Made:
    class Net(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.inner = nnx.Linear(6, 8, rngs=rngs)
            self.norm = nnx.LayerNorm(8, rngs=rngs)
            self.attention = nnx.MultiHeadAttention(2, 8, decode=False, rngs=rngs)
            self.head = nnx.Linear(8, 3, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            x = nnx.gelu(self.inner(x))
            return self.head(x + self.attention(self.norm(x)))

    return Net(nnx.Rngs(0)), SEQUENCES, {"inner", "norm", "attention", "head"}


MODELS: dict[str, Callable[[], Made]] = {
    "keras_images": keras_images,
    "keras_sequences": keras_sequences,
    "torch_images": torch_images,
    "jax_sequences": jax_sequences,
}

ROADS = [
    ("keras_images", "jax tf"),
    ("keras_images", "torch tf"),
    ("keras_images", "torch jax tf"),
    ("keras_images", "jax torch tf"),
    ("keras_sequences", "jax tf"),
    ("keras_sequences", "torch jax tf"),
    ("torch_images", "jax torch"),
    ("torch_images", "tf jax torch"),
    ("jax_sequences", "torch jax"),
    ("jax_sequences", "tf torch jax"),
]


def output(model: Any, x: np.ndarray) -> np.ndarray:
    if isinstance(model, torch.nn.Module):
        with torch.no_grad():
            return np.asarray(model(torch.from_numpy(x)))
    if isinstance(model, keras.Model):
        return np.asarray(model(x, training=False))
    return np.asarray(model(jax.numpy.asarray(x)))


def weights(model: Any) -> list[np.ndarray]:
    if isinstance(model, torch.nn.Module):
        return [np.asarray(one.detach()) for one in model.state_dict().values()]
    if isinstance(model, keras.Model):
        return [np.asarray(one) for one in model.weights]
    return [np.asarray(one) for one in jax.tree_util.tree_leaves(nnx.state(model, nnx.Not(nnx.RngState)))]


def names(model: Any) -> set[str]:
    if isinstance(model, torch.nn.Module):
        return {name.split(".")[0] for name, _ in model.named_modules()}
    if isinstance(model, keras.Model):
        return {layer.name for layer in model.layers}
    return {str(path[0]) for path, _ in nnx.iter_modules(model) if path}


def cells(arrays: Sequence[np.ndarray]) -> list[bytes]:
    """The numbers of every array, whatever the order of its axes."""
    return sorted(np.sort(array, axis=None).tobytes() for array in arrays)


@pytest.mark.parametrize(("name", "road"), ROADS)
def test_round_trips(name: str, road: str) -> None:
    first, x, wanted = MODELS[name]()
    model = first
    for target in road.split():
        model = TO[target](model, x, io_layout="source", verify=False)
    before, after = output(first, x), output(model, x)
    assert np.max(np.abs(after - before)) <= LIMIT * np.max(np.abs(before))
    assert wanted <= names(model)
    if name != "keras_sequences":  # torch has two biases for Keras's one
        assert set(cells(weights(first))) <= set(cells(weights(model)))
