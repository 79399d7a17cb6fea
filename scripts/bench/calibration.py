"""Faithful ports, verified as users verify them: how far from the limits they stay, whether one is accused.

    python -m scripts.bench.calibration [--to torch] [--only NAME ...] [--again]

Every network of keras.applications (small images, weights that make its output depend on its input), the
fixtures, deep recurrent networks, a saturated softmax, weights in float16 and bfloat16. Source and target run
in processes of their own. Every finished row is kept at once; a later run takes up where one stopped.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from porter.compare.verdict import LAYER_LIMIT, LIMIT
from scripts.bench.measure import ROOT, keep, kept, measured, megabytes, porter, python
from scripts.bench.prepare import names

Row = dict[str, Any]

FIXTURES = """demo_cnn resnet_small efficientnet_small unet_small bilstm_classifier text_conv1d
multi_io""".split()

BUILT = ("deep_lstm", "deep_gru", "deep_bidirectional", "saturated_softmax")
"""Made here."""


@dataclass(frozen=True)
class Case:
    """One conversion to be verified."""

    name: str
    kind: str  # where the model comes from
    model: str
    dtype: str = "keep"


def cases() -> Iterator[Case]:
    """All of them, the quick ones first."""
    yield from (Case(name, "fixture", name) for name in FIXTURES)
    yield from (Case(name, "built", name) for name in BUILT)
    for dtype in ("float16", "bfloat16"):
        yield from (Case(f"{name} in {dtype}", "fixture", name, dtype) for name in ("unet_small", "demo_cnn"))
        yield from (Case(f"{name} in {dtype}", "built", name, dtype) for name in BUILT)
    yield from (Case(name, "applications", name) for name in names())


def build(name: str, file: Path) -> None:
    """The networks that are made here (runs Keras)."""
    import keras

    keras.utils.set_random_seed(3)
    if name == "saturated_softmax":
        x = made = keras.Input((9, 7, 2))
        x = keras.layers.Flatten()(keras.layers.Conv2D(8, 3, activation="relu")(x))
        model = keras.Model(made, keras.layers.Dense(10, activation="softmax", name="scores")(x))
        kernel = model.get_layer("scores").kernel
        kernel.assign(40 * kernel.numpy())
    else:
        kind = keras.layers.GRU if name == "deep_gru" else keras.layers.LSTM
        both = keras.layers.Bidirectional if name == "deep_bidirectional" else lambda layer: layer
        x = made = keras.Input((60, 8))
        for k in range(8):
            x = both(kind(24, return_sequences=k < 7))(x)
        model = keras.Model(made, keras.layers.Dense(4, activation="softmax")(x))
    rng = np.random.default_rng(4)
    for variable in model.variables:
        variable.assign(variable.numpy() + 0.05 * rng.standard_normal(variable.shape).astype("float32"))
    model.save(file)


def bench(case: Case, folder: Path, to: str) -> Row:
    """One row; a step that fails ends it with the reason in `problem`."""
    row: Row = {"case": case.name, "kind": case.kind}
    try:
        model = folder / "model.keras"
        if case.kind == "fixture":
            model = ROOT / "fixtures" / case.model
        elif case.kind == "built":
            python("scripts.bench.calibration", "--build", case.model, model)
        else:
            python("scripts.bench.prepare", case.model, folder)
        words = ["convert", model, "--to", to, "-o", folder / "out", "--dtype", case.dtype]
        done = measured(porter(*words, "--quiet"))
        row |= {"code": done.code, "seconds": round(done.seconds, 1), "peak_MB": megabytes(done.peak)}
        report = folder / "out" / "report.json"
        if report.exists():
            row |= figures(json.loads(report.read_text()))
        else:
            row["problem"] = (done.said.splitlines() or ["no report"])[-1][:200]
    except RuntimeError as error:
        row["problem"] = str(error)[:200]
    return row


def figures(report: Row) -> Row:
    """How near to the limits a verification came."""
    layers = [row for row in report["layers"] if row["b"] is not None]
    return {
        "equivalent": report["equivalent"],
        "a_times": worst(row["a"] for row in report["outputs"]),
        "b_times": worst(row["b"] for row in report["outputs"]),
        "layers": len(layers),
        "layer_times": worst(row["b"] for row in layers),
        "alone_times": worst(row["isolated"] for row in layers),
        "verify_seconds": report["environment"]["seconds"],
        **({} if report["equivalent"] else {"verdict": report["verdict"]}),
    }


def worst(distances: Any) -> float | None:
    """The largest multiple of the noise; None where there is nothing, inf where one cannot be compared."""
    told = [one["times"] for one in distances if one is not None]
    if None in told:
        return float("inf")
    return float(f"{max(told):.3g}") if told else None


def summary(rows: list[Row]) -> Row:
    """The figures that are published."""
    good = [row for row in rows if "equivalent" in row]
    keys = ("a_times", "b_times", "layer_times", "alone_times")
    most = {key: max((row[key] for row in good if row[key] is not None), default=None) for key in keys}
    return {
        "verified": len(good),
        "false_alarms": sum(not row["equivalent"] for row in good),
        "not_verified": [f"{row['case']}: {row['problem']}" for row in rows if "problem" in row],
        "furthest": most,
        "limits": [LIMIT, LAYER_LIMIT],
    }


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--to", default="torch")
    cli.add_argument("--only", nargs="+", default=[], help="cases whose name contains one of these words")
    cli.add_argument("--again", action="store_true", help="also what an earlier run has done")
    cli.add_argument("--build", nargs=2, metavar=("NAME", "FILE"), help="only save one of the networks")
    told = cli.parse_args()
    if told.build:
        build(told.build[0], Path(told.build[1]))
        return
    file = "calibration" if told.to == "torch" else f"calibration_{told.to}"
    rows: list[Row] = (kept(file) or {"rows": []})["rows"]
    done = set() if told.again else {row["case"] for row in rows if "problem" not in row}
    for case in cases():
        if case.name in done or (told.only and not any(word in case.name for word in told.only)):
            continue
        folder = Path(tempfile.mkdtemp(prefix="porter-calibration-"))
        row = bench(case, folder, told.to)
        shutil.rmtree(folder)
        rows = [other for other in rows if other["case"] != case.name] + [row]
        keep(file, {**summary(rows), "rows": rows})
        print(" ".join(f"{key}={value}" for key, value in row.items()), flush=True)
    print(summary(rows), file=sys.stderr)


if __name__ == "__main__":
    main()
