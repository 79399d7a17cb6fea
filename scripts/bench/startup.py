"""How long porter takes to start: `--help` over `python -c pass`, and `inspect` of a small model.

python -m scripts.bench.startup [--rounds 15]
"""

from __future__ import annotations

import argparse
import os
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


def _seconds(command: list[str]) -> float:
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
    return seconds


def main() -> None:
    """Time each command in turn, so that a slow moment hits all alike; medians are told.

    The modules' bytecode is kept from the first round on, as it is where porter is installed.
    """
    cli = argparse.ArgumentParser(description=__doc__)
    cli.add_argument("--rounds", type=int, default=15)
    rounds = cli.parse_args().rounds
    timed = commands()
    times: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds + 1):
        for name, command in timed.items():
            times[name].append(_seconds(command))
    base = statistics.median(times["python -c pass"][1:])
    rows = {}
    for name, seconds in times.items():
        median = statistics.median(seconds[1:])
        rows[name] = {
            "ms": round(1e3 * median, 1),
            "ms over python": round(1e3 * (median - base), 1),
        }
        print(f"{name:16} {1e3 * median:7.1f} ms, {1e3 * (median - base):7.1f} ms over python -c pass")
    print("kept in", keep("startup", rows))


if __name__ == "__main__":
    main()
