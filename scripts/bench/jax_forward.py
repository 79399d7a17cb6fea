"""Compile time and jitted forward time of JAX bundles over the same Keras models on their JAX backend.

    python -m scripts.bench.jax_forward [--only NAME ...] [--rounds N] [--full]

Networks of keras.applications, and `lstm`, `gru` and `transformer`. All run in one process, by turns, so
that what else the machine does meets all. The bundle runs as `docs/jax.md` has it, `jax.jit` of a function
of a plain map of arrays, as Keras runs on lists of them; beside that of an `nnx.State`, and by `nnx.jit`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench import sequences
from scripts.bench.measure import ROOT, keep, measured, porter, python
from scripts.bench.run_bundle import load

NETWORKS = (
    *("ResNet50", "MobileNetV2", "EfficientNetB0", "VGG16", "DenseNet121"),
    *("transformer", "lstm", "gru"),
)
COMPILATIONS = 3
Run = Callable[[], Any]
Made = tuple[Any, Callable[..., Any]]
"""Parameters, and the function of them and of inputs."""


def bundle_apply(bundle: Path) -> Made:
    """The bundle's parameters and its pure function."""
    from flax import nnx

    graphdef, state = nnx.split(load(bundle))
    return nnx.to_pure_dict(state), lambda params, x: nnx.merge(graphdef, params)(x)


def other_ways(bundle: Path, x: Any) -> dict[str, Run]:
    """The bundle under jit of a function of an `nnx.State`, and of the module itself."""
    import jax
    from flax import nnx

    model = load(bundle)
    graphdef, state = nnx.split(model)
    of_state = jax.jit(lambda state, x: nnx.merge(graphdef, state)(x))
    of_module = nnx.jit(lambda model, x: model(x))
    return {
        "nnx.State": lambda: jax.block_until_ready(of_state(state, x)),
        "nnx.jit": lambda: jax.block_until_ready(of_module(model, x)),
    }


def keras_apply(file: Path) -> Made:
    """The Keras model's variables and its pure function."""
    import keras

    model = keras.saving.load_model(file, compile=False)
    parts = (model.trainable_variables, model.non_trainable_variables)
    state = [[one.value for one in part] for part in parts]
    return state, lambda state, x: model.stateless_call(*state, x, training=False)[0]


def compiled(made: Mapping[str, Made], x: Any) -> tuple[dict[str, float], dict[str, Run]]:
    """Seconds to trace and compile, the median of each, and the compiled functions of nothing.

    By turns and in both orders, with nothing kept from one to the next: what JAX remembers of its own
    functions would be paid for by the first alone.
    """
    import jax

    taken: dict[str, list[float]] = {name: [] for name in made}
    runs: dict[str, Run] = {}
    for turn in range(COMPILATIONS):
        for name in sorted(made, reverse=turn % 2 == 1):
            state, apply = made[name]
            jax.clear_caches()
            began = time.perf_counter()
            ready = jax.jit(apply)
            ready.lower(state, x).compile()
            taken[name].append(time.perf_counter() - began)
            runs[name] = partial(_ran, ready, state, x)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}, runs


def _ran(ready: Callable[..., Any], state: Any, x: Any) -> Any:
    import jax

    return jax.block_until_ready(ready(state, x))


