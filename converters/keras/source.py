"""Keras files to a source model: load, read by rules, bind the weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from converters.keras.backend import require_backend
from converters.keras.bind import Binding, bind
from converters.keras.bind import LedgerRow as Row
from converters.keras.legacy.conventions import conventions
from converters.keras.load import SavedModel, load
from converters.keras.read import Reading, read
from converters.keras.variables import Variables
from porter.custom import custom_rules
from porter.graph.model import Graph
from porter.source_model import LedgerRow, ReadRequest, SourceModel


def read_source(request: ReadRequest) -> SourceModel:
    """The model in the request's files, every array of which is accounted for."""
    saved = load(request.paths, source_backend=request.source_backend)
    if saved.backend.certainty in ("undecided", "likely") and request.inputs is not None:
        saved = _by_witness(saved, request)
    require_backend(saved.backend, saved.origin.files[0])
    reading, binding = _bound(saved, request)
    ledger = tuple(_ledger_row(row, reading.variables) for row in binding.ledger)
    return SourceModel(reading.graph, ledger, facts(saved), (*saved.origin.notes, *reading.notices))


def _by_witness(saved: SavedModel, request: ReadRequest) -> SavedModel:
    """The model read as the numbers in the request's inputs say it must be, where they say anything."""
    from converters.keras.witness import asked, recorded

    assert request.inputs is not None

    def graph(backend: str) -> Graph:
        return _bound(load(request.paths, source_backend=backend), request)[0].graph

    found = asked(saved.backend, recorded(request.inputs), graph)
    if found is saved.backend:
        return saved
    again = load(request.paths, source_backend=found.name)
    notes = tuple(found.sentence if note == again.backend.sentence else note for note in again.origin.notes)
    return replace(again, backend=found, origin=replace(again.origin, notes=notes))


def _bound(saved: SavedModel, request: ReadRequest) -> tuple[Reading, Binding]:
    """The graph, with every array in its place."""
    reading = read(
        saved.model,
        generation=saved.writer.generation,
        conventions=conventions(saved.writer),
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
        **_old_facts(saved),
    }


def _old_facts(saved: SavedModel) -> dict[str, Any]:
    """What is known of an old file besides, and how surely."""
    told: dict[str, Any] = {}
    if saved.writer.generation < 3:
        told["backend_certainty"] = saved.backend.certainty
        told["backend_evidence"] = [item.says for item in saved.backend.evidence]
    if saved.writer.generation < 2:
        told["dim_ordering"] = saved.writer.ordering
    return told
