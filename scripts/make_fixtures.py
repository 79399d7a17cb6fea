"""Make `fixtures/`: small models saved by the real frameworks, with the outputs they gave.

    python -m scripts.make_fixtures [NAME ...]      from the root of the checkout

Each folder holds the model, `io.npz` (inputs x0, x1, ...; outputs y0, y1, ...) and ORIGIN.md.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts import fixture_models
from tests.layers.cases import CASES, LayerCase, hard_inputs, randomise
from tests.layers.cases.calibrate import calibrate
from tests.layers.cases.run_keras import forward, run_keras

ROOT = Path(__file__).parent.parent / "fixtures"
SEED, BATCH = 20, 4
BY_NAME = {case.name: case for case in CASES}


@dataclass(frozen=True)
class Fixture:
    """One folder: which network, written by which framework, in which format."""

    name: str
    case: LayerCase
    save: Callable[[Any, Path], None]
    writes: str  # for people: what `save` leaves behind
    framework: str = "keras"
    optimiser: bool = False  # trained for one step, so that the file holds the optimizer's state


def _json_and(weights: str) -> Callable[[Any, Path], None]:
    def save(model: Any, folder: Path) -> None:
        (folder / "model.json").write_text(model.to_json())
        model.save_weights(folder / weights)

    return save


def _whole(file: str) -> Callable[[Any, Path], None]:
    return lambda model, folder: model.save(folder / file)


_ARCHIVE = (_whole("model.keras"), "a `.keras` archive")
_LEGACY_WHOLE = (_whole("model.h5"), "a whole-model HDF5 file")
_PAIR = (_json_and("model.weights.h5"), "JSON and Keras 3 `.weights.h5`")
_LEGACY_PAIR = (_json_and("weights.h5"), "JSON and legacy HDF5 weights")

FIXTURES = (
    Fixture("demo_cnn", fixture_models.DEMO, *_PAIR),
    Fixture("mnist_cnn_keras2", fixture_models.MNIST, *_LEGACY_PAIR, framework="tf_keras"),
    Fixture(
        "mnist_cnn_keras2_whole",
        fixture_models.MNIST,
        *_LEGACY_WHOLE,
        framework="tf_keras",
        optimiser=True,
    ),
    Fixture("mnist_cnn_keras3", fixture_models.MNIST, *_ARCHIVE, optimiser=True),
    Fixture("mnist_cnn_keras3_h5", fixture_models.MNIST, *_LEGACY_WHOLE),
    Fixture("mnist_cnn_keras3_pair", fixture_models.MNIST, *_PAIR),
    Fixture("mnist_cnn_keras2_archive", fixture_models.MNIST, *_ARCHIVE, framework="tf_keras"),
    Fixture("resnet_small", BY_NAME["resnet"], *_ARCHIVE),
    Fixture("unet_small", BY_NAME["unet"], *_ARCHIVE),
    Fixture("bilstm_classifier", BY_NAME["bilstm_classifier"], *_PAIR),
    Fixture("efficientnet_small", fixture_models.EFFICIENTNET, *_ARCHIVE),
    Fixture("multi_io", BY_NAME["multi_io"], *_LEGACY_PAIR, framework="tf_keras"),
    Fixture("nested_shared", BY_NAME["nested_shared"], *_ARCHIVE),
    Fixture("nested_shared_keras2", BY_NAME["nested_shared"], *_LEGACY_WHOLE, framework="tf_keras"),
    Fixture("channels_first", fixture_models.CHANNELS_FIRST, *_ARCHIVE),
    Fixture("text_conv1d", fixture_models.TEXT, *_LEGACY_PAIR, framework="tf_keras"),
    Fixture("mixed_precision", BY_NAME["precision_mixed_float16"], *_ARCHIVE),
)


def _one_step(model: Any, inputs: list[np.ndarray]) -> None:
    """One step of training, for the sake of the optimizer's state in the file."""
    model.compile("adam", "mse")
    outputs = np.asarray(model(inputs[0]))
    model.fit(inputs[0], outputs[::-1], epochs=1, verbose=0)


