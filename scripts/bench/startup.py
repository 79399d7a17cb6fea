"""How long porter takes to start: `--help` over `python -c pass`, and `inspect` of a small model.

python -m scripts.bench.startup [--rounds 15]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time

from scripts.bench.measure import ROOT, keep, porter


def commands() -> dict[str, list[str]]:
    """What is timed, in the order of the table."""
    demo = ROOT / "fixtures" / "demo_cnn"
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "porter --help": porter("--help"),
        "porter inspect": porter("inspect", demo / "model.json", demo / "model.weights.h5", "--json"),
    }


def _seconds(command: list[str]) -> tuple[float, float]:
    """The time that a command takes, and how long a processor is busy with it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={name: told for name, told in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return seconds, busy


def main() -> None:
    """Time each command in turn, so that a slow moment hits all alike; medians are told, and the least time
    that a processor was busy, which says more where others are at work on the machine.

    The modules' bytecode is kept from the first round on, as it is where porter is installed.
    """
    cli = argparse.ArgumentParser(description=__doc__)
    cli.add_argument("--rounds", type=int, default=15)
    rounds = cli.parse_args().rounds
    timed = commands()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in timed}
    for _ in range(rounds + 1):
        for name, command in timed.items():
            times[name].append(_seconds(command))
    rows: dict[str, dict[str, float]] = {}
    for name, found in times.items():
        wall, busy = zip(*found[1:], strict=True)
        row = {"ms": 1e3 * statistics.median(wall), "busy ms": 1e3 * min(busy)}
        base = rows.get("python -c pass", row)
        row |= {f"{key} over python": value - base[key] for key, value in list(row.items())}
        rows[name] = {key: round(value, 1) for key, value in row.items()}
        print(f"{name:16}", *(f"{key}: {value:.1f}" for key, value in row.items()), sep="  ")
    load = round(os.getloadavg()[0], 1)
    print("kept in", keep("startup", {**rows, "others at work": load}))


if __name__ == "__main__":
    main()
