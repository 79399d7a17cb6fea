"""Ports with one mistake in each, and faithful ones: how many mistakes are missed, how many ports accused.

    python -m scripts.bench.mutations [--only NETWORK ...]

The mistakes are those of `tests/compare/mutations.py`. Bundles run in this process and the reference stands
in for Keras, so that the whole table takes minutes; `scripts/bench/calibration.py` has faithful ports as
users run them. Momentum, which only training shows, is in `tests/compare/test_training.py`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import porter
from porter.compare.verdict import LAYER_LIMIT, LIMIT
from porter.verification import contestant
from scripts.bench.measure import keep
from tests.compare.in_process import InProcess
from tests.compare.mutations import MUTATIONS, NETWORKS, Mutation, Network, changed_layers, mutated

Row = dict[str, Any]


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--only", nargs="+", default=[], help="networks whose name contains one of these words")
    told = cli.parse_args()
    contestant.start = InProcess  # type: ignore[assignment]
    rows: list[Row] = []
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for network in NETWORKS:
            if not told.only or any(word in network.name for word in told.only):
                rows += _of(network, Path(folder))
    found = summary(rows)
    found["seconds"] = round(time.perf_counter() - began, 1)
    print("\n".join(f"{key}: {value}" for key, value in found.items()))
    if not told.only:
        print(keep("mutations", {**found, "rows": rows}))


def _of(network: Network, folder: Path) -> list[Row]:
    bundle = folder / network.name.replace("/", "_")
    files = network.paths(folder)
    porter.convert(files, to="torch", out=bundle, verify=False, source_backend=network.backend)
    rows = [_row(network, None, files, bundle, set())]
    for mutation in MUTATIONS:
        mutant = folder / "mutant"
        if mutated(bundle, mutation, mutant):
            rows.append(_row(network, mutation, files, mutant, changed_layers(bundle, mutant)))
    for row in rows:
        print(" ".join(f"{key}={value}" for key, value in row.items()), flush=True)
    return rows


def _row(
    network: Network, mutation: Mutation | None, files: list[Path], bundle: Path, blame: set[str]
) -> Row:
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
        "mistake": mutation.name if mutation is not None else "",
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