def _weights(fixture: Fixture, model: Any) -> str:
    """Fill the weights; says in words where they come from."""
    if fixture.case is fixture_models.DEMO:
        accuracy = fixture_models.train_demo(model, importlib.import_module(fixture.framework))
        shapes = ", ".join(fixture_models.DEMO_SHAPES)
        return f"trained on drawings of {shapes}; {accuracy:.0%} right on drawings not seen"
    data = _given(_inputs(fixture, batch=32))
    run = forward(fixture.case, randomise(model, SEED))
    calibrate(model, lambda: run(data), SEED)
    return f"random, seed {SEED}; batch-norm statistics fitted to data, then disturbed"


def _given(inputs: list[np.ndarray]) -> Any:
    return inputs if len(inputs) > 1 else inputs[0]


def _inputs(fixture: Fixture, batch: int = BATCH) -> list[np.ndarray]:
    if fixture.case is fixture_models.DEMO:
        return [fixture_models.drawings(2 * batch, seed=3)[0]]
    inputs = hard_inputs(fixture.case, SEED, batch)
    if fixture.case is fixture_models.EFFICIENTNET:
        return [np.round(np.clip(60 * x + 120, 0, 255)) for x in inputs]
    if fixture.case is fixture_models.MNIST:  # else its softmax is all zeros and ones
        return [np.float32(0.15) * x for x in inputs]
    return inputs


def _check(fixture: Fixture, outputs: Iterable[np.ndarray]) -> None:
    for output in outputs:
        wide = output.astype("float64")
        if not np.isfinite(wide).all() or float(np.std(wide, axis=0).max()) < 1e-3:
            sys.exit(f"{fixture.name}: outputs are not finite, or hardly depend on the input")


def _versions(framework: str) -> str:
    import tensorflow as tf

    module = importlib.import_module(framework)
    return f"{framework} {module.__version__} on tensorflow {tf.__version__}, numpy {np.__version__}"


def _origin(fixture: Fixture, folder: Path, weights: str) -> str:
    compiled = "yes, after one step of Adam" if fixture.optimiser else "no"
    by_xla = "" if fixture.case.runs_on_tf else " (compiled by XLA: no TensorFlow CPU kernel)"
    hashes = [
        f"| {file.name} | {file.stat().st_size} | {hashlib.sha256(file.read_bytes()).hexdigest()} |"
        for file in sorted(folder.iterdir())
    ]
    return "\n".join(
        [
            f"# {fixture.name}",
            "",
            f"Made by `python -m scripts.make_fixtures {fixture.name}`.",
            "",
            f"- format: {fixture.writes}",
            f"- written by: {_versions(fixture.framework)}",
            f"- weights: {weights}",
            f"- optimizer state inside: {compiled}",
            f"- `io.npz`: inputs and outputs of the framework that wrote it{by_xla}",
            "",
            "| file | bytes | sha256 |",
            "| --- | --- | --- |",
            *hashes,
            "",
        ]
    )


def make(fixture: Fixture) -> Path:
    """Write one folder afresh."""
    folder = ROOT / fixture.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model = fixture.case.model(fixture.framework)
    weights = _weights(fixture, model)
    inputs = _inputs(fixture)
    if fixture.optimiser:
        _one_step(model, inputs)
    outputs = run_keras(fixture.case, model, inputs)
    _check(fixture, outputs)
    fixture.save(model, folder)
    arrays = {f"x{k}": x for k, x in enumerate(inputs)} | {f"y{k}": y for k, y in enumerate(outputs)}
    np.savez_compressed(folder / "io.npz", **arrays)
    (folder / "ORIGIN.md").write_text(_origin(fixture, folder, weights))
    return folder


def main() -> None:
    """Make the named fixtures, or all."""
    cli = argparse.ArgumentParser(description=__doc__)
    cli.add_argument("names", nargs="*", help="folders to make; all when none is named")
    wanted = cli.parse_args().names
    unknown = set(wanted) - {fixture.name for fixture in FIXTURES}
    if unknown:
        sys.exit(f"no such fixture: {', '.join(sorted(unknown))}")
    for fixture in FIXTURES:
        if not wanted or fixture.name in wanted:
            folder = make(fixture)
            size = sum(file.stat().st_size for file in folder.iterdir())
            print(f"{fixture.name:26} {size / 1024:6.0f} KiB")


if __name__ == "__main__":
    main()
