"""Forward time of converted networks over sequences over hand-written ones, alternating in one process.

python -m scripts.bench.sequences [--only NAME ...] [--rounds 301]
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench.measure import keep, keep_memory, measured, porter, python

SEED, BATCH, STEPS = 5, 16, 60
Build = Callable[[Any, Any], Any]


def _last(cell: str, **options: Any) -> Build:
    def build(layers: Any, x: Any) -> Any:
        x = getattr(layers, cell)(64, name="recurrent", **options)(x)
        return layers.Dense(5, name="score")(x)

    return build


def _classifier(**embedding: Any) -> Build:
    def build(layers: Any, ids: Any) -> Any:
        x = layers.Embedding(1000, 64, name="embedding", **embedding)(ids)
        x = layers.Bidirectional(layers.LSTM(32, name="inner"), name="recurrent")(x)
        return layers.Dense(1, activation="sigmoid", name="score")(x)

    return build


def _encoder(layers: Any, ids: Any) -> Any:
    x = layers.Embedding(1000, 64, name="embedding")(ids)
    for k in range(2):
        attended = layers.MultiHeadAttention(4, 16, name=f"attention_{k}")(x, x)
        x = layers.LayerNormalization(epsilon=1e-6, name=f"norm_attention_{k}")(layers.add([x, attended]))
        wide = layers.Dense(128, activation="gelu", name=f"wide_{k}")(x)
        narrow = layers.Dense(64, name=f"narrow_{k}")(wide)
        x = layers.LayerNormalization(epsilon=1e-6, name=f"norm_{k}")(layers.add([x, narrow]))
    return layers.Dense(5, name="score")(layers.GlobalAveragePooling1D()(x))


def _frames(layers: Any, x: Any) -> Any:
    return layers.ConvLSTM2D(8, 3, padding="same", name="recurrent")(x)


NETWORKS: Mapping[str, tuple[Build, tuple[int, ...], str]] = {
    "lstm": (_last("LSTM"), (STEPS, 32), "float32"),
    "gru": (_last("GRU"), (STEPS, 32), "float32"),
    "bilstm": (_classifier(), (STEPS,), "int32"),
    "bilstm masked": (_classifier(mask_zero=True), (STEPS,), "int32"),
    "gru reset before": (_last("GRU", reset_after=False), (STEPS, 32), "float32"),
    "lstm hard gates": (_last("LSTM", recurrent_activation="hard_sigmoid"), (STEPS, 32), "float32"),
    "transformer over nn.MultiheadAttention": (_encoder, (STEPS,), "int32"),
    "transformer over SDPA": (_encoder, (STEPS,), "int32"),
    "conv lstm": (_frames, (12, 20, 24, 3), "float32"),
}
"""What Keras builds, the shape and the type of its input."""


def save(name: str, folder: Path) -> None:
    """Leave `model.keras` and `io.npz` in `folder` (runs Keras)."""
    save_built(*NETWORKS[name], folder)


def save_built(build: Build, shape: tuple[int, ...], dtype: str, folder: Path) -> None:
    """The same of any network over sequences; whole numbers become texts of all lengths."""
    keras = importlib.import_module("keras")
    keras.utils.set_random_seed(SEED)
    x = keras.Input(shape, dtype=dtype, name="x")
    model = keras.Model(x, build(keras.layers, x))
    rng = np.random.default_rng(SEED)
    given = rng.normal(size=(BATCH, *shape)).astype("float32")
    if dtype == "int32":
        given = rng.integers(1, 1000, (BATCH, *shape)).astype("int32")
        for row, ids in enumerate(given):
            ids[STEPS - 2 * row :] = 0  # texts of all lengths, padded behind
    model.save(folder / "model.keras")
    np.savez(folder / "io.npz", x0=given, y0=np.asarray(model(given)))


def bench(name: str, folder: Path, rounds: int) -> dict[str, Any]:
    """One row; both sides must first agree with Keras."""
    import torch

    from scripts.bench.run_bundle import load
    from scripts.bench.sequences_handwritten import filled

    python("scripts.bench.sequences", "--save", folder, "--only", name)
    bundle = folder / "bundle"
    words = ("--to", "torch", "-o", bundle, "--no-verify", "--io-layout", "source")
    done = measured(porter("convert", folder / "model.keras", *words))
    if done.code:
        raise SystemExit(f"{name}: porter convert ended with {done.code}: {done.said}")
    ours = load(bundle)
    theirs = filled(name, ours.state_dict())
    with np.load(folder / "io.npz") as record:
        x, wanted = torch.from_numpy(record["x0"]), record["y0"]
    with torch.inference_mode():
        for who, network in (("converted", ours), ("hand-written", theirs)):
            off = float(np.abs(network(x).numpy() - wanted).max() / np.abs(wanted).max())
            if not off < 1e-4:
                raise SystemExit(f"{name}: the {who} network differs from Keras by {off:.2g}")
        return {"network": name, "batch": BATCH, **_times(lambda: ours(x), lambda: theirs(x), rounds)}


def _times(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> dict[str, float]:
    """Seconds of both in turns; the best of each is what remains where others use the machine too."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for call, seconds in zip((ours, theirs), times, strict=True):
            began = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - began)
    mine, hand = (seconds[rounds // 10 :] for seconds in times)  # the first tenth warms up
    return {
        "ours": min(mine),
        "handwritten": min(hand),
        "ratio": min(mine) / min(hand),
        "ratio of medians": statistics.median(mine) / statistics.median(hand),
    }


def main() -> None:
    """Bench the named networks, or all."""
    cli = argparse.ArgumentParser(description=__doc__)
    cli.add_argument("--only", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    cli.add_argument("--rounds", type=int, default=301)
    cli.add_argument("--save", type=Path, help=argparse.SUPPRESS)
    told = cli.parse_args()
    keep_memory()
    if told.save:
        save(told.only[0], told.save)
        return
    rows = []
    for name in told.only:
        with tempfile.TemporaryDirectory(prefix="porter-bench-") as scratch:
            rows.append(bench(name, Path(scratch), told.rounds))
        row = rows[-1]
        print(
            f"{name:38} {1e3 * row['ours']:8.2f} ms converted, {1e3 * row['handwritten']:8.2f} ms "
            f"hand-written, ratio {row['ratio']:.3f} (of medians {row['ratio of medians']:.3f})",
            flush=True,
        )
    print("kept in", keep("sequences", rows))


if __name__ == "__main__":
    main()
