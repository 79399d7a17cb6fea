"""Keras, of every generation, read from files without Keras. `CONVERTER` is the only thing the core
looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from converters.keras.live.owner import owns
from porter.graph.model import Graph
from porter.layout import LaidOut
from porter.source_model import Converter, LiveModel, ReadRequest, SourceModel, Survey, Written
from porter.weights.files import Progress
from porter.weights.tensor import Tensor


def _recognises(paths: Sequence[Path]) -> bool:
    from converters.keras.load import recognises

    return recognises(paths)


def _read(request: ReadRequest) -> SourceModel:
    from converters.keras.source import read_source

    return read_source(request)


def _inspect(request: ReadRequest) -> Survey:
    from converters.keras.inspection import survey

    return survey(request)


def _read_live(live: LiveModel) -> SourceModel:
    from converters.keras.live.reading import read_live

    return read_live(live)


def _prepare(graph: Graph) -> Graph:
    from converters.keras.writes.attention import keras_has
    from converters.keras.writing.masked_steps import gaps_of_keras
    from converters.keras.writing.states import odd_kernels
    from porter.writing.tables import backwards, one_layer
    from porter.writing.whole_heads import heads_apart

    return one_layer(backwards(heads_apart(gaps_of_keras(odd_kernels(graph)), keras_has)))


def _write(laid: LaidOut, weights_format: str) -> Written:
    from converters.keras.write import write

    return write(laid, weights_format)


def _write_weights(path: Path, tensors: Mapping[str, Tensor], progress: Progress | None) -> None:
    from converters.keras.writing.files import write_weights

    write_weights(path, tensors, progress)


CONVERTER = Converter(
    name="tf",
    title="Keras",
    orientation="last",
    recognises=_recognises,
    read=_read,
    inspect=_inspect,
    prepare=_prepare,
    write=_write,
    weights_formats={"h5": ("model.weights.h5", _write_weights)},
    runner="converters.keras.run",
    owns=owns,
    read_live=_read_live,
)
