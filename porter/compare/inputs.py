"""Inputs that are hard on mistakes, made from nothing but the graph and a seed.

An image that is constant, square or symmetric forgives a swapped height and width, a flipped kernel and a
padding on the wrong side; a batch of equal rows forgives whatever mixes rows. So images are gradients with
impulses and noise, of odd sizes where the model leaves them open; rows differ in kind and in size; ids stay
within the tables that they are looked up in and reach both ends of them; sequences end in zeros where zeros
mean "no more steps"; states are not zero; some numbers lie just where activations bend and roundings tie.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

import numpy as np

from porter.compare.sizes import most_rows, rows_for, sizes_for, tries_for
from porter.dataclass import dataclass
from porter.errors import RequestError
from porter.graph.dims import BATCH
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.elementwise import Cast, Dropout
from porter.graph.ops.linear import Embedding
from porter.graph.ops.reshaping import Concat, Flip, Pad, Repeat, Reshape, Slice, Tile, Transpose
from porter.graph.ops.sources import Constant
from porter.graph.run import OWN, run

Array = np.ndarray

KEEPS_NUMBERS = (Cast, Dropout, Concat, Flip, Pad, Repeat, Reshape, Slice, Tile, Transpose)
"""Ops whose outputs are made of the numbers of their inputs: ids stay ids through them."""


@dataclass(frozen=True)
class InputSet:
    """Inputs for one run of the model, with a name for reports."""

    name: str
    arrays: tuple[Array, ...]

    @property
    def rows(self) -> int:
        """The batch size."""
        return int(self.arrays[0].shape[0]) if self.arrays and self.arrays[0].ndim else 1


@dataclass(frozen=True)
class _Kind:
    """What one input is to the model."""

    ids: int | None = None  # the number of entries of the table that it indexes
    padded: bool = False
    filler: float = 0.0  # stands where a sequence has ended


EDGES = (0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -2.5, 3.0, -3.0, 6.0)
"""Where activations bend or jump, and where roundings tie."""

KINDS = (("ordinary", 1.0), ("large", 40.0))
"""Name and size of the sets that are made: the second shows what only big numbers show, on a single row."""


SCALES = (1.0, 16.0, 0.25, 4.0, 128.0, 1 / 16, 1 / 64)
"""Sizes of inputs to try, in this order, until the outputs are not at their ends."""

TELLING = 0.1
"""The share of an output's numbers that should be neither next to nothing nor next to the largest."""


def telling_inputs(graph: Graph, seed: int = 0, memory: float = inf) -> tuple[InputSet, ...]:
    """Seeded inputs, of such a size that a softmax or sigmoid at the end is not driven to 0 and 1.

    Saturated outputs agree whatever the layers before them do.
    """
    best, found = -1.0, make_inputs(graph, seed, memory=memory)
    if all(np.dtype(array.dtype).kind != "f" for array in found[0].arrays):
        return found
    for scale in SCALES[: tries_for(graph)]:
        made = make_inputs(graph, seed, scale, memory)
        told = _telling(
            run(graph, [_few(value, x) for value, x in zip(graph.inputs, made[0].arrays, strict=True)], OWN)
        )
        if told > best:
            best, found = told, made
        if told >= TELLING:
            break
    return found


def _few(value: Value, array: Array) -> Array:
    """Some rows: enough to see of what size the outputs are."""
    return array[:2] if value.shape[:1] == (BATCH,) else array


def _telling(outputs: Sequence[Array]) -> float:
    shares = []
    for output in outputs:
        if output.dtype.kind == "f" and output.size:
            size = np.abs(output)
            top = float(np.max(size, initial=0.0, where=np.isfinite(size)))
            shares.append(float(np.mean((size > 1e-5 * top) & (size < 0.9999 * top))))
    return min(shares, default=1.0)


def make_inputs(graph: Graph, seed: int = 0, scale: float = 1.0, memory: float = inf) -> tuple[InputSet, ...]:
    """Seeded inputs of several kinds and batch sizes; `scale` is how large ordinary numbers are, and the
    reference has to be computed within `memory` (bytes)."""
    if not graph.inputs:
        raise RequestError(f"{graph.name!r} has no inputs, so there is nothing to compare on")
    shapes = sizes_for(graph)
    many = min(rows_for(graph, shapes), most_rows(graph, memory))
    kinds = [_kind(graph, value) for value in graph.inputs]
    made = []
    for place, (name, size) in enumerate(KINDS):
        rows = 1 if place else many
        rng = np.random.default_rng([seed, place])
        arrays = tuple(
            _array(
                value, (rows, *shape[1:]) if value.shape[:1] == (BATCH,) else shape, kind, size * scale, rng
            )
            for value, shape, kind in zip(graph.inputs, shapes, kinds, strict=True)
        )
        made.append(InputSet(name, arrays))
    return tuple(made)


