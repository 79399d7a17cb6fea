"""What can stand on either side of a verification: model files, a bundle, or recorded predictions.

All sides speak of inputs and outputs in one common order of axes, the source's; a bundle that holds images
in its framework's order says so by axis strings in its manifest: its arrays are turned on the way in and out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

import numpy as np

from porter import bundle_source, frameworks
from porter.axes import permutation
from porter.compare.inputs import InputSet
from porter.dataclass import dataclass
from porter.errors import RequestError
from porter.graph.model import Graph
from porter.recordings import arrays_of
from porter.source_model import Converter, ReadRequest, SourceModel
from porter.workers import Job, Layer
from porter.workers.job import Living

Array = np.ndarray

RECORDING, RECORDING_FORMAT = "recording.json", 1
"""What a recorded run tells of itself, and the version of that."""

Turns = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True)
class Recording:
    """Predictions that were made elsewhere: outputs for each set of inputs, layers for one of them."""

    sets: tuple[InputSet, ...]
    outputs: tuple[tuple[Array, ...], ...]
    layers: tuple[Layer, ...] = ()
    chosen: int | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """One of two models. `graph` is as the side itself orders axes; `into` turns inputs to that order."""

    label: str
    graph: Graph | None = None
    runner: str | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    into: Turns = ()
    out_of: Turns = ()
    recording: Recording | None = None
    source: SourceModel | None = None
    manifest: Mapping[str, Any] | None = None  # of a bundle
    converter: Converter | None = None
    here: Living | None = None  # of a live model, which runs in this process

    @property
    def is_bundle(self) -> bool:
        """Whether porter made it."""
        return self.manifest is not None

    def job(self) -> Job:
        """The work of running this side."""
        assert self.runner is not None
        assert self.graph is not None
        dtypes = [value.dtype for value in self.graph.inputs]
        return Job(self.runner, {**self.model, "label": self.label}, dtypes)


def turned(arrays: Sequence[Array], turns: Turns) -> list[Array]:
    """Each array with its axes in another order; None leaves one as it is."""
    if not turns:
        return list(arrays)
    return [
        np.asarray(array if turn is None or array.ndim != len(turn) else array.transpose(turn), order="C")
        for array, turn in zip(arrays, turns, strict=True)
    ]


def model_side(request: ReadRequest, converter: Converter, source: SourceModel) -> Side:
    """Files of a model, as they were read."""
    if request.factory is not None:
        return _code_side(request, converter, source)
    names = ", ".join(path.name for path in request.paths)
    files = [str(path.resolve()) for path in request.paths]
    told = {"files": files, "backend": request.source_backend}
    return Side(
        f"{converter.title} ({names})",
        source.graph,
        converter.runner,
        told,
        source=source,
        converter=converter,
    )


def converted_side(request: ReadRequest, converter: Converter, source: SourceModel) -> Side:
    """What a conversion starts from, in its own order of axes: files, code or a bundle."""
    return replace(_files_side(request, converter, source), into=(), out_of=(), source=source)


def live_side(source: SourceModel, converter: Converter) -> Side:
    """A live model, run as it is in this process."""
    label = f"{converter.title} (live {source.graph.name})"
    return Side(label, source.graph, source=source, converter=converter, here=source.living)


def _code_side(request: ReadRequest, converter: Converter, source: SourceModel) -> Side:
    """A model that is code, built and filled anew where it runs."""
    factory = request.factory
    assert factory is not None
    weights = None if request.weights is None else str(request.weights.resolve())
    told = {"factory": [factory.place, factory.function], "weights": weights}
    label = f"{converter.title} ({factory.name}:{factory.function})"
    return Side(label, source.graph, converter.runner, told, source=source, converter=converter)


def bundle_side(
    folder: Path, converter: Converter, graph: Graph, manifest: Mapping[str, Any], name: str = ""
) -> Side:
    """A bundle, run from its own code and weights."""
    return Side(
        f"{converter.title} ({name or folder.name})",
        graph,
        converter.runner,
        {"bundle": str(folder.resolve())},
        tuple(_turn(row["source_axes"], row["axes"]) for row in manifest["inputs"]),
        tuple(_turn(row["axes"], row["source_axes"]) for row in manifest["outputs"]),
        manifest=manifest,
        converter=converter,
    )


def _turn(before: str, after: str) -> tuple[int, ...] | None:
    return None if before == after else permutation(before, after)


def side(request: ReadRequest) -> Side:
    """The side that these paths are."""
    if len(request.paths) == 1 and _is_recording(request.paths[0]):
        return recorded(request.paths[0])
    if len(request.paths) == 1 and (request.paths[0] / RECORDING).is_file():
        return _recorded_run(request.paths[0])
    converter = frameworks.source(request.paths, None, request.factory)
    return _files_side(request, converter, converter.read(request))


def _files_side(request: ReadRequest, converter: Converter, source: SourceModel) -> Side:
    """A bundle, or whatever else can be read."""
    if bundle_source.recognises(request.paths):
        folder = request.paths[0]
        return bundle_side(folder, converter, source.graph, bundle_source.read_manifest(folder))
    return model_side(request, converter, source)


def _recorded_run(folder: Path) -> Side:
    """What `porter record` wrote."""
    try:
        told = json.loads((folder / RECORDING).read_text(encoding="utf-8"))
        if told["format"] != RECORDING_FORMAT:
            raise RequestError(f"{folder / RECORDING}: format {told['format']} is newer than this porter")
        files = [(str(row["name"]), folder / Path(row["file"]).name) for row in told["sets"]]
        layers = tuple(
            Layer(str(row["path"]), int(row["call"]), int(row["output"]), _layer_file(folder, row))
            for row in told["layers"]
        )
        label, chosen, where = str(told["label"]), int(told["layers_of"]), dict(told["environment"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"{folder / RECORDING}: not what `porter record` writes ({error!r})") from error
    sets = tuple(InputSet(name, arrays_of(file, "x")) for name, file in files)
    outputs = tuple(arrays_of(file, "y") for _, file in files)
    if not sets or not 0 <= chosen < len(sets):
        raise RequestError(f"{folder / RECORDING}: holds no inputs")
    return Side(f"recording of {label}", recording=Recording(sets, outputs, layers, chosen, where))


def _layer_file(folder: Path, row: Mapping[str, Any]) -> Path:
    return folder / "layers" / Path(row["file"]).name  # whatever it says, it lies there


def _is_recording(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        magic = file.read(4)
    return magic == b"PK\x03\x04" and bool(_names(path))


def _names(path: Path) -> list[str]:
    """The arrays of an `.npz`, or nothing where the archive is something else."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            listed = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return []
    return [name.removesuffix(".npy") for name in listed if name.endswith(".npy")]


def recorded(path: Path) -> Side:
    """An `.npz` of inputs `x0, x1, ...` and outputs `y0, y1, ...`."""
    inputs, outputs = arrays_of(path, "x"), arrays_of(path, "y")
    if not outputs:
        raise RequestError(f"{path}: holds no recorded outputs y0, y1, ...")
    return Side(f"recording ({path.name})", recording=Recording((InputSet("recorded", inputs),), (outputs,)))


def user_inputs(path: Path) -> InputSet:
    """The inputs of `--inputs FILE.npz`."""
    arrays = arrays_of(path, "x")
    if not arrays:
        raise RequestError(f"{path}: holds no inputs x0, x1, ...")
    return InputSet(path.name, arrays)
