"""Ports with one mistake in each, and faithful ones: how many mistakes are missed, how many ports accused.

    python -m scripts.bench.mutations [--to torch] [--only NETWORK ...]

The mistakes are those of `tests/compare/mutations.py`, and for JAX and Keras of `test_other_targets.py`
there. Bundles run in this process and the reference stands in for Keras, so that the whole table takes
minutes; `scripts/bench/calibration.py` has faithful ports as users run them. Momentum, which only training
shows, is in `tests/compare/test_training.py`.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import porter
from porter.compare.verdict import LAYER_LIMIT, LIMIT
from porter.verification import contestant
from scripts.bench.measure import keep, kept
from tests.compare.in_process import InProcess
from tests.compare.mutations import MUTATIONS, NETWORKS, Network, changed_layers, mutated
from tests.compare.test_other_targets import MISTAKES, NAMES, NETWORKS_BY_NAME, mistaken

Row = dict[str, Any]


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--only", nargs="+", default=[], help="networks whose name contains one of these words")
    cli.add_argument("--to", default="torch", choices=("torch", "jax", "tf"))
    told = cli.parse_args()
    contestant.start = InProcess  # type: ignore[assignment]
    rows: list[Row] = []
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for network in NETWORKS if told.to == "torch" else (NETWORKS_BY_NAME[name] for name in NAMES):
            if not told.only or any(word in network.name for word in told.only):
                rows += _of(network, Path(folder), told.to)
    file = "mutations" if told.to == "torch" else f"mutations_{told.to}"
    if told.only:  # the others stay as they were
        tried = {row["network"] for row in rows}
        rows = [row for row in (kept(file) or {"rows": []})["rows"] if row["network"] not in tried] + rows
    found = summary(rows)
    print("\n".join(f"{key}: {value}" for key, value in found.items()))
    print(f"{time.perf_counter() - began:.0f} seconds")
    print(keep(file, {**found, "rows": rows}))


def _of(network: Network, folder: Path, to: str) -> list[Row]:
    bundle = folder / network.name.replace("/", "_")
    files = network.paths(folder)
    porter.convert(files, to=to, out=bundle, verify=False, source_backend=network.backend)
    rows = [_row(network, "", files, bundle, set())]
    for name, mutant, blame in _mutants(bundle, to, folder / "mutant"):
        rows.append(_row(network, name, files, mutant, blame))
        shutil.rmtree(mutant, ignore_errors=True)
    for row in rows:
        print(" ".join(f"{key}={value}" for key, value in row.items()), flush=True)
    return rows


def _mutants(bundle: Path, to: str, mutant: Path) -> Iterator[tuple[str, Path, set[str]]]:
    """Each mistake that the bundle has a place for; and the layers that it is in, where that is known."""
    if to == "torch":
        for mutation in MUTATIONS:
            if mutated(bundle, mutation, mutant):
                yield mutation.name, mutant, changed_layers(bundle, mutant)
        return
    for mistake in MISTAKES:
        # where gates are is known of the network that the mistake is meant for
        meant = "gates" not in mistake.name or bundle.name.endswith(mistake.network)
        if meant and mistaken(bundle, to, mistake, mutant):
            yield mistake.name, mutant, set()
        shutil.rmtree(mutant, ignore_errors=True)


def _row(network: Network, mistake: str, files: list[Path], bundle: Path, blame: set[str]) -> Row:
    found = porter.verify(files, bundle, source_backend=network.backend)
    accused = [
        {row.name, *row.covers}
        for row in found.layers
        if row.isolated is not None and row.isolated.times > LAYER_LIMIT
    ]
    blamed = "right" if all(blame & one for one in accused) else "wrong"
    return {
        "network": network.name,
        "family": network.family,
        "mistake": mistake,
        "equivalent": found.equivalent,
        "times": _times(max((row.b.times for row in found.outputs), default=0.0)),
        "layer_times": _times(max((row.times for row in found.layers), default=0.0)),
        # of mistakes in weights it is known whose they are: is anybody else blamed?
        "blamed": blamed if blame and accused else "",
    }


def _times(value: float) -> float | None:
    return float(f"{value:.3g}") if value < float("inf") else None


def summary(rows: list[Row]) -> dict[str, Any]:
    """The figures that are published."""
    right = [row for row in rows if not row["mistake"]]
    wrong = [row for row in rows if row["mistake"]]
    return {
        "networks": len(right),
        "false_alarms": sum(not row["equivalent"] for row in right),
        "mistakes": len(wrong),
        "misses": sum(row["equivalent"] for row in wrong),
        "by_family": dict(Counter(row["family"] for row in wrong)),
        "blamed_right": sum(row["blamed"] == "right" for row in wrong),
        "blamed_wrong": sum(row["blamed"] == "wrong" for row in wrong),
        "furthest_faithful_output": max((row["times"] for row in right), default=None),
        "furthest_faithful_layer": max((row["layer_times"] for row in right), default=None),
        "nearest_mistake": min((row["times"] for row in wrong if row["times"] is not None), default=None),
        "limits": [LIMIT, LAYER_LIMIT],
    }


if __name__ == "__main__":
    main()
