"""What verifying costs: time over running both models once, memory against a budget, a long report.

python -m scripts.bench.verify_cost [--side 256] [--layers 40] [--budget 300MiB]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import porter
from porter import report
from porter.cli.values import memory
from porter.sides import side
from porter.source_model import ReadRequest
from porter.workers import start
from scripts.bench.measure import ROOT, keep, measured, megabytes, python
from scripts.bench.measure import porter as command
from tests.report.facts import comparison


def overhead(folder: Path) -> dict[str, Any]:
    """Verifying a bundle, against starting both frameworks and running both models once."""
    source = ROOT / "fixtures" / "resnet_small"
    bundle = porter.convert(source, to="torch", out=folder / "resnet", verify=False).path
    began = time.perf_counter()
    for path in (source, bundle):
        told = side(ReadRequest((path,)))
        with start(told.job()) as worker:
            shapes = [[8 if dim is None else dim for dim in _sizes(value)] for value in told.graph.inputs]
            worker.feed([[np.ones(shape, "float32") for shape in shapes]])
            worker.result()
    once = time.perf_counter() - began
    began = time.perf_counter()
    found = porter.verify(source, bundle)
    verifying = time.perf_counter() - began
    return {
        "model": "resnet_small",
        "run_both_once_seconds": round(once, 1),
        "verify_seconds": round(verifying, 1),
        "ratio": round(verifying / once, 2),
        "layers": len(found.layers),
    }


def _sizes(value: Any) -> list[int | None]:
    return [dim if isinstance(dim, int) else None for dim in value.shape]


def within_budget(folder: Path, edge: int, layers: int, budget: str) -> dict[str, Any]:
    """The peak of porter's own process on a deep network of large images, whose layers do not fit at once."""
    python("scripts.bench.verify_cost", "--build", folder / "deep.keras", "--side", edge, "--layers", layers)
    model, bundle = folder / "deep.keras", folder / "deep"
    measured(command("convert", model, "--to", "torch", "-o", bundle, "--no-verify", "--quiet"))
    done = measured(command("verify", model, bundle, "--memory", budget, "--report", folder, "--quiet"))
    facts = json.loads((folder / "report.json").read_text())
    all_layers = sum(int(np.prod(row["shape"])) * 4 for row in facts["layers"] if row["b"] is not None)
    return {
        "network": f"{layers} convolutions at {edge} x {edge}",
        "code": done.code,
        "budget_MB": megabytes(memory(budget)),
        "peak_MB": megabytes(facts["environment"]["memory"]["peak_bytes"]),
        "peak_of_all_processes_MB": megabytes(done.peak),
        "all_layers_of_b_MB": megabytes(all_layers),
        "layers": len(facts["layers"]),
        "seconds": round(done.seconds, 1),
    }


def build(file: Path, edge: int, layers: int) -> None:
    """A deep network of large images (runs Keras)."""
    import keras

    x = made = keras.Input((edge, edge, 3))
    for k in range(layers):
        x = keras.layers.Conv2D(16, 3, padding="same", activation="relu", name=f"conv_{k}")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    keras.Model(made, keras.layers.Dense(4)(x)).save(file)


def writing(folder: Path, layers: int = 1000) -> dict[str, Any]:
    """The time and the size of the report of a deep network."""
    found = comparison(wrong_from=layers // 2, layers=layers)
    began = time.perf_counter()
    report.write(folder, found)
    seconds = time.perf_counter() - began
    sizes = {name: megabytes((folder / name).stat().st_size) for name in (report.HTML, report.JSON)}
    return {"layers": layers, "seconds": round(seconds, 2), "MB": sizes}


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--side", type=int, default=256)
    cli.add_argument("--layers", type=int, default=40)
    cli.add_argument("--budget", default="300MiB")
    cli.add_argument("--build", type=Path, metavar="FILE", help="only save the deep network")
    told = cli.parse_args()
    if told.build:
        build(told.build, told.side, told.layers)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {
            "report": writing(folder),
            "overhead": overhead(folder),
            "memory": within_budget(folder, told.side, told.layers, told.budget),
        }
    print(json.dumps(found, indent=1))
    print(keep("verify_cost", found))


if __name__ == "__main__":
    main()
