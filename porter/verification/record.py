"""Recording a run: what a model makes of inputs, layer by layer, for a comparison on another machine.

recording.json   who was run and where, the sets of inputs, the list of layers
set0.npz, ...    inputs x0, x1, ... and outputs y0, y1, ... of each set
layers/0.npy     one output of one layer, on one of the sets
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from porter.bundle import fresh_folder
from porter.compare.inputs import InputSet
from porter.dataclass import dataclass
from porter.errors import RequestError
from porter.sides import RECORDING, RECORDING_FORMAT, Side, turned
from porter.verification.contestant import finished, started
from porter.verification.inputs import sets_for
from porter.verification.settings import Settings
from porter.version import __version__
from porter.workers import Layer, NotAvailable

Array = np.ndarray


@dataclass(frozen=True)
class Recorded:
    """A recording on disk."""

    path: Path
    label: str
    sets: int
    layers: int

    def to_dict(self) -> dict[str, Any]:
        """The facts, JSON-ready."""
        return {"path": str(self.path), "model": self.label, "sets": self.sets, "layers": self.layers}


def record(side: Side, out: Path, given: InputSet | None, settings: Settings, force: bool) -> Recorded:
    """Run a model and keep what it made. A failure leaves `out` as it was."""
    if side.recording is not None:
        raise RequestError(f"{side.label} is a recording already")
    occupied = out.exists() and (not out.is_dir() or any(out.iterdir()))
    if occupied and not force and not (out / RECORDING).is_file():
        raise RequestError(f"{out} exists and is no recording; choose another folder or say --force")
    side, sets = sets_for(side, side, given, settings)
    with ExitStack() as at_work, fresh_folder(out, force=True) as folder:
        worker = started(side, settings, at_work)
        if worker is None:
            raise NotAvailable(f"{side.label} cannot be run here: porter cannot run it yet")
        chosen = min(range(len(sets)), key=lambda place: (-sets[place].rows, place))
        worker.feed([turned(made.arrays, side.into) for made in sets], chosen)
        ran, why = finished(side, worker, settings)
        if ran is None:
            raise NotAvailable(f"{side.label} cannot be run here: {why}")
        for place, (made, outputs) in enumerate(zip(sets, ran.outputs, strict=True)):
            _save(folder / f"set{place}.npz", made.arrays, outputs)
        layers = _kept(ran.layers, folder, settings)
        told = {
            "format": RECORDING_FORMAT,
            "porter": __version__,
            "label": side.label,
            "sets": [{"name": made.name, "file": f"set{place}.npz"} for place, made in enumerate(sets)],
            "layers_of": chosen,
            "layers": layers,
            "dtypes": list(ran.dtypes),
            "environment": {
                "platform": platform.platform(),
                "python": platform.python_version(),
                **_plain(ran.environment),
            },
        }
        (folder / RECORDING).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return Recorded(out, side.label, len(sets), len(layers))


def _save(file: Path, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
    named = {f"x{k}": array for k, array in enumerate(inputs)}
    named |= {f"y{k}": array for k, array in enumerate(outputs)}
    np.savez(file, **named)  # type: ignore[arg-type]


def _kept(layers: Sequence[Layer], folder: Path, settings: Settings) -> list[dict[str, Any]]:
    (folder / "layers").mkdir()
    rows = []
    for place, layer in enumerate(layers):
        settings.tell("keeping layers", place, len(layers))
        array = layer.read()
        row = {"path": layer.path, "call": layer.call, "output": layer.output, "file": f"{place}.npy"}
        rows.append({**row, "shape": list(array.shape), "dtype": str(array.dtype)})
        shutil.copyfile(layer.file, folder / "layers" / f"{place}.npy")
    return rows


def _plain(environment: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in environment.items()}
