"""torchvision's, timm's and transformers' networks with random weights, each converted to all three and run.

    python -m scripts.bench.torch_models [--to tf jax torch] [--only TEXT ...] [--again]

Every finished row is kept at once; a later run takes up where an earlier one stopped, and fills in targets
that an earlier one was not asked for.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # compiled once, run once

import numpy as np

from scripts.bench.cases import loaded
from scripts.bench.measure import keep, kept
from scripts.bench.torch_zoo import Make, timm_models, torchvision_models
from scripts.bench.transformers_zoo import transformers_models

Row = dict[str, Any]

FILE = "torch_models"
FAMILIES = {"torchvision": torchvision_models, "timm": timm_models, "transformers": transformers_models}


def enliven(module: Any) -> None:
    """Statistics and scales that are not all alike: a mistake in them must show."""
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, torch.nn.modules.batchnorm._BatchNorm) and part.running_mean is not None:
                part.running_mean.normal_(0, 0.1)
                part.running_var.uniform_(0.5, 1.5)
        for (
            held
        ) in module.parameters():  # heads of zeros and scales of a millionth would hide all before them
            if held.is_floating_point() and held.numel() and bool((held == held.flatten()[0]).all()):
                held.add_(torch.randn_like(held) * 0.1)


def bench(name: str, make: Make, targets: list[str]) -> Row:
    """One network's row: what reading it took, and a row for each target."""
    import torch

    from porter.errors import PorterError
    from porter.frameworks import live
    from porter.graph.ops.reshaping import Transpose
    from porter.source_model import LiveModel

    row: Row = {"network": name}
    began = time.perf_counter()
    try:
        module, inputs = make()
        module.eval()
        enliven(module)
        with torch.no_grad():
            found = torch.utils._pytree.tree_leaves(module(*inputs))
        truth = [one.numpy() for one in found if isinstance(one, torch.Tensor)]
        row["parameters"] = sum(one.numel() for one in module.parameters())
        began = time.perf_counter()
        reader = live(module).read_live
        assert reader is not None
        source = reader(LiveModel(module, inputs))
    except PorterError as fault:
        row["problem"] = _said(fault)
        return row
    except Exception as fault:  # noqa: BLE001 - one network's fault is its row
        row["problem"] = _crash(fault)
        return row
    row["read s"] = round(time.perf_counter() - began, 1)
    row["transposes in the source"] = sum(isinstance(node.op, Transpose) for node in source.graph.nodes)
    row["fixed batch"] = any("batch is fixed" in notice for notice in source.notices)
    for to in targets:
        row[to] = _target(source, to, [one.numpy() for one in inputs], truth)
    row["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return row


def _target(source: Any, to: str, inputs: list[np.ndarray], truth: list[np.ndarray]) -> Row:
    """Seconds to write a bundle, transposes left in it, and how far its outputs are from the module's."""
    from porter import pipeline
    from porter.bundle import transposes
    from porter.errors import PorterError
    from porter.frameworks import target

    row: Row = {}
    began = time.perf_counter()
    try:
        laid, _ = pipeline.write(source, target(to), pipeline.Options("native"))
        row["transposes"] = len(transposes(laid))
        with tempfile.TemporaryDirectory(dir=os.environ.get("ZOO_DIR")) as folder:
            began = time.perf_counter()
            pipeline.convert(source, target(to), Path(folder) / "out", pipeline.Options("source"))
            row["seconds"] = round(time.perf_counter() - began, 1)
            row["rel"] = _difference(_outputs(Path(folder) / "out", to, inputs), truth)
    except PorterError as fault:
        row["problem"] = _said(fault)
    except Exception as fault:  # noqa: BLE001
        row["problem"] = _crash(fault)
    _forget(to)
    return row


def _said(fault: Any) -> str:
    reasons = sorted({str(problem) for problem in fault.problems}) or [str(fault)]
    return "; ".join(reasons)[:900]


def _crash(fault: BaseException) -> str:
    import traceback

    last = traceback.extract_tb(fault.__traceback__)[-1]
    return f"CRASH {type(fault).__name__} at {Path(last.filename).name}:{last.lineno}: {str(fault)[:500]}"


def _outputs(bundle: Path, to: str, inputs: list[np.ndarray]) -> list[np.ndarray]:
    model = loaded(bundle)
    if to == "torch":
        import torch

        with torch.no_grad():
            found = model(*map(torch.from_numpy, inputs))
    elif to == "jax":
        import jax
        from flax import nnx

        with jax.default_matmul_precision("highest"):
            found = nnx.jit(model)(*inputs)
    else:
        found = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    listed = found if isinstance(found, (list, tuple)) else [found]
    return [np.asarray(one) for one in listed]


def _difference(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    worst = 0.0
    for got, want in zip(ours, theirs, strict=True):
        if got.shape != want.shape:
            raise ValueError(f"shapes {got.shape}, wanted {want.shape}")
        apart = np.abs(got.astype("float64") - want.astype("float64")).max(initial=0)
        worst = max(worst, float(apart / max(np.abs(want.astype("float64")).max(initial=0), 1e-12)))
    return float(f"{worst:.2e}")


def _forget(to: str) -> None:
    """Frees what a framework keeps of a model."""
    sys.modules.pop("case_bundle", None)
    if to == "jax":
        import jax

        jax.clear_caches()
    elif to == "tf" and "keras" in sys.modules:
        sys.modules["keras"].backend.clear_session()
    gc.collect()


def summary(rows: list[Row], targets: list[str]) -> str:
    """How many of each family came through."""
    lines = []
    for family in FAMILIES:
        own = [row for row in rows if row["network"].startswith(family)]
        for to in targets:
            done = [row[to] for row in own if to in row and "problem" not in row[to]]
            exact = sum(row["rel"] <= 1e-5 for row in done)
            free = sum(row["transposes"] == 0 for row in done)
            rest = f"{exact} within 1e-5, {free} without transposes"
            lines.append(f"{family} to {to}: {len(done)} of {len(own)} run, {rest}")
    return "\n".join(lines)


def main() -> int:
    """Rows for all networks that are asked for."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--to", nargs="*", choices=("tf", "torch", "jax"), default=["tf", "jax", "torch"])
    cli.add_argument("--only", nargs="*", default=[])
    cli.add_argument("--file", default=FILE, help="name of the results")
    cli.add_argument("--again", action="store_true", help="forget the rows that are asked for")
    told = cli.parse_args()
    warnings.simplefilter("ignore")
    listed: list[tuple[str, Make]] = []
    for family, models in FAMILIES.items():
        try:
            with contextlib.redirect_stdout(sys.stderr):
                listed += models()
        except ImportError as missing:
            print(f"{family} is not installed here ({missing}): not measured", file=sys.stderr)
    rows: list[Row] = kept(told.file) or []
    wanted = [
        (name, make) for name, make in listed if not told.only or any(part in name for part in told.only)
    ]
    if told.again:
        rows = [row for row in rows if row["network"] not in dict(wanted)]
    for name, make in wanted:
        known = next((row for row in rows if row["network"] == name), {})
        targets = [to for to in told.to if to not in known]
        if not targets or "problem" in known:
            continue
        latest = known | bench(name, make, targets)
        rows = sorted((row for row in [*rows, latest] if row is not known), key=lambda row: row["network"])
        keep(told.file, rows)
        print(*(f"{key}={value}" for key, value in latest.items()), flush=True)
    print(summary(rows, told.to))
    return 0


if __name__ == "__main__":
    sys.exit(main())
