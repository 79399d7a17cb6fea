"""Faithful ports of all of keras.applications to all three targets, verified in one process for each network.

    python -m scripts.bench.calibration_together [--to torch jax tf] [--only NAME ...] [--again]

`calibration.py` verifies as users do, in several processes and on two sets of made inputs, which takes
minutes for each network and target. This one takes the same road, but the source is opened once for all
targets, and networks of keras.applications see one batch of small images, of those that their statistics were
fitted to. The other cases see the inputs that are made for them. Every finished row is kept; a later run goes
on from there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from porter.workers.bundle_module import own_module
from scripts.bench.calibration import Case, Row, build, cases, figures, summary
from scripts.bench.measure import ROOT, keep, kept, megabytes, python
from tests.compare.in_process import InProcess

FILE, TARGETS, IMAGES = "calibration_together", ("torch", "jax", "tf"), 3

FAMILIES = """MobileNet MobileNetV2 MobileNetV3Small NASNetMobile EfficientNetB0 EfficientNetV2B0 ResNet50
ResNet50V2 DenseNet121 InceptionV3 Xception ConvNeXtTiny VGG16 InceptionResNetV2""".split()
LARGE = """EfficientNetB5 EfficientNetB6 EfficientNetB7 EfficientNetV2M EfficientNetV2L ConvNeXtLarge
ConvNeXtXLarge NASNetLarge""".split()
"""One of each family comes first, then their kin, the largest last."""


class Together(InProcess):
    """A worker in this process, by the runner's own settings. A source that was opened serves again."""

    sources: ClassVar[dict[str, Any]] = {}

    def opened(self) -> Any:
        runner = importlib.import_module(self.job.runner)
        runner.import_bundle = own_module  # type: ignore[attr-defined]  # porter's way of it hides porter
        if "bundle" in self.job.model:
            return runner.load(self.job.model)
        key = json.dumps(self.job.model, sort_keys=True)
        if key not in self.sources:
            self.sources[key] = runner.load(self.job.model)
        return self.sources[key]


def made(case: Case, folder: Path) -> tuple[Path, Path | None]:
    """The model of a case, and its inputs where they are not left to porter (runs Keras)."""
    if case.kind == "fixture":
        return ROOT / "fixtures" / case.model, None
    file = folder / "model.keras"
    if case.kind == "built":
        build(case.model, file)
        return file, None
    prepare = importlib.import_module("scripts.bench.prepare")
    model, inputs, _ = prepare.prepare(case.model, full=False)
    model.save(file)
    np.savez(folder / "io.npz", x0=inputs[:IMAGES])
    return file, folder / "io.npz"


def rows_of(case: Case, targets: Iterable[str], out: Path) -> None:
    """A line of `out` for each target; this process is for one case alone."""
    import porter
    from porter.verification import contestant

    threading = importlib.import_module("tensorflow").config.threading
    threading.set_intra_op_parallelism_threads(1)  # as porter has it, which is too late after the first op
    threading.set_inter_op_parallelism_threads(1)
    contestant.start = Together  # type: ignore[assignment]
    with tempfile.TemporaryDirectory(prefix="porter-calibration-") as name:
        folder = Path(name)
        began = time.perf_counter()
        model, inputs = made(case, folder)
        spent = round(time.perf_counter() - began, 1)
        for target in targets:
            began = time.perf_counter()
            bundle = folder / "bundle"
            done = porter.convert(model, to=target, out=bundle, inputs=inputs, dtype=case.dtype)
            row: Row = {"case": case.name, "to": target, "kind": case.kind}
            row |= {"preparing_seconds": spent, "seconds": round(time.perf_counter() - began, 1)}
            row["peak_MB"] = megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
            if done.verification is None:
                row["problem"] = "; ".join(done.notices)[:200]
            else:
                row |= figures(json.loads(json.dumps(done.verification.to_dict())))
            with out.open("a") as file:
                file.write(json.dumps(row) + "\n")
            shutil.rmtree(bundle)


def bench(case: Case, targets: Iterable[str]) -> list[Row]:
    """The rows of one case; those that its process did not come to have the reason in `problem`."""
    with tempfile.TemporaryDirectory(prefix="porter-calibration-") as name:
        out, problem = Path(name) / "rows", ""
        try:
            python("scripts.bench.calibration_together", "--case", case.name, out, "--to", *targets)
        except RuntimeError as error:
            problem = str(error)[-200:]
        rows: list[Row] = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    seen = {row["to"] for row in rows}
    lost = [to for to in targets if to not in seen]
    return rows + [{"case": case.name, "to": to, "kind": case.kind, "problem": problem} for to in lost]


def told(rows: list[Row]) -> Mapping[str, Any]:
    """The figures that are published, target by target."""
    return {to: summary([row for row in rows if row["to"] == to]) for to in TARGETS}


SETTINGS = {"TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
"""What porter's own processes are told, too."""

COMPILED = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
}
"""Networks of a family are made of the same operations, which XLA need compile but once."""


def _order(case: Case) -> int:
    if case.kind != "applications":
        return -1
    ranks = {name: len(FAMILIES) + 1 + place for place, name in enumerate(LARGE)}
    ranks |= {name: place for place, name in enumerate(FAMILIES)}
    return ranks.get(case.model, len(FAMILIES))


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--to", nargs="+", default=TARGETS, choices=TARGETS)
    cli.add_argument("--only", nargs="+", default=[], help="cases whose name contains one of these words")
    cli.add_argument("--kind", nargs="+", help="only such cases: fixture, built, applications")
    cli.add_argument("--again", action="store_true", help="also what an earlier run has done")
    cli.add_argument("--case", nargs=2, metavar=("NAME", "FILE"), help="only this case; rows go to the file")
    asked = cli.parse_args()
    if asked.case:
        case = next(one for one in cases() if one.name == asked.case[0])
        rows_of(case, asked.to, Path(asked.case[1]))
        return
    compiled = tempfile.TemporaryDirectory(prefix="porter-compiled-")
    os.environ.update(SETTINGS, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    os.environ.update(COMPILED, JAX_COMPILATION_CACHE_DIR=compiled.name)
    rows: list[Row] = (kept(FILE) or {"rows": []})["rows"]
    done = set() if asked.again else {(row["case"], row["to"]) for row in rows if "problem" not in row}
    for case in sorted(cases(), key=_order):
        left = [to for to in asked.to if (case.name, to) not in done]
        chosen = not asked.only or any(word in case.name for word in asked.only)
        if not left or not chosen or (asked.kind and case.kind not in asked.kind):
            continue
        new = bench(case, left)
        keys = {(row["case"], row["to"]) for row in new}
        rows = [row for row in rows if (row["case"], row["to"]) not in keys] + new
        keep(FILE, {**told(rows), "rows": rows})
        for row in new:
            print(" ".join(f"{key}={value}" for key, value in row.items()), flush=True)
    print(json.dumps(told(rows), indent=1), file=sys.stderr)


if __name__ == "__main__":
    main()
