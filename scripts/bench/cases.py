"""Folders of cases, each a saved model with recorded outputs: converted and run in one process.

    python -m scripts.bench.cases FOLDER... --to torch [--only TEXT] [--part 1/3] [--json FILE]

A case is a folder with `io.npz` (x0, x1, ..., y0, y1, ...) and either saved files or a `case.json` that names
them. Quicker by far than a process for each, so that thousands of cases are measured in minutes. Exits 1 when
any case fails.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np

PAIRS = [("model.json", "weights.h5"), ("model.json", "model.weights.h5"), ("model.json", "model.h5")]
WHOLE = ["full.h5", "model.keras", "model.h5", "model.hdf5"]

Told = dict[str, Any]


def sources(case: Path) -> Iterator[Told]:
    """What a case asks to be converted."""
    if (case / "case.json").exists():
        told = json.loads((case / "case.json").read_text())
        yield from told if isinstance(told, list) else [told]
        return
    pair = next((pair for pair in PAIRS if all((case / name).exists() for name in pair)), ())
    if pair:
        yield {"source": list(pair)}
    yield from ({"source": [name]} for name in WHOLE if (case / name).exists() and name not in pair)


def converted(case: Path, told: Told, to: str, out: Path) -> str:
    """Converts as the command line does; what it says where it does not."""
    from porter.cli.main import main

    files = []
    for name in told["source"]:
        file, _, function = name.partition(":")
        files.append(f"{case / file}:{function}" if function else str(case / file))
    extra = [str(case / word) if (case / word).exists() else word for word in told.get("args", ())]
    words = ["convert", *files, "--to", to, "-o", str(out), "--io-layout", "source", "--no-verify", "--quiet"]
    words += ["--from", told["from"]] if "from" in told else []
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        code = main([*words, *extra])
    return "" if code == 0 else f"exit {code}: {said.getvalue().strip()[:400]}"


def loaded(bundle: Path) -> Any:
    """The bundle's model, by its own code."""
    spec = importlib.util.spec_from_file_location("case_bundle", bundle / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["case_bundle"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load()


def outputs(bundle: Path, to: str, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """What the bundle says to these inputs."""
    model = loaded(bundle)
    if to == "torch":
        import torch

        with torch.no_grad():
            found = model(*(torch.from_numpy(np.ascontiguousarray(x)) for x in inputs))
    elif to == "jax":
        import jax.numpy as jnp

        found = model(*map(jnp.asarray, inputs))
    else:
        found = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    listed = list(found.values()) if isinstance(found, dict) else found
    listed = list(listed) if isinstance(listed, (list, tuple)) else [listed]
    return [np.asarray(one.detach() if hasattr(one, "detach") else one) for one in listed]


def verdict(case: Path, told: Told, to: str, folder: Path) -> tuple[str, float]:
    """What is wrong, if anything, and the difference over the scale of the outputs."""
    data = np.load(case / "io.npz")
    given = [data[f"x{k}"] for k in range(sum(name[0] == "x" and name[1:].isdigit() for name in data.files))]
    wanted = [data[f"y{k}"] for k in range(sum(name[0] == "y" and name[1:].isdigit() for name in data.files))]
    out = folder / "bundle"
    problem = converted(case, told, to, out)
    if problem:
        return problem, float("nan")
    found = outputs(out, to, given)
    if [one.shape for one in found] != [one.shape for one in wanted]:
        return f"shapes {[one.shape for one in found]}, recorded {[one.shape for one in wanted]}", float(
            "nan"
        )
    pairs = [(a.astype("f8"), b.astype("f8")) for a, b in zip(found, wanted, strict=True)]
    if not all(np.isfinite(a).all() == np.isfinite(b).all() for a, b in pairs):
        return "not finite", float("nan")
    apart = max(float(np.max(np.abs(a - b), initial=0)) for a, b in pairs)
    scale = max(float(np.max(np.abs(b), initial=0)) for _, b in pairs)
    limit = told.get("rtol", 1e-4) * scale + 1e-6
    return ("" if apart <= limit else f"differs by {apart:.3g}, allowed {limit:.3g}"), apart / (scale or 1)


def forget(to: str) -> None:
    """Frees what a framework keeps of a model."""
    if to == "jax":
        import jax

        jax.clear_caches()
    elif to == "tf" and "keras" in sys.modules:
        sys.modules["keras"].backend.clear_session()


def main() -> int:
    """Runs the cases; 1 when one fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--to", required=True)
    parser.add_argument("--only", default="", help="part of a case's path")
    parser.add_argument("--part", default="1/1", help="k/n: every n-th case, beginning with the k-th")
    parser.add_argument("--json", type=Path, help="every row goes here")
    parser.add_argument("--verbose", action="store_true", help="show what passes, too")
    told = parser.parse_args()
    start, step = map(int, told.part.split("/"))
    cases = sorted({file.parent for root in told.folders for file in root.rglob("io.npz")})
    rows = []
    for case in [case for case in cases if told.only in str(case)][start - 1 :: step]:
        for number, source in enumerate(sources(case)):
            folder = Path(tempfile.mkdtemp(prefix="cases-"))
            try:
                problem, apart = verdict(case, source, told.to, folder)
            except Exception as error:  # noqa: BLE001 - one case's fault is its row
                last = traceback.extract_tb(error.__traceback__)[-1]
                where = f"{Path(last.filename).name}:{last.lineno}"
                problem, apart = f"{type(error).__name__} at {where}: {error!s:.300}", float("nan")
            shutil.rmtree(folder)
            forget(told.to)
            name = f"{case.parent.name}/{case.name}" + (f"#{number}" if number else "")
            rows.append({"case": name, "to": told.to, "problem": problem, "relative": apart})
            if problem or told.verbose:
                print(f"{'FAIL' if problem else 'ok  '} {name}: {problem or f'{apart:.2g}'}", flush=True)
    failed = sum(bool(row["problem"]) for row in rows)
    print(f"{told.to}: {len(rows) - failed} of {len(rows)} pass", flush=True)
    if told.json:
        told.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
