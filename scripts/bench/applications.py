"""All of keras.applications, converted by the command line and compared with Keras.

    python -m scripts.bench.applications [--to torch] [--only NAME ...] [--full] [--again]

Every finished row is kept at once; a later run takes up where an earlier one stopped.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench.measure import ROOT, keep, kept, measured, megabytes, porter, python
from scripts.bench.prepare import names, variation

Row = dict[str, Any]
_COLUMNS = ("network", "rel", "transposes", "seconds", "peak MB", "parameters", "varies", "problem")
_MOVES = re.compile(r"\.(?:permute|transpose|movedim|swapaxes)\(|torch\.(?:permute|transpose)\(")


def transposes(bundle: Path) -> int:
    """Transposes in the converted model: as its report counts them, else as its source has them."""
    for name in ("report.json", "porter.json"):
        path = bundle / name
        told = json.loads(path.read_text()).get("transposes") if path.exists() else None
        if told is not None:
            return told if isinstance(told, int) else len(told)
    return len(_MOVES.findall((bundle / "model.py").read_text()))


def _compare(bundle: Path, record: Path) -> tuple[float, float, int]:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.bench.run_bundle", str(bundle), str(record)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no word"])[-1])
    difference, scale, parameters = json.loads(done.stdout.strip().splitlines()[-1])
    return difference, scale, parameters


def bench(name: str, folder: Path, *, to: str, full: bool) -> Row:
    """One network's row; a step that fails ends it with the reason in `problem`."""
    row: Row = {"network": name}
    try:
        python("scripts.bench.prepare", name, folder, *(["--full"] if full else []))
        with np.load(folder / "io.npz") as record:
            row["varies"] = variation(record["y0"])
        bundle = folder / "bundle"
        command = porter("convert", folder / "model.keras", "--to", to, "-o", bundle, "--no-verify")
        done = measured(command)
        row |= {"seconds": round(done.seconds, 2), "peak MB": megabytes(done.peak)}
        if done.code:
            raise RuntimeError(f"convert: {(done.said.splitlines() or ['no word'])[0]}")
        difference, scale, row["parameters"] = _compare(bundle, folder / "io.npz")
        row |= {"rel": difference / scale, "transposes": transposes(bundle)}
    except RuntimeError as problem:
        row["problem"] = str(problem)[:300]
    return row


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2g}" if value < 0.1 else f"{value:.1f}"
    return "" if value is None else str(value)


def table(rows: list[Row]) -> str:
    """The rows for people, with a summary line."""
    cells = [list(_COLUMNS)] + [[_cell(row.get(name)) for name in _COLUMNS] for row in rows]
    widths = [max(len(line[k]) for line in cells) for k in range(len(_COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    done = [row for row in rows if "rel" in row]
    worst = max((row["rel"] for row in done), default=float("nan"))
    return "\n".join([*lines, f"{len(done)} of {len(rows)} convert; largest rel {worst:.2g}"])


def main() -> None:
    """Bench the named networks, or all that have no row yet."""
    cli = argparse.ArgumentParser(description=__doc__)
    cli.add_argument("--to", choices=("torch", "jax"), default="torch", help="the target")
    cli.add_argument("--only", nargs="+", metavar="NAME", help="these networks, done before or not")
    cli.add_argument("--full", action="store_true", help="at the constructors' own input sizes")
    cli.add_argument("--again", action="store_true", help="forget the rows of earlier runs")
    cli.add_argument("--keep", type=Path, help="leave models and bundles in this folder")
    told = cli.parse_args()
    result = "_".join(["applications", *([told.to] * (told.to != "torch")), *(["full"] * told.full)])
    rows: dict[str, Row] = {} if told.again else {row["network"]: row for row in kept(result) or []}
    for name in told.only or [name for name in names() if "rel" not in rows.get(name, {})]:
        folder = (told.keep or Path(tempfile.mkdtemp(prefix="porter-bench-"))) / name
        rows[name] = bench(name, folder, to=told.to, full=told.full)
        keep(result, list(rows.values()))
        print(name, *(f"{k}={_cell(v)}" for k, v in rows[name].items() if k != "network"), flush=True)
        if told.keep is None:
            shutil.rmtree(folder.parent)
    print(table([rows[name] for name in sorted(rows)]))


if __name__ == "__main__":
    main()
