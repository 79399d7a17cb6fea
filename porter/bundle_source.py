"""A bundle as a source: read from its manifest and weights alone, without importing any framework."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from porter.bundle import MANIFEST
from porter.errors import Problem, RequestError, SourceError, WeightsError
from porter.graph.check import check
from porter.graph.model import Param
from porter.graph.serial import from_json
from porter.source_model import LedgerRow, ReadRequest, SourceModel
from porter.weights.reading import stored_tensors
from porter.weights.tensor import Constant, Row, Rows, Tensor, moved, number_type


def is_bundle(path: Path) -> bool:
    """Whether a folder is a bundle of porter's."""
    return (path / MANIFEST).is_file()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a bundle."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise SourceError(f"{folder / MANIFEST}: cannot be read as JSON") from problem
    if not isinstance(content, dict) or not {"format", "target", "graph", "weights"} <= set(content):
        raise SourceError(f"{folder / MANIFEST}: not a manifest of porter's")
    if content["format"] != 1:
        raise SourceError(f"{folder / MANIFEST}: format {content['format']} is newer than this porter")
    return content


def read_bundle(request: ReadRequest) -> SourceModel:
    """The model of a bundle, in the axis order in which the bundle holds it."""
    if len(request.paths) != 1:
        raise RequestError(f"a bundle is one folder; {len(request.paths)} paths were given")
    folder = request.paths[0]
    content = read_manifest(folder)
    tensors = stored_tensors(folder / content["weights"]["file"])
    used: dict[str, list[str]] = {}
    problems: list[Problem] = []

    def param(row: Mapping[str, Any]) -> Param:
        if "value" in row:
            numbers = np.asarray(row["value"], dtype=row["dtype"])
            return Param(Constant(numbers), bool(row["trainable"]))
        key = str(row["key"])
        if key not in tensors:
            problems.append(Problem(key, "is named by the manifest and missing from the weight file"))
            return Param(Constant(np.zeros(())), False)
        used.setdefault(key, []).append(key)
        return Param(_brought_back(tensors[key], row), bool(row["trainable"]), key)

    graph = from_json(content["graph"], param)
    if problems:
        raise WeightsError(f"{folder}: its weights do not fit its manifest", problems)
    ledger = tuple(
        LedgerRow(tensor, tuple(used.get(key, ())), "" if key in used else "not part of the computation")
        for key, tensor in tensors.items()
    )
    facts = {
        "framework": content["target"],
        "format": "bundle of porter's",
        "files": [str(folder)],
        "made_from": content.get("source", {}),
    }
    return SourceModel(check(graph, "reading the bundle"), ledger, facts)


def _brought_back(tensor: Tensor, row: Mapping[str, Any]) -> Tensor:
    if "zeros" in row:
        tensor = Constant(np.zeros(tensor.shape, number_type(tensor.dtype)))
    if "rows" in row:
        start, stop = row["rows"]
        tensor = Rows(tensor, int(start), int(stop))
    if "row" in row:
        tensor = Row(tensor, int(row["row"]))
    if "move" not in row:
        return tensor
    return moved(tensor, str(row["move"]), **{name: int(size) for name, size in row["sizes"].items()})


def recognises(paths: Sequence[Path]) -> bool:
    """Whether the source is one bundle."""
    return len(paths) == 1 and is_bundle(paths[0])
