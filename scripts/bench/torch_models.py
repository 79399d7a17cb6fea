"""torchvision's and timm's networks with random weights: read, laid out for the target, written and run.

    python -m scripts.bench.torch_models [--to jax] [--only TEXT ...] [--read-only] [--again]

The two packages are no part of the development environment: where they are absent this says so. Every
finished row is kept at once; a later run takes up where an earlier one stopped.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from scripts.bench.measure import keep, kept

Row = dict[str, Any]
Made = tuple[Any, tuple[Any, ...]]

SKIPPED = "quantized_ rcnn ssd retina fcos".split()
"""Detectors sort and drop boxes: how many come out depends on the numbers."""

LARGE = """
vit_h vit_l regnet_y_128 regnet_y_32 convnext_large swin_b swin_v2_b efficientnet_b5
efficientnet_b6 efficientnet_b7 efficientnet_v2_l efficientnet_v2_m resnet152 densenet201 vgg19
vgg16 regnet_x_32 regnet_x_16 wide_resnet101 resnext101 swin3d_b
""".split()


def torchvision_models() -> Iterator[tuple[str, Callable[[], Made]]]:
    """Classification, segmentation, video and flow; the giants are left out."""
    import torch

    library = torch.library.Library("torchvision", "DEF")  # its C++ part does not load without CUDA
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

    for name in torchvision.models.list_models():
        if any(part in name for part in (*SKIPPED, *LARGE)) and "fcn" not in name:
            continue
        yield f"torchvision/{name}", lambda name=name: _torchvision(name)


def _torchvision(name: str) -> Made:
    import torch
    import torchvision

    plain = {"weights_backbone": None} if any(k in name for k in ("fcn", "lraspp", "deeplab")) else {}
    module = torchvision.models.get_model(name, weights=None, **plain)
    size = 299 if "inception" in name else 224
    if name.startswith(("mvit", "swin3d", "r3d", "mc3", "r2plus1d", "s3d")):
        return module, (torch.randn(2, 3, 16, size, size),)
    if name.startswith("raft"):
        return module, (torch.randn(2, 3, 128, 128), torch.randn(2, 3, 128, 128))
    return module, (torch.randn(2, 3, size, size),)


def timm_models() -> Iterator[tuple[str, Callable[[], Made]]]:
    """One small network of each family."""
    import timm

    families: dict[str, list[str]] = {}
    for name in timm.list_models():
        families.setdefault(timm.models._registry._model_to_module.get(name, "?"), []).append(name)
    small = ("atto", "femto", "pico", "nano", "tiny", "small", "xxs", "_t", "_s")
    for family, names in sorted(families.items()):
        names.sort(key=lambda name: (not any(word in name for word in small), len(name), name))
        yield f"timm/{family}/{names[0]}", lambda name=names[0]: _timm(name)


def _timm(name: str) -> Made:
    import timm
    import torch

    module = timm.create_model(name, pretrained=False)
    return module, (torch.randn(2, *module.default_cfg.get("input_size", (3, 224, 224))),)


def enliven(module: Any) -> None:
    """Statistics and scales that are not all alike: a mistake in them must show."""
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, torch.nn.modules.batchnorm._BatchNorm) and part.running_mean is not None:
                part.running_mean.normal_(0, 0.1)
                part.running_var.uniform_(0.5, 1.5)
                if part.weight is not None:
                    part.weight.uniform_(0.6, 1.4)
                    part.bias.normal_(0, 0.1)


def bench(name: str, make: Callable[[], Made], to: str, *, run: bool) -> Row:
    """One network's row; a step that fails ends it with the reason in `problem`."""
    import torch

    from porter import pipeline
    from porter.bundle import transposes
    from porter.errors import GraphError, PorterError
    from porter.frameworks import live, target
    from porter.graph.ops.reshaping import Transpose
    from porter.source_model import LiveModel

    row: Row = {"network": name}
    began = time.perf_counter()
    try:
        module, inputs = make()
        module.eval()
        enliven(module)
        reader = live(module).read_live
        assert reader is not None
        source = reader(LiveModel(module, inputs))
        row["read s"] = round(time.perf_counter() - began, 1)
        row["in the source"] = sum(isinstance(node.op, Transpose) for node in source.graph.nodes)
        laid, written = pipeline.write(source, target(to), pipeline.Options("native"))
        row["transposes"] = len(transposes(laid))
        row["fixed batch"] = any("batch is fixed" in notice for notice in source.notices)
        row["seconds"] = round(time.perf_counter() - began, 1)
        if run:
            with torch.no_grad():
                truth = [
                    part
                    for part in torch.utils._pytree.tree_leaves(module(*inputs))
                    if hasattr(part, "shape")
                ]
            row["rel"] = _difference(written, laid, inputs, truth, to)
    except (PorterError, GraphError, RuntimeError, TypeError, ValueError, AttributeError, KeyError) as fault:
        row["problem"] = f"{type(fault).__name__}: {str(fault)[:600]}"
    row["seconds"] = round(time.perf_counter() - began, 1)
    row["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return row


def _difference(written: Any, laid: Any, inputs: Any, truth: Any, to: str) -> float:
    given = [x.numpy().transpose(layout.perm) for x, layout in zip(inputs, laid.inputs, strict=True)]
    run = {"jax": _run_jax, "torch": _run_torch}[to]
    outputs = run(written, given)
    worst = 0.0
    for ours, theirs, layout in zip(outputs, truth, laid.outputs, strict=True):
        want = theirs.numpy().astype("float64")
        got = np.asarray(ours, "float64").transpose(np.argsort(layout.perm))
        assert got.shape == want.shape, (got.shape, want.shape)
        worst = max(worst, float(np.abs(got - want).max() / max(np.abs(want).max(), 1e-12)))
    return worst


def _space(written: Any) -> tuple[dict[str, Any], Any]:
    space: dict[str, Any] = {"__name__": "written", "__file__": "model.py"}
    exec(compile(written.source, "model.py", "exec"), space)
    kinds = [kind for kind in space.values() if isinstance(kind, type) and kind.__module__ == "written"]
    return space, kinds[-1]


def _run_torch(written: Any, given: Any) -> list[Any]:
    import torch

    _, kind = _space(written)
    model = kind()
    model.load_state_dict(
        {k: torch.from_numpy(np.array(w.tensor.read())) for k, w in written.weights.items()}
    )
    with torch.no_grad():
        outputs = model.eval()(*map(torch.from_numpy, map(np.ascontiguousarray, given)))
    return list(outputs) if isinstance(outputs, tuple) else [outputs]


def _run_jax(written: Any, given: Any) -> list[Any]:
    import jax
    from flax import nnx

    space, kind = _space(written)
    with jax.default_matmul_precision("highest"):
        model = kind(rngs=nnx.Rngs(0)) if "rngs" in getattr(kind.__init__, "__annotations__", ()) else kind()
        space["set_weights"](model, {k: w.tensor.read() for k, w in written.weights.items()})
        model.eval()
        outputs = nnx.jit(model)(*given)
    return list(outputs) if isinstance(outputs, tuple) else [outputs]


def main() -> int:
    """Rows for all networks that are asked for."""
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--to", choices=("torch", "jax"), default="jax")
    cli.add_argument("--only", nargs="*", default=[])
    cli.add_argument("--read-only", action="store_true", help="do not run what was written")
    cli.add_argument("--again", action="store_true", help="forget the rows that are kept")
    told = cli.parse_args()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    warnings.simplefilter("ignore")
    listed: list[tuple[str, Callable[[], Made]]] = []
    for package, models in (("torchvision", torchvision_models), ("timm", timm_models)):
        try:
            listed += models()
        except ImportError as missing:
            print(
                f"{package} is not installed here ({missing}): its networks are not measured", file=sys.stderr
            )
    file = f"torch_models_to_{told.to}{'_read' if told.read_only else ''}"
    rows: list[Row] = [] if told.again else kept(file) or []
    done = {row["network"] for row in rows}
    for name, make in listed:
        if name in done or (told.only and not any(part in name for part in told.only)):
            continue
        rows.append(bench(name, make, told.to, run=not told.read_only))
        keep(file, rows)
        print(*(f"{key}={value}" for key, value in rows[-1].items()), flush=True)
    good = [row for row in rows if "problem" not in row]
    print(
        f"{len(good)} of {len(rows)} converted; "
        f"{sum(not row.get('transposes') for row in good)} without transposes"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
