"""Sizes that a Keras model leaves open stay open: converted once, the model takes images and sequences of
several sizes, odd ones too, in every target."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import porter
from porter.errors import UnsupportedModel
from tests.layers.cases.open_sizes import FILMS, FRAMES, IMAGES, SEQUENCES, Build
from tests.layers.cases.randomise import randomise
from tests.layers.saved_rows import KERAS_MARKS, WHOLE_NET, assert_near, bundle_module, several

pytestmark = KERAS_MARKS

Sizes = Sequence[tuple[int, ...]]
KINDS: dict[str, tuple[Mapping[str, Build], tuple[Any, ...], Sizes]] = {
    "image": (IMAGES, (None, None, 3), ((11, 8), (6, 13), (9, 9))),
    "sequence": (SEQUENCES, (None, 5), ((7,), (12,), (5,))),
    "film": (FILMS, (None, None, None, 2), ((3, 7, 6), (4, 5, 9), (5, 6, 5))),
    "frames": (FRAMES, (None, 6, 7, 2), ((3, 6, 7), (5, 6, 7), (4, 6, 7))),
}
"""The rows, the shape of the input, and what stands for the open sizes."""

UNKNOWN = {
    "image-resize_cropped": "must be known, to crop it",
    "image-center_crop": "must be known, to crop it",
    "image-resize_padded": "pad before the model",
}
UNKNOWN_TO_KERAS = dict.fromkeys(
    ("image-up_bicubic", "image-resize_bicubic", "image-resize_lanczos", "image-resize_antialias"),
    "of an image of unknown size",
)
"""What is refused as long as sizes are open, and what is said then."""

Run = Callable[[np.ndarray], list[np.ndarray]]


def _keras(model: Any) -> Run:
    return lambda x: [np.asarray(output) for output in several(model(x, training=False))]


def _torch(model: Any) -> Run:
    import torch

    def run(x: np.ndarray) -> list[np.ndarray]:
        with torch.inference_mode():
            return [output.numpy() for output in several(model(torch.from_numpy(x)))]

    return run


def _jax(model: Any) -> Run:
    import jax.numpy as jnp

    return lambda x: [np.asarray(output) for output in several(model(jnp.asarray(x)))]


TARGETS: dict[str, tuple[str, Callable[[Any], Run]]] = {
    "torch": ("torch", _torch),
    "jax": ("flax", _jax),
    "tf": ("keras", _keras),
}
"""The package that a target needs, and how its model is run."""


def _rows() -> Iterator[Any]:
    for kind, (rows, *_) in KINDS.items():
        for name in rows:
            for target in TARGETS:
                usual = target == "torch" or kind == "image"
                marks = [] if usual else [pytest.mark.slow]
                yield pytest.param(kind, name, target, id=f"{kind}-{name}-{target}", marks=marks)


@pytest.mark.parametrize(("kind", "name", "target"), list(_rows()))
def test_every_size(kind: str, name: str, target: str, tmp_path: Path) -> None:
    package, runner = TARGETS[target]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    import keras

    keras.backend.clear_session()
    rows, shape, sizes = KINDS[kind]
    given = keras.Input(shape, name="x")
    model = randomise(keras.Model(given, rows[name](keras.layers, given), name="model"), seed=1)
    model.save(tmp_path / "model.keras")
    convert = partial(porter.convert, tmp_path / "model.keras", out=tmp_path / "out", verify=False)
    known = UNKNOWN | (UNKNOWN_TO_KERAS if target == "tf" else {})
    if f"{kind}-{name}" in known:
        with pytest.raises(UnsupportedModel, match=known[f"{kind}-{name}"]):
            convert(to=target)
        return
    converted = runner(bundle_module(convert(to=target, io_layout="source").path).load())
    random = np.random.default_rng(7)
    for size in sizes:
        x = random.normal(size=(2, *size, shape[-1])).astype("float32")
        assert_near(converted(x), _keras(model)(x), WHOLE_NET, f"{target} at {size}")
