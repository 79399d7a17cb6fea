"""Orbax checkpoints. Only Orbax writes them, and it brings JAX along, so it does so in a process of its own:

python -m converters.jax.orbax MODEL.safetensors FOLDER
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from porter.errors import RunError
from porter.weights.files import Progress, write_safetensors
from porter.weights.reading import stored_tensors
from porter.weights.tensor import Tensor

PACKAGES = Path(__file__).parents[2]


def write_orbax(path: Path, tensors: Mapping[str, Tensor], progress: Progress | None = None) -> None:
    """Write tensors, keyed by dotted paths, as a checkpoint folder of nested maps."""
    plain = path.with_name("weights.safetensors")
    write_safetensors(plain, tensors, progress)
    found = os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH", "")]))
    ran = subprocess.run(
        [sys.executable, "-m", "converters.jax.orbax", str(plain), str(path)],
        env={**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": found},
        capture_output=True,
        text=True,
        check=False,
    )
    plain.unlink()
    if ran.returncode:
        words = ran.stderr.strip().splitlines()[-1:] or ["without a word"]
        raise RunError(f"Orbax could not write the checkpoint: {words[0]}")


def main(source: Path, folder: Path) -> None:
    """Turn a safetensors file into a checkpoint."""
    import orbax.checkpoint as ocp
    from flax.traverse_util import unflatten_dict

    arrays = {key: stored.read() for key, stored in stored_tensors(source).items()}
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder.absolute(), unflatten_dict(arrays, sep="."))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
