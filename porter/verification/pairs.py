"""Two sides of a comparison, read; where one is code that says nothing of its inputs, the other one does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from porter import frameworks
from porter.compare.inputs import make_inputs
from porter.errors import PorterError, RequestError, SourceError, UnsupportedModel
from porter.recordings import arrays_of
from porter.sides import Side, live_side, side
from porter.source_model import LiveModel, ReadRequest
from porter.verification.inputs import IMAGES

Array = np.ndarray
Model = ReadRequest | LiveModel

ROWS = 2


def read_pair(first: Model, second: Model, inputs: Path | None) -> tuple[Side, Side]:
    """Both sides."""
    if isinstance(first, LiveModel) or isinstance(second, LiveModel):
        return _read_live_pair(first, second, inputs)
    if _is_mute(second) and not _is_mute(first):
        a = read_side(first)
        return a, _told(second, a, inputs)
    if _is_mute(first) and not _is_mute(second):
        b = read_side(second)
        return _told(first, b, inputs), b
    return read_side(first, inputs), read_side(second, inputs)


def _read_live_pair(first: Model, second: Model, inputs: Path | None) -> tuple[Side, Side]:
    """Both sides, of which a live one at least. What says nothing of its inputs is told by the other side."""
    a, b = _if_it_tells(first, inputs), _if_it_tells(second, inputs)
    if a is None and b is not None:
        a = _told(first, b, inputs)
    elif b is None and a is not None:
        b = _told(second, a, inputs)
    return a or read_side(first, inputs), b or read_side(second, inputs)


def _if_it_tells(model: Model, inputs: Path | None) -> Side | None:
    """A side that can be read by itself; a live one also with its examples, which are those of both sides,
    turned, and left away."""
    if isinstance(model, ReadRequest):
        return None if _is_mute(model) else read_side(model, inputs)
    examples = model.example_inputs
    if examples is None and inputs is not None:
        examples = tuple(array[:ROWS] for array in arrays_of(inputs, "x"))
    ways: list[tuple[Any, ...] | None] = [model.example_inputs, None]
    for way in (*ways, *_turned_examples(examples or ())):
        with suppress(RequestError, UnsupportedModel, SourceError):
            return read_side(replace(model, example_inputs=way))
    return None


def _turned_examples(examples: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if all(hasattr(one, "__array__") for one in examples):
        yield from (tuple(way) for way in _ways([np.asarray(one) for one in examples]))


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
    """A model that is code or live, called on what the other side takes: as it is, or with images turned."""
    given = _examples(other, inputs)
    if given is None:
        return read_side(model)
    problem: PorterError | None = None
    with TemporaryDirectory(prefix="porter-examples-") as folder:
        for place, arrays in enumerate(_ways(given)):
            try:
                return read_side(_shown(model, arrays, Path(folder) / f"{place}.npz"))
            except (RequestError, UnsupportedModel, SourceError) as error:
                problem = problem or error
    assert problem is not None
    raise problem


def _shown(model: Model, arrays: Sequence[Array], file: Path) -> Model:
    """The model, with examples of what it is called with; a request finds them in the file."""
    if isinstance(model, LiveModel):
        return replace(model, example_inputs=tuple(arrays))
    np.savez(file, **{f"x{k}": array for k, array in enumerate(arrays)})  # type: ignore[arg-type]
    return replace(model, inputs=file)


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
