"""Which inputs a trial runs on: those given, those recorded, or made ones; and in which order of axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from porter.axes import Move
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


def brought_together(truth: Side, other: Side) -> Side:
    """The other side, turned so that both take the same inputs: images may have their channels last in one
    and first in the other. Refuses two models that cannot be run on the same inputs."""
    if truth.graph is None or other.graph is None or other is truth:
        return other
    ours, theirs = common_shapes(truth), common_shapes(other)
    if len(ours) == len(theirs):
        if all(map(_fits, ours, theirs)):
            return other
        for move in IMAGES if not other.into else ():
            into = tuple(map(partial(_turn, move), ours, theirs))
            if all(turn is not NOWHERE for turn in into):
                back = move.inverse()
                results = zip(graph_of(other).outputs, graph_of(truth).outputs, strict=False)
                out_of = tuple(_way_back(back, value.shape, wanted.shape) for value, wanted in results)
                return replace(other, into=into, out_of=out_of)
    raise RequestError(
        f"{truth.label} takes {show(*ours)} and {other.label} {show(*theirs)}: "
        "they cannot be run on the same inputs"
    )


IMAGES = (Move.parse("n *s c -> n c *s"), Move.parse("n c *s -> n *s c"))
NOWHERE = ()


def _turn(move: Move, ours: Shape, theirs: Shape) -> tuple[int, ...] | None:
    """How an array of ours becomes one of theirs: as it is (None), by the move, or not at all (NOWHERE)."""
    if _fits(ours, theirs):
        return None
    if len(ours) == len(theirs) and len(ours) in (4, 5):
        turn = move.permutation(len(ours))
        if _fits([ours[axis] for axis in turn], theirs):
            return turn
    return NOWHERE


def _way_back(back: Move, theirs: Shape, ours: Shape) -> tuple[int, ...] | None:
    """An output of theirs in our order; where its sizes do not tell, as the inputs were turned."""
    if len(theirs) not in (4, 5) or len(ours) != len(theirs):
        return None
    turn = back.permutation(len(theirs))
    return turn if _fits([theirs[axis] for axis in turn], ours) else None


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
