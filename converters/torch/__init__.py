"""PyTorch. `CONVERTER` is the only thing the core looks at."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from porter.graph.model import Graph
from porter.layout import LaidOut
from porter.source_model import Converter, LiveModel, ReadRequest, SourceModel, Written


def _recognises(paths: Sequence[Path]) -> bool:
    from converters.torch.load import recognises

    return recognises(paths)


def _read(request: ReadRequest) -> SourceModel:
    from converters.torch.source import read_source

    return read_source(request)


def _owns(model: object) -> bool:
    """Whether it is a module: whoever holds one has imported torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def _read_live(live: LiveModel) -> SourceModel:
    from converters.torch.live import read_live

    return read_live(live)


def _prepare(graph: Graph) -> Graph:
    """A layer of the source's own stays one, and shares its weight; a bare use of a table is said as one."""
    from porter.writing.tables import backwards

    return backwards(graph, keeps=lambda node: node.origin.kind[:1].isupper())


def _write(laid: LaidOut, weights_format: str) -> Written:
    from converters.torch.write import write

    return write(laid, weights_format)


CONVERTER = Converter(
    name="torch",
    title="PyTorch",
    orientation="first",
    recognises=_recognises,
    read=_read,
    owns=_owns,
    read_live=_read_live,
    reads_code=True,
    prepare=_prepare,
    write=_write,
    runner="converters.torch.run",
)