def by_turns(runs: Mapping[str, Run], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds of each run by the clock, and of all threads together, which other programs disturb less."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for turn in range(rounds + 2):
        for name, run in sorted(runs.items(), reverse=turn % 2 == 1):
            began = time.perf_counter(), time.process_time()
            run()
            taken[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    return {name: times[2:] for name, times in taken.items()}  # the first ones warm up


def ratio(times: Mapping[str, list[tuple[float, float]]], which: int, name: str = "bundle") -> list[float]:
    """Quartiles over neighbouring runs, which a slow moment hits alike."""
    pairs = zip(times[name], times["keras"], strict=True)
    return statistics.quantiles([ours[which] / theirs[which] for ours, theirs in pairs], n=4)


def compare(folder: Path, rounds: int) -> dict[str, float]:
    """One network: both compiled, checked against one another, and timed."""
    import jax.numpy as jnp

    x = jnp.asarray(np.load(folder / "io.npz")["x0"])
    made = {"bundle": bundle_apply(folder / "bundle"), "keras": keras_apply(folder / "model.keras")}
    seconds, runs = compiled(made, x)
    apart = np.abs(np.asarray(runs["bundle"]()) - np.asarray(runs["keras"]())).max()
    times = by_turns({**runs, **other_ways(folder / "bundle", x)}, rounds)
    best = {name: min(seconds for seconds, _ in taken) for name, taken in times.items()}
    low, middle, high = ratio(times, 1)
    return {
        "forward ms": 1000 * statistics.median(seconds for seconds, _ in times["bundle"]),
        "forward ratio": ratio(times, 0)[1],
        "of best": best["bundle"] / best["keras"],
        "processor ratio": middle,
        "from": low,
        "to": high,
        "of nnx.State": ratio(times, 1, "nnx.State")[1],
        "of nnx.jit": ratio(times, 1, "nnx.jit")[1],
        "compile s": seconds["bundle"],
        "compile ratio": seconds["bundle"] / seconds["keras"],
        "rel": float(apart / np.abs(np.asarray(runs["keras"]())).max()),
    }


def _transformer(layers: Any, ids: Any) -> Any:
    x = layers.Embedding(1000, 128, name="embedding")(ids)
    for number in range(4):
        seen = layers.LayerNormalization(name=f"before_{number}")(x)
        x = layers.Add(name=f"seen_{number}")([x, layers.MultiHeadAttention(4, 32)(seen, seen)])
        wide = layers.Dense(512, activation="gelu", name=f"wide_{number}")(layers.LayerNormalization()(x))
        x = layers.Add(name=f"out_{number}")([x, layers.Dense(128, name=f"narrow_{number}")(wide)])
    return layers.Dense(5, name="score")(layers.GlobalAveragePooling1D()(x))


def _prepared(name: str, folder: Path, *, full: bool) -> tuple[str | Path, ...]:
    """The step that saves a network and its inputs."""
    if name == "transformer":
        return ("scripts.bench.jax_forward", "--save", folder)
    if name in sequences.NETWORKS:
        return ("scripts.bench.sequences", "--save", folder, "--only", name)
    return ("scripts.bench.prepare", name, folder, *(["--full"] if full else []))


def bench(name: str, rounds: int, *, full: bool) -> dict[str, Any]:
    """Prepare and convert one network, then compare in a process of its own."""
    folder = Path(tempfile.mkdtemp(prefix="porter-bench-"))
    try:
        python(*_prepared(name, folder, full=full))
        words = ("convert", folder / "model.keras", "--to", "jax", "-o", folder / "bundle", "--no-verify")
        if measured(porter(*words)).code:
            raise SystemExit(f"{name} does not convert")
        done = subprocess.run(
            [sys.executable, "-m", "scripts.bench.jax_forward", "--here", folder, "--rounds", str(rounds)],
            cwd=ROOT,
            env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
            capture_output=True,
            text=True,
            check=True,
        )
        return {"network": name, **json.loads(done.stdout.strip().splitlines()[-1])}
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Bench the named networks."""
    cli = argparse.ArgumentParser(description=__doc__)
    cli.add_argument("--only", nargs="+", metavar="NAME", default=NETWORKS)
    cli.add_argument("--rounds", type=int, default=15)
    cli.add_argument("--full", action="store_true", help="at the constructors' own input sizes")
    cli.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    cli.add_argument("--save", type=Path, help=argparse.SUPPRESS)
    told = cli.parse_args()
    if told.save:
        sequences.save_built(_transformer, (60,), "int32", told.save)
        return
    if told.here:
        print(json.dumps(compare(told.here, told.rounds)))
        return
    rows = []
    for name in told.only:
        rows.append(bench(name, told.rounds, full=told.full))
        figures = [f"{key} {value:.3g}" for key, value in rows[-1].items() if key != "network"]
        print(name, *figures, sep="  ", flush=True)
        keep("jax_forward", rows)


if __name__ == "__main__":
    main()
