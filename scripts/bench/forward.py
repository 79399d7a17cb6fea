"""Forward time of converted networks over hand-written ones, alternating in one process.

python -m scripts.bench.forward [--only NAME ...] [--rounds 15]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench.measure import keep, keep_memory, measured, porter, python

NETWORKS = ("ResNet50", "MobileNetV2", "VGG16")
BATCHES = (1, 8)


def _seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def ratio(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> dict[str, float]:
    """Medians of both, and of the ratio of neighbouring passes, which a slow moment hits alike."""
    pairs = []
    for index in range(rounds + 2):
        first, second = (ours, theirs) if index % 2 else (theirs, ours)
        times = _seconds(first), _seconds(second)
        pairs.append(times if index % 2 else times[::-1])
    mine, hand = zip(*pairs[2:], strict=True)  # two rounds of warming up
    return {
        "ours": statistics.median(mine),
        "handwritten": statistics.median(hand),
        "ratio": statistics.median(a / b for a, b in zip(mine, hand, strict=True)),
        "ratio of medians": statistics.median(mine) / statistics.median(hand),
    }


def _bundle(name: str, folder: Path) -> Path:
    python("scripts.bench.prepare", name, folder, "--full", "--arrays")
    bundle = folder / "bundle"
    done = measured(porter("convert", folder / "model.keras", "--to", "torch", "-o", bundle, "--no-verify"))
    if done.code:
        raise SystemExit(f"{name}: porter convert ended with {done.code}: {done.said}")
    return bundle


def _agree(name: str, who: str, outputs: Any, wanted: np.ndarray) -> None:
    rel = float(np.abs(outputs.numpy() - wanted).max() / np.abs(wanted).max())
    if not rel < 1e-4:
        raise SystemExit(f"{name}: the {who} network differs from Keras by {rel:.2g}")


def bench(name: str, folder: Path, rounds: int) -> list[dict[str, Any]]:
    """The rows of one network; both sides must first agree with Keras."""
    import torch

    from scripts.bench.handwritten import NETWORKS as HANDWRITTEN
    from scripts.bench.handwritten import load_arrays
    from scripts.bench.run_bundle import load

    bundle = _bundle(name, folder)
    ours = load(bundle)
    with np.load(folder / "arrays.npz") as arrays:
        theirs = load_arrays(HANDWRITTEN[name](), arrays)
    with np.load(folder / "io.npz") as record:
        images, wanted = torch.from_numpy(record["x0"]).movedim(-1, 1).contiguous(), record["y0"]
    rows = []
    with torch.inference_mode():
        _agree(name, "converted", ours(images), wanted)
        _agree(name, "hand-written", theirs(images), wanted)
        for batch in BATCHES:
            given = torch.cat([images] * 2)[:batch].contiguous()
            times = ratio(lambda x=given: ours(x), lambda x=given: theirs(x), rounds)
            rows.append({"network": name, "batch": batch, **times})
    return rows


def main() -> None:
    """Bench the named networks, or all."""
    keep_memory()
    cli = argparse.ArgumentParser(description=__doc__)
    cli.add_argument("--only", nargs="+", choices=NETWORKS, default=NETWORKS)
    cli.add_argument("--rounds", type=int, default=15)
    told = cli.parse_args()
    rows = []
    for name in told.only:
        with tempfile.TemporaryDirectory(prefix="porter-bench-") as scratch:
            for row in bench(name, Path(scratch), told.rounds):
                rows.append(row)
                print(
                    f"{name:12} batch {row['batch']}: {1e3 * row['ours']:8.1f} ms converted, "
                    f"{1e3 * row['handwritten']:8.1f} ms hand-written, ratio {row['ratio']:.3f} "
                    f"(of medians {row['ratio of medians']:.3f})",
                    flush=True,
                )
    print("kept in", keep("forward", rows))


if __name__ == "__main__":
    main()
