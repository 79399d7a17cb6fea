"""Forward time of a converted torch ResNet50 in Keras on TensorFlow and in JAX over keras.applications' own.

    python -m scripts.bench.torch_forward [--rounds N] [--to tf jax]

Both compiled and in one process, by turns. In JAX the other side is the bundle of keras.applications' model.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench.jax_forward import bundle_apply, by_turns, compiled, ratio
from scripts.bench.measure import ROOT, keep
from scripts.bench.run_bundle import load

SIDE = 224
Run = Callable[[], Any]


def bundles(to: str, folder: Path) -> tuple[Path, Path | None]:
    """The converted torch network; in JAX the converted Keras one, too."""
    import keras
    import torch

    import porter
    from scripts.bench.handwritten import ResNet50

    torch.manual_seed(0)
    module = ResNet50().eval()
    write = {"tf": porter.to_keras, "jax": porter.to_jax}[to]
    write(module, torch.randn(1, 3, SIDE, SIDE), out=folder / "torch", verify=False)
    if to == "tf":
        return folder / "torch", None
    theirs = keras.applications.ResNet50(weights=None, classifier_activation=None)
    porter.to_jax(theirs, out=folder / "keras", verify=False)
    return folder / "torch", folder / "keras"


def in_tensorflow(bundle: Path) -> dict[str, Run]:
    """Both as compiled functions of the same images."""
    import keras
    import tensorflow as tf

    x = tf.constant(np.random.default_rng(0).normal(size=(1, SIDE, SIDE, 3)).astype("float32"))
    theirs = keras.applications.ResNet50(weights=None, classifier_activation=None)
    runs: dict[str, Run] = {}
    for name, model in (("bundle", load(bundle)), ("keras", theirs)):
        apply = tf.function(partial(model, training=False))
        runs[name] = partial(_numbers, apply, x)
    return runs


def _numbers(apply: Callable[[Any], Any], x: Any) -> np.ndarray:
    found: np.ndarray = apply(x).numpy()
    return found


def in_jax(ours: Path, theirs: Path) -> dict[str, Run]:
    """Both jitted, on the same images."""
    x = np.random.default_rng(0).normal(size=(1, SIDE, SIDE, 3)).astype("float32")
    return compiled({"bundle": bundle_apply(ours), "keras": bundle_apply(theirs)}, x)[1]


def compare(to: str, rounds: int) -> dict[str, Any]:
    """The ratios of one target."""
    with tempfile.TemporaryDirectory(prefix="porter-bench-") as scratch:
        ours, theirs = bundles(to, Path(scratch))
        runs = in_tensorflow(ours) if theirs is None else in_jax(ours, theirs)
        for run in runs.values():
            run()
        times = by_turns(runs, rounds)
    return {"to": to, "forward ratio": ratio(times, 0), "processor ratio": ratio(times, 1)}


def main() -> None:
    """Bench both targets, each in a process of its own."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--rounds", type=int, default=15)
    cli.add_argument("--to", nargs="*", choices=("tf", "jax"), default=["tf", "jax"])
    cli.add_argument("--here", choices=("tf", "jax"), help=argparse.SUPPRESS)
    told = cli.parse_args()
    if told.here:
        print(json.dumps(compare(told.here, told.rounds)))
        return
    rows = []
    for to in told.to:
        backend = {"tf": "tensorflow", "jax": "jax"}[to]
        here = ["-m", "scripts.bench.torch_forward", "--here", to, "--rounds", str(told.rounds)]
        settings = {"KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(
            [sys.executable, *here],
            cwd=ROOT,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=True,
        )
        rows.append(json.loads(done.stdout.strip().splitlines()[-1]))
        print(rows[-1], flush=True)
    keep("torch_forward", rows)


if __name__ == "__main__":
    main()
