"""JAX, as Flax NNX modules. `CONVERTER` is the only thing the core looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from porter.errors import UnsupportedModel
from porter.layout import LaidOut
from porter.source_model import Converter, ReadRequest, SourceModel, Written
from porter.weights.files import FORMATS, Progress
from porter.weights.msgpack import write_msgpack
from porter.weights.tensor import Tensor


def _recognises(paths: Sequence[Path]) -> bool:
    return False


def _read(request: ReadRequest) -> SourceModel:
    raise UnsupportedModel("JAX models cannot be read yet")


def _write(laid: LaidOut, weights_format: str) -> Written:
    from converters.jax.write import write

    return write(laid, weights_format)


def _write_orbax(path: Path, tensors: Mapping[str, Tensor], progress: Progress | None) -> None:
    from converters.jax.orbax import write_orbax

    write_orbax(path, tensors, progress)


CONVERTER = Converter(
    name="jax",
    title="JAX",
    orientation="last",
    recognises=_recognises,
    read=_read,
    write=_write,
    runner="converters.jax.run",
    weights_formats={
        **FORMATS,
        "msgpack": ("model.msgpack", write_msgpack),
        "orbax": ("checkpoint", _write_orbax),
    },
)
