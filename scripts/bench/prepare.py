"""Save one keras.applications network with weights that make it depend on its input (runs Keras).

    python -m scripts.bench.prepare ResNet50 FOLDER [--full] [--arrays]

leaves `model.keras`, `io.npz` (x0, y0) and with `--arrays` every weight in `arrays.npz`.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

import numpy as np

from tests.layers.cases import randomise
from tests.layers.cases.calibrate import calibrate

# Not square, so that rows and columns cannot be mistaken; as small as each network's windows allow.
SMALL = (72, 64)
SMALL_BY_NAME = {
    "InceptionV3": (107, 91),
    "InceptionResNetV2": (107, 91),
    "Xception": (87, 71),
    "VGG16": (64, 96),
    "VGG19": (64, 96),
}
SEED, CALIBRATION_BATCH, BATCH = 11, 12, 4
_PIXEL_LAYERS = {"Rescaling", "Normalization"}


def names() -> list[str]:
    """Every constructor in keras.applications."""
    applications = importlib.import_module("keras").applications
    return sorted(name for name in dir(applications) if name[0].isupper())


def images(rng: np.random.Generator, shape: tuple[int, ...], *, pixels: bool) -> np.ndarray:
    """Patches of colour under noise; each image has its own colours, contrast and patches."""
    _, height, width, channels = shape
    result = np.empty(shape, "float32")
    for image in result:
        rows, columns = rng.integers(2, 9, 2)
        patches = rng.normal(0, rng.uniform(0.7, 1.3), (rows, columns, channels))
        tall = np.repeat(patches, -(-height // rows), axis=0)[:height]
        image[:] = np.repeat(tall, -(-width // columns), axis=1)[:, :width]
        image += rng.normal(0, 0.5, channels) + rng.normal(0, 0.3, image.shape)
    return np.clip(result * 50 + 120, 0, 255).round() if pixels else result


def build(name: str, *, full: bool) -> Any:
    """The untrained network, without a final softmax where the constructor lets it be left out."""
    keras = importlib.import_module("keras")
    keras.utils.clear_session()
    size = None if full else (*SMALL_BY_NAME.get(name, SMALL), 3)
    constructor = getattr(keras.applications, name)
    return constructor(weights=None, classifier_activation=None, input_shape=size)


def _is_pixels(model: Any) -> bool:
    return any(type(layer).__name__ in _PIXEL_LAYERS for layer in model._flatten_layers())


def prepare(name: str, *, full: bool) -> tuple[Any, np.ndarray, np.ndarray]:
    """The network with its weights, a batch of inputs, and what Keras predicts for them."""
    model = randomise(build(name, full=full), SEED)
    rng = np.random.default_rng(SEED)
    size, pixels = tuple(model.input_shape[1:]), _is_pixels(model)
    batch = BATCH if full else CALIBRATION_BATCH
    data = images(rng, (batch, *size), pixels=pixels)
    calibrate(model, lambda: model(data, training=False), SEED)
    # Of the same data: on images unlike those it was fitted to, a network with gates can grow wild.
    inputs = data[:BATCH]
    return model, inputs, np.asarray(model.predict(inputs, batch_size=BATCH, verbose=0))


def variation(outputs: np.ndarray) -> float:
    """How far outputs move from image to image, over their scale: near 0, a wrong port passes."""
    return float(np.std(outputs, axis=0).max() / np.abs(outputs).max())


def main() -> None:
    """Prepare one network."""
    cli = argparse.ArgumentParser(description=__doc__)
    cli.add_argument("name", choices=names())
    cli.add_argument("folder", type=Path)
    cli.add_argument("--full", action="store_true", help="at the size the constructor chooses")
    cli.add_argument("--arrays", action="store_true", help="also every weight as arrays.npz")
    told = cli.parse_args()
    model, inputs, outputs = prepare(told.name, full=told.full)
    if not np.isfinite(outputs).all():
        raise SystemExit(f"{told.name}: the outputs are not finite")
    told.folder.mkdir(parents=True, exist_ok=True)
    model.save(told.folder / "model.keras")
    np.savez(told.folder / "io.npz", x0=inputs, y0=outputs)
    if told.arrays:
        arrays = {variable.path: np.asarray(variable) for variable in model.weights}
        np.savez(told.folder / "arrays.npz", **arrays)


if __name__ == "__main__":
    main()
