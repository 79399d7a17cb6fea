"""Putting the right weights back: into a copy of a bundle, or of the weights file of a port made by hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from porter import bundle, pipeline
from porter.diagnosis.findings import Diagnosis, Mended
from porter.diagnosis.stored import StoredWeights, turn_to
from porter.errors import RequestError, UnsupportedModel
from porter.graph.model import Graph, Node, Param
from porter.sides import Side
from porter.verification.aligning import modules_of
from porter.verification.settings import LayerPlan
from porter.weights.files import write_h5, write_safetensors
from porter.weights.reading import stored_tensors
from porter.weights.tensor import Constant, Tensor

Array = np.ndarray

BY_HAND = "weights.safetensors"


def mend(found: Diagnosis, b: Side, plan: LayerPlan | None, out: Path, *, force: bool) -> Mended:
    """Write a bundle with the weights of faulty layers as they should be; what is wrong in code is told."""
    if b.manifest is None or plan is None or not plan.weights or b.converter is None:
        raise RequestError(
            f"{b.label}: --fix mends bundles that porter made, and weights files of models that are code; "
            "of anything else the diagnosis says what to change"
        )
    folder = Path(b.model["bundle"])
    if out.resolve() == folder.resolve():
        raise RequestError(
            f"{out}: a repaired bundle is never written over the original; name another folder"
        )
    weights = b.manifest["weights"]
    if weights["format"] not in b.converter.weights_formats:
        raise RequestError(f"{b.label}: its weights are not in a file that can be written by itself")
    wrong = StoredWeights.of(b, plan).problems
    right = {key: weight.tensor for key, weight in plan.weights.items() if key in wrong}
    write = b.converter.weights_formats[weights["format"]][1]
    with bundle.fresh_folder(out, force) as made:
        shutil.copytree(folder, made, dirs_exist_ok=True, ignore=shutil.ignore_patterns("report.*"))
        if right:
            kept: Mapping[str, Tensor] = stored_tensors(folder / weights["file"])
            write(made / weights["file"], {**kept, **right}, None)
    return Mended(out, tuple(sorted(right)), _to_do(found))


def by_hand(b: Side) -> bool:
    """Whether a side is somebody's own code with a weights file."""
    return b.manifest is None and b.source is not None and bool(b.model.get("weights"))


def mend_by_hand(found: Diagnosis, a: Side, b: Side, out: Path, *, force: bool) -> Mended:
    """Write the weights file of a port made by hand anew, with the source's numbers in layers at fault."""
    assert b.source is not None
    file = Path(b.model["weights"])
    if out.resolve() in (file, file.parent):
        raise RequestError(
            f"{out}: repaired weights are never written over the original; name another folder"
        )
    right = _right_graph(a, b)
    paths = dict.fromkeys(p.path for cause in found.causes if cause.kind == "weights" for p in cause.places)
    labels = [p.layer for cause in found.causes if cause.kind == "weights" for p in cause.places]
    kept: dict[str, Tensor] = {row.array.key: row.array for row in b.source.ledger}
    modules = modules_of(b)
    changed: dict[str, Tensor] = {}
    for path, label in zip(paths, labels, strict=False):
        node, original = modules.get(path), _with_weights(right, label)
        if node is not None and original is not None and b.graph is not None:
            changed |= dict(_numbers(_with_weights(b.graph, node.origin.label) or node, original, kept))
    with bundle.fresh_folder(out, force) as made:
        old = file.suffix in (".h5", ".hdf5")
        write = write_h5 if old else write_safetensors
        write(made / (file.name if old else BY_HAND), {**kept, **changed}, None)
    return Mended(out, tuple(sorted(changed)), _to_do(found))


def _to_do(found: Diagnosis) -> tuple[str, ...]:
    return tuple(cause.text for cause in found.causes if cause.kind != "weights")


def _right_graph(a: Side, b: Side) -> Graph:
    """The original with its axes as side b's framework orders them."""
    if a.source is None or b.converter is None:
        raise RequestError(f"{a.label}: --fix takes the right weights from an original that is a file")
    try:
        return pipeline.write(a.source, b.converter, pipeline.Options("native"))[0].graph
    except UnsupportedModel as error:
        raise RequestError(
            f"{a.label}: cannot be brought to the order of axes of {b.label}: {error}"
        ) from error


def _with_weights(graph: Graph, label: str) -> Node | None:
    return next((node for node in graph.nodes if node.params and node.origin.label == label), None)


def _numbers(node: Node, original: Node, kept: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """The arrays of a faulty layer that are not right: each under its key, in its own order of axes."""
    for name, param in node.params.items():
        key = _key(param, kept)
        if key is None or type(node.op) is not type(original.op):
            continue
        wanted = original.params.get(name)
        now = param.tensor.read()
        right = np.zeros_like(now) if wanted is None else wanted.tensor.read()
        turn = turn_to(now, kept[key])
        if turn is not None and right.shape == now.shape and not np.array_equal(right, now):
            yield key, Constant(np.ascontiguousarray(right.transpose(turn), kept[key].dtype))


def _key(param: Param, kept: Mapping[str, Tensor]) -> str | None:
    keys: Sequence[str] = [origin.key for origin in param.tensor.origins]
    return keys[0] if len(keys) == 1 and keys[0] in kept else None
