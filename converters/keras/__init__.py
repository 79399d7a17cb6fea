"""Keras, of every generation, read from files without Keras. `CONVERTER` is the only thing the core
looks at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from porter.source_model import Converter, ReadRequest, SourceModel, Survey


def _recognises(paths: Sequence[Path]) -> bool:
    from converters.keras.load import recognises

    return recognises(paths)


def _read(request: ReadRequest) -> SourceModel:
    from converters.keras.source import read_source

    return read_source(request)


def _inspect(request: ReadRequest) -> Survey:
    from converters.keras.inspection import survey

    return survey(request)


CONVERTER = Converter(
    name="tf",
    title="Keras",
    orientation="last",
    recognises=_recognises,
    read=_read,
    inspect=_inspect,
    runner="converters.keras.run",
)
