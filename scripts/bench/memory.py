"""Peak memory and time of converting a 1 GB model: over an empty run, and over a plain copy.

python -m scripts.bench.memory [--gigabytes 1] [--rounds 3]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from scripts.bench.measure import Measured, keep, measured, megabytes, porter, python

WIDTH = 5792  # a square float32 kernel of this width is 128 MiB, the largest tensor
TENSOR_BYTES = 4 * WIDTH * WIDTH


def save_model(path: Path, layers: int, width: int) -> None:
    """A chain of square Dense layers, saved by Keras."""
    import keras

    model = keras.Sequential([keras.Input((width,))])
    for index in range(layers):
        model.add(keras.layers.Dense(width, activation="relu", name=f"dense_{index}"))
    model.save(path)


def convert(source: Path, out: Path) -> Measured:
    """One conversion, without verification; raises when it fails."""
    shutil.rmtree(out, ignore_errors=True)
    done = measured(porter("convert", source, "--to", "torch", "-o", out, "--no-verify"))
    if done.code:
        raise SystemExit(f"porter convert ended with {done.code}: {done.said}")
    return done


def copy(source: Path, out: Path) -> Measured:
    """What a plain copy of the same file takes."""
    out.unlink(missing_ok=True)
    return measured([shutil.which("cp") or "/bin/cp", source, out])


def _median(runs: list[Measured]) -> dict[str, float]:
    return {
        "seconds": round(statistics.median(run.seconds for run in runs), 2),
        "peak MB": megabytes(max(run.peak for run in runs)),
    }


def bench(folder: Path, layers: int, rounds: int) -> dict[str, Any]:
    """All figures; rounds alternate, so that a slow moment hits all alike."""
    large, empty = folder / "large.keras", folder / "empty.keras"
    python("scripts.bench.memory", "--save", large, "--layers", layers, "--width", WIDTH)
    python("scripts.bench.memory", "--save", empty, "--layers", 1, "--width", 1)
    runs: dict[str, list[Measured]] = {"large": [], "empty": [], "cp": []}
    for _ in range(rounds):
        runs["large"].append(convert(large, folder / "bundle"))
        runs["empty"].append(convert(empty, folder / "bundle_empty"))
        runs["cp"].append(copy(large, folder / "copy"))
    figures: dict[str, Any] = {name: _median(found) for name, found in runs.items()}
    start_up = figures["empty"]["seconds"]
    return figures | {
        "file MB": megabytes(large.stat().st_size),
        "largest tensor MB": megabytes(TENSOR_BYTES),
        "peak over empty MB": round(figures["large"]["peak MB"] - figures["empty"]["peak MB"], 1),
        "allowed MB": megabytes(TENSOR_BYTES) + 100,
        "allowed seconds": round(2 * figures["cp"]["seconds"] + start_up, 2),
    }


def main() -> None:
    """Bench; with `--save` write one model instead, which needs Keras and its own process."""
    cli = argparse.ArgumentParser(description=__doc__)
    cli.add_argument("--gigabytes", type=float, default=1.0)
    cli.add_argument("--rounds", type=int, default=3)
    cli.add_argument("--save", type=Path, help=argparse.SUPPRESS)
    cli.add_argument("--layers", type=int, default=0, help=argparse.SUPPRESS)
    cli.add_argument("--width", type=int, default=WIDTH, help=argparse.SUPPRESS)
    told = cli.parse_args()
    if told.save:
        save_model(told.save, told.layers, told.width)
        return
    layers = max(1, round(told.gigabytes * 2**30 / TENSOR_BYTES))
    with tempfile.TemporaryDirectory(prefix="porter-bench-") as scratch:
        figures = bench(Path(scratch), layers, told.rounds)
    for name, figure in figures.items():
        print(f"{name:20} {figure}")
    print("kept in", keep("memory", figures))


if __name__ == "__main__":
    main()
