"""Two sides of a comparison, read; where one is code that says nothing of its inputs, the other one does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from porter import frameworks
from porter.compare.inputs import make_inputs
from porter.errors import RequestError
from porter.recordings import arrays_of
from porter.sides import Side, live_side, side
from porter.source_model import LiveModel, ReadRequest
from porter.verification.inputs import IMAGES

Array = np.ndarray
Model = ReadRequest | LiveModel

ROWS = 2


def read_pair(first: Model, second: Model, inputs: Path | None) -> tuple[Side, Side]:
    """Both sides."""
    if _is_mute(second) and not _is_mute(first):
        a = read_side(first)
        return a, _told(second, a, inputs)
    if _is_mute(first) and not _is_mute(second):
        b = read_side(second)
        return _told(first, b, inputs), b
    return read_side(first, inputs), read_side(second, inputs)


def read_side(model: Model, inputs: Path | None = None) -> Side:
    """A side, by its files or as it lives."""
    if isinstance(model, ReadRequest):
        return side(replace(model, inputs=inputs) if inputs is not None and _is_mute(model) else model)
    converter = frameworks.live(model.model)
    assert converter.read_live is not None
    return live_side(converter.read_live(model), converter)


def _is_mute(model: Model) -> bool:
    return (
        isinstance(model, ReadRequest)
        and model.factory is not None
        and not model.input_shapes
        and model.inputs is None
    )


def _told(model: Model, other: Side, inputs: Path | None) -> Side:
    """A model that is code, called on what the other side takes: as it is, or with images turned."""
    assert isinstance(model, ReadRequest)
    given = _examples(other, inputs)
    if given is None:
        return side(model)
    problem: RequestError | None = None
    with TemporaryDirectory(prefix="porter-examples-") as folder:
        for place, arrays in enumerate(_ways(given)):
            file = Path(folder) / f"{place}.npz"
            np.savez(file, **{f"x{k}": array for k, array in enumerate(arrays)})  # type: ignore[arg-type]
            try:
                return side(replace(model, inputs=file))
            except RequestError as error:
                problem = problem or error
    assert problem is not None
    raise problem


def _examples(other: Side, inputs: Path | None) -> Sequence[Array] | None:
    if inputs is not None:
        return [array[:ROWS] for array in arrays_of(inputs, "x")]
    if other.recording is not None:
        return [array[:ROWS] for array in other.recording.sets[0].arrays]
    if other.graph is None:
        return None
    return [array[:ROWS] for array in make_inputs(other.graph)[0].arrays]


def _ways(arrays: Sequence[Array]) -> Iterator[list[Array]]:
    yield list(arrays)
    if any(array.ndim in (4, 5) for array in arrays):
        for move in IMAGES:
            yield [
                array.transpose(move.permutation(array.ndim)) if array.ndim in (4, 5) else array
                for array in arrays
            ]
