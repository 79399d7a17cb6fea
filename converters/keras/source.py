"""Keras files to a source model: load, read by rules, bind the weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from converters.keras.backend import AUTO, ORDERINGS, require_backend, told_by
from converters.keras.bind import Binding, bind
from converters.keras.bind import LedgerRow as Row
from converters.keras.legacy.conventions import Conventions, conventions
from converters.keras.legacy.opening import UndecidedOrdering
from converters.keras.load import SavedModel, load
from converters.keras.read import Reading, read
from converters.keras.spec import ModelSpec
from converters.keras.variables import Variables
from porter.custom import custom_rules
from porter.errors import SourceError, UnsupportedModel
from porter.graph.model import Graph
from porter.source_model import LedgerRow, ReadRequest, SourceModel


def read_source(request: ReadRequest) -> SourceModel:
    """The model in the request's files, every array of which is accounted for."""
    try:
        saved = load(request.paths, source_backend=request.source_backend)
    except UndecidedOrdering:
        if request.inputs is None:
            raise
        request = _with_ordering(request)
        saved = load(request.paths, source_backend=request.source_backend)
    saved = settled(saved, request)
    require_backend(saved.backend, saved.origin.files[0])
    reading, binding = _bound(saved, request)
    ledger = tuple(_ledger_row(row, reading.variables) for row in binding.ledger)
    return SourceModel(reading.graph, ledger, facts(saved), (*saved.origin.notes, *reading.notices))


def settled(saved: SavedModel, request: ReadRequest) -> SavedModel:
    """The model on the backend that its numbers show, where its files leave that open."""
    from converters.keras.witness import CANDIDATES, asked, recorded, same_function

    open_ = saved.backend.certainty == "undecided"
    witnessed = request.inputs is not None and saved.backend.certainty == "likely"
    if not (open_ or witnessed) or saved.arrays.file is None:
        return saved
    try:
        graphs = {name: _graph(request, name) for name in CANDIDATES}
    except (SourceError, UnsupportedModel):
        return saved
    if open_ and same_function(*graphs.values()):
        return replace(saved, backend=replace(saved.backend, certainty="irrelevant"))
    found = asked(saved.backend, recorded(request.inputs), graphs) if request.inputs else saved.backend
    if found is saved.backend:
        return saved
    again = load(request.paths, source_backend=_told(request, found.name or ""))
    notes = tuple(found.sentence if note == again.backend.sentence else note for note in again.origin.notes)
    return replace(again, backend=found, origin=replace(again.origin, notes=notes))


def _with_ordering(request: ReadRequest) -> ReadRequest:
    """The request with the ordering of images by which recorded predictions come out, if one does."""
    from converters.keras.witness import CANDIDATES, ordering_asked, recorded

    assert request.inputs is not None
    backends = {told_by(request.source_backend).backend} - {None, AUTO} or CANDIDATES
    names = [f"{backend}:{ordering}" for backend in backends for ordering in ORDERINGS]
    graphs = {name: _graph(replace(request, source_backend=name), name) for name in names}
    found = ordering_asked(recorded(request.inputs), graphs)
    told = (request.source_backend or "").partition(":")[0]
    return replace(request, source_backend=f"{told}:{found}") if found is not None else request


def _graph(request: ReadRequest, backend: str) -> Graph:
    """The graph of the files as one backend would have it, with its weights."""
    saved = load(request.paths, source_backend=_told(request, backend))
    return _bound(saved, request)[0].graph


def _told(request: ReadRequest, backend: str) -> str:
    """What to say to `load` for that backend, with the ordering that the user gave."""
    ordering = told_by(request.source_backend).ordering
    return f"{backend}:{ordering}" if ordering and ":" not in backend else backend


def conventions_of(saved: SavedModel) -> Conventions:
    """What the words of this file mean."""
    return replace(conventions(saved.writer), data_format=_data_format(saved.model))


def _data_format(model: ModelSpec) -> str | None:
    """Which way round images lie, where all layers that say it agree. Flatten says it in its own way."""
    told = {
        str(layer.config["data_format"])
        for layer in model.layers
        if layer.class_name != "Flatten" and layer.config.get("data_format") is not None
    }
    return told.pop() if len(told) == 1 else None


def _bound(saved: SavedModel, request: ReadRequest) -> tuple[Reading, Binding]:
    """The graph, with every array in its place."""
    reading = read(
        saved.model,
        generation=saved.writer.generation,
        conventions=conventions_of(saved),
        custom=custom_rules(request.custom),
        input_shapes=request.input_shapes,
        policy=request.dtype,
    )
    binding = bind([pending.slot for pending in reading.variables.asked.values()], saved)
    reading.variables.bind(binding.tensors)
    return reading, binding


def _ledger_row(row: Row, variables: Variables) -> LedgerRow:
    left = [variables.left[slot] for slot in row.slots if slot in variables.left]
    unused = left[0] if left and len(left) == len(row.slots) else row.reason
    names = tuple("/".join((*slot.layer, *slot.attribute, slot.name)) for slot in row.slots)
    return LedgerRow(row.array, names, unused)


def facts(saved: SavedModel) -> dict[str, Any]:
    """What is known of the file's writer."""
    origin = saved.origin
    return {
        "framework": "tf",
        "format": origin.format,
        "files": list(origin.files),
        "keras_version": origin.keras_version,
        "backend": origin.backend,
        **_fixed_batch(saved.model),
        **_old_facts(saved),
    }


def _fixed_batch(model: ModelSpec) -> dict[str, Any]:
    """The one batch size that Keras takes, where the file fixes it as for stateful layers; porter any."""
    layers = {layer.name: layer for layer in model.layers}
    shapes = [layers[ref.layer].config.get("batch_shape") for ref in model.inputs if ref.layer in layers]
    sizes = {shape[0] for shape in shapes if shape}
    return {"batch": int(size)} if len(sizes) == 1 and (size := sizes.pop()) is not None else {}


def _old_facts(saved: SavedModel) -> dict[str, Any]:
    """What is known of an old file besides, and how surely."""
    told: dict[str, Any] = {}
    if saved.writer.generation < 3:
        told["backend_certainty"] = saved.backend.certainty
        told["backend_evidence"] = [item.says for item in saved.backend.evidence]
    if saved.writer.generation < 2:
        told["dim_ordering"] = saved.writer.ordering
    return told
