"""Which inputs a trial runs on: those given, those recorded, or made ones; and in which order of axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from porter.compare.inputs import InputSet, telling_inputs
from porter.compare.sizes import most_rows
from porter.errors import RequestError
from porter.graph.dims import Shape, may_equal, show
from porter.graph.model import Graph
from porter.sides import Recording, Side, Turns, turned
from porter.verification.settings import Settings

Array = np.ndarray


def truth_of(a: Side, b: Side) -> Side:
    """The side whose graph is the reference: the original rather than a copy made by porter."""
    known = [side for side in (a, b) if side.graph is not None]
    if not known:
        raise RequestError(f"{a.label} and {b.label} are both recordings; a model is needed on one side")
    return next((side for side in known if not side.is_bundle), known[0])


def graph_of(side: Side) -> Graph:
    """The graph of a side that is known to have one."""
    assert side.graph is not None
    return side.graph


def common_shapes(side: Side) -> list[Shape]:
    """The shapes of a side's inputs in the common order."""
    values = graph_of(side).inputs
    turns = side.into or (None,) * len(values)
    return [
        value.shape if turn is None else tuple(value.shape[axis] for axis in _inverse(turn))
        for value, turn in zip(values, turns, strict=True)
    ]


def check_signatures(a: Side, b: Side) -> None:
    """Refuses two models that cannot be run on the same inputs."""
    if a.graph is None or b.graph is None:
        return
    ours, theirs = common_shapes(a), common_shapes(b)
    if len(ours) != len(theirs) or not all(map(_fits, ours, theirs)):
        raise RequestError(
            f"{a.label} takes {show(*ours)} and {b.label} {show(*theirs)}: "
            "they cannot be run on the same inputs"
        )


def _fits(ours: Sequence[object], theirs: Sequence[object]) -> bool:
    return len(ours) == len(theirs) and all(map(may_equal, ours, theirs))  # type: ignore[arg-type]


def sets_for(
    a: Side, truth: Side, given: InputSet | None, settings: Settings
) -> tuple[Side, tuple[InputSet, ...]]:
    """The sets of inputs to run on, in the common order; and side a, a recording of it in that order too.

    More rows than fit into memory at once become several sets.
    """
    graph = graph_of(truth)
    if a.recording is not None:
        recording = _in_pieces(_in_common(truth, a.recording), most_rows(graph, settings.memory))
        return replace(a, recording=recording), recording.sets
    if given is not None:
        whole = InputSet(given.name, tuple(turned(given.arrays, _order(truth, given))))
        return a, tuple(_pieces(whole, most_rows(graph, settings.memory, whole.arrays)))
    back = inverses(truth.into)
    made = telling_inputs(graph, settings.seed, settings.memory)
    return a, tuple(InputSet(one.name, tuple(turned(one.arrays, back))) for one in made)


def _in_common(truth: Side, recording: Recording) -> Recording:
    """A recording may hold images as the source orders them or as a bundle does: its shapes tell."""
    order = _order(truth, InputSet("the recording", recording.sets[0].arrays))
    if not order:
        return recording
    sets = tuple(InputSet(one.name, tuple(turned(one.arrays, order))) for one in recording.sets)
    outputs = tuple(tuple(turned(arrays, truth.out_of)) for arrays in recording.outputs)
    return replace(recording, sets=sets, outputs=outputs)


def _in_pieces(recording: Recording, rows: int) -> Recording:
    """Fewer rows at once, where every array has them and no layer was recorded with all of them."""
    if recording.layers or len(recording.sets) != 1 or recording.sets[0].rows <= rows:
        return recording
    (whole,), (outputs,) = recording.sets, recording.outputs
    if any(array.shape[:1] != (whole.rows,) for array in (*whole.arrays, *outputs)):
        return recording
    pieces = tuple(_pieces(InputSet("outputs", outputs), rows))
    return replace(
        recording, sets=tuple(_pieces(whole, rows)), outputs=tuple(piece.arrays for piece in pieces)
    )


def _pieces(whole: InputSet, rows: int) -> Iterator[InputSet]:
    if whole.rows <= rows or any(array.shape[:1] != (whole.rows,) for array in whole.arrays):
        yield whole
        return
    for start in range(0, whole.rows, rows):
        stop = min(start + rows, whole.rows)
        yield InputSet(f"{whole.name}[{start}:{stop}]", tuple(array[start:stop] for array in whole.arrays))


def _order(truth: Side, given: InputSet) -> Turns:
    """How to turn given inputs to the common order; refuses what fits in neither."""
    common = common_shapes(truth)
    own = [value.shape for value in graph_of(truth).inputs]
    if _fit(given, common):
        return ()
    if truth.into and _fit(given, own):
        return inverses(truth.into)
    shapes = ", ".join(str(array.shape) for array in given.arrays)
    raise RequestError(f"{given.name}: holds inputs of {shapes}; the model takes {show(*common)}")


def _fit(given: InputSet, shapes: Sequence[Shape]) -> bool:
    return len(given.arrays) == len(shapes) and all(
        _fits(shape, array.shape) for shape, array in zip(shapes, given.arrays, strict=True)
    )


def inverses(turns: Turns) -> Turns:
    """The way back."""
    return tuple(None if turn is None else _inverse(turn) for turn in turns)


def _inverse(turn: Sequence[int]) -> tuple[int, ...]:
    return tuple(turn.index(axis) for axis in range(len(turn)))
