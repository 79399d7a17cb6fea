"""PyTorch. `CONVERTER` is the only thing the core looks at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from porter.errors import UnsupportedModel
from porter.layout import LaidOut
from porter.source_model import Converter, ReadRequest, SourceModel, Written


def _recognises(paths: Sequence[Path]) -> bool:
    return False


def _read(request: ReadRequest) -> SourceModel:
    raise UnsupportedModel("PyTorch models cannot be read yet")


def _write(laid: LaidOut, weights_format: str) -> Written:
    from converters.torch.write import write

    return write(laid, weights_format)


CONVERTER = Converter(
    name="torch",
    title="PyTorch",
    orientation="first",
    recognises=_recognises,
    read=_read,
    write=_write,
    runner="converters.torch.run",
)