def _kind(graph: Graph, value: Value) -> _Kind:
    entries: list[int] = []
    padded, filler = False, 0.0
    for node in _users(graph, value):
        if isinstance(node.op, Embedding):
            entries.append(node.op.entries)
        depth = getattr(node.op, "classes", None)
        if isinstance(depth, int):
            entries.append(depth)
        if getattr(node.op, "function", "") == "not_equal":
            padded, filler = True, _compared_to(graph, node)
    return _Kind(min(entries, default=None), padded or bool(entries), filler)


def _compared_to(graph: Graph, node: Node) -> float:
    """The number that a tensor is compared to; 0 where it is no single one."""
    for value in node.inputs:
        made = graph.producers().get(value)
        if made is not None and isinstance(made.op, Constant) and not made.op.shape:
            return float(made.params["value"].tensor.read())
    return 0.0


def _users(graph: Graph, value: Value) -> Iterator[Node]:
    """The ops that see the input's own numbers."""
    seen = {value}
    for node in graph.nodes:
        if seen.isdisjoint(node.inputs):
            continue
        yield node
        if isinstance(node.op, KEEPS_NUMBERS):
            seen.update(node.outputs)


def _array(value: Value, shape: tuple[int, ...], kind: _Kind, size: float, rng: np.random.Generator) -> Array:
    if value.dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    whole = np.dtype(value.dtype).kind in "iu" if value.dtype != "bfloat16" else False
    if kind.ids is not None or whole:
        return _ids(value, shape, kind, rng)
    array = _image(shape, rng) if len(shape) >= 4 else rng.standard_normal(shape)
    array = array * size
    if value.shape[:1] == (BATCH,) and shape[0] > 1:
        _put_edges(array[-1:], rng)
    if kind.padded and len(shape) == 3:
        array = _ended(array, rng, kind.filler)
    return array.astype("float32" if value.dtype == "bfloat16" else value.dtype)


def _ids(value: Value, shape: tuple[int, ...], kind: _Kind, rng: np.random.Generator) -> Array:
    top = kind.ids or (256 if len(shape) >= 4 else 10)
    low = 1 if kind.padded and top > 1 else 0
    ids = rng.integers(low, top, shape)
    ids.flat[:2] = (top - 1, low)[: ids.size]
    ids = _ended(ids, rng) if kind.padded and len(shape) > 1 and top > 1 else ids
    return ids.astype("float32" if value.dtype == "bfloat16" else value.dtype)


def _put_edges(rows: Array, rng: np.random.Generator) -> None:
    """Some of the numbers become edges, none larger than they are; most stay as they are."""
    edges = rng.permutation([edge for edge in EDGES if abs(edge) <= np.abs(rows).max(initial=0.0)])
    places = rng.permutation(rows.size)[: min(len(edges), rows.size // 4)]
    rows.flat[places] = edges[: len(places)]


def _ended(array: Array, rng: np.random.Generator, filler: float = 0.0) -> Array:
    """Rows that end in zeros (or in what stands for no step), each at another one; the first row is whole."""
    steps = array.shape[1]
    for row in range(1, array.shape[0]):
        array[row, int(rng.integers(max(1, steps // 3), max(2, steps))) :] = filler
    return array


def _image(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Rows that differ in kind: noise on gradients that rise or fall along every axis, lighter and darker,
    with a few impulses off the centre."""
    array = rng.uniform(0.3, 0.9, shape[:1])[(..., *(None,) * (len(shape) - 1))] * rng.standard_normal(shape)
    for axis in range(1, len(shape)):
        ramp = np.linspace(-1.0, 1.0 + 0.3 * axis, shape[axis]) if shape[axis] > 1 else np.zeros(1)
        slopes = np.where(np.arange(shape[0]) % 3 == axis % 3, -1.0, 1.0)
        place = tuple(slice(None) if k in (0, axis) else None for k in range(len(shape)))
        array += np.outer(slopes, ramp)[place]
    for number, row in enumerate(array):
        row += (number % 3 - 1) * 0.8
        for _ in range(4):
            row[tuple(int(rng.integers(size)) for size in row.shape)] += rng.choice([-6.0, 6.0])
    return array
