"""JAX, as Flax NNX modules. `CONVERTER` is the only thing the core looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from porter.graph.model import Graph
from porter.layout import LaidOut
from porter.source_model import Converter, LiveModel, ReadRequest, SourceModel, Written
from porter.weights.files import FORMATS, Progress
from porter.weights.msgpack import write_msgpack
from porter.weights.tensor import Tensor


def _recognises(paths: Sequence[Path]) -> bool:
    return False


def _read(request: ReadRequest) -> SourceModel:
    from converters.jax.reading.source import read_source

    return read_source(request)


def _owns(model: object) -> bool:
    from converters.jax.load import owns

    return owns(model)


def _read_live(live: LiveModel) -> SourceModel:
    from converters.jax.reading.live import read_live

    return read_live(live)


def _write(laid: LaidOut, weights_format: str) -> Written:
    from converters.jax.write import write

    return write(laid, weights_format)


def _write_orbax(path: Path, tensors: Mapping[str, Tensor], progress: Progress | None) -> None:
    from converters.jax.orbax import write_orbax

    write_orbax(path, tensors, progress)


def _prepare(graph: Graph) -> Graph:
    from converters.jax.layers.attention import flax_has
    from porter.writing.tables import backwards
    from porter.writing.whole_heads import heads_apart

    return backwards(heads_apart(graph, flax_has))


CONVERTER = Converter(
    name="jax",
    title="JAX",
    orientation="last",
    recognises=_recognises,
    read=_read,
    owns=_owns,
    read_live=_read_live,
    reads_code=True,
    prepare=_prepare,
    write=_write,
    runner="converters.jax.run",
    weights_formats={
        **FORMATS,
        "msgpack": ("model.msgpack", write_msgpack),
        "orbax": ("checkpoint", _write_orbax),
    },
)
