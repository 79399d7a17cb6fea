"""Run a bundle's own model.py, alone, on recorded inputs (runs its framework, never porter).

    python -m scripts.bench.run_bundle BUNDLE IO.npz

prints one line of JSON: the largest difference, the largest reference, the parameters.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np


def load(bundle: Path) -> Any:
    """The bundle's model with its weights, from its own source."""
    spec = importlib.util.spec_from_file_location(f"bundle_{bundle.name}", bundle / "model.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{bundle} holds no model.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module.load()


def run_torch(model: Any, images: np.ndarray) -> tuple[np.ndarray, int]:
    """Outputs and the number of parameters; inputs go in as native NCHW."""
    import torch

    given = torch.from_numpy(images).movedim(-1, 1).contiguous()
    with torch.no_grad():
        outputs = model(given).double().numpy()
    return outputs, sum(parameter.numel() for parameter in model.parameters())


def run_jax(model: Any, images: np.ndarray) -> tuple[np.ndarray, int]:
    """Outputs and the number of parameters; images are channels-last, as in Keras."""
    import jax
    from flax import nnx

    graphdef, state = nnx.split(model)
    outputs = jax.jit(lambda state, x: nnx.merge(graphdef, state)(x))(state, images)
    return np.asarray(outputs), sum(array.size for array in jax.tree.leaves(nnx.state(model, nnx.Param)))


RUNS = {"torch": run_torch, "jax": run_jax}


def main() -> None:
    """Compare one bundle with its record."""
    # A bundle must stand without porter: importing either raises from here on.
    sys.modules.update(dict.fromkeys(("porter", "converters")))  # type: ignore[arg-type]
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    bundle, record = Path(sys.argv[1]), np.load(sys.argv[2])
    target = json.loads((bundle / "porter.json").read_text())["target"]
    outputs, parameters = RUNS[target](load(bundle), record["x0"])
    wanted = record["y0"].astype("float64")
    if outputs.shape != wanted.shape:
        raise SystemExit(f"output is {outputs.shape}, Keras gave {wanted.shape}")
    difference = float(np.abs(outputs - wanted).max())
    print(json.dumps([difference, float(np.abs(wanted).max()), parameters]))


if __name__ == "__main__":
    main()
