"""Sizes for the axes that a model leaves open, and how many rows its inputs can have at little cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, prod

import numpy as np

from porter.errors import GraphError, RequestError
from porter.graph.dims import BATCH, Dim, Sym
from porter.graph.model import Graph, Spec, Value

Array = np.ndarray
Sizes = list[tuple[int, ...]]

OPEN_SIZES: Mapping[int, tuple[tuple[int, ...], ...]] = {
    1: ((23,), (32,), (64,), (200,), (512,), (2560,), (12288,)),
    2: ((37, 29), (40, 56), (64, 96), (75, 99), (128, 160), (224, 256), (299, 331)),
    3: ((11, 9, 13), (16, 8, 24), (32, 16, 48), (64, 32, 96)),
}
"""Sizes to try for open spatial axes, by their number: odd and unequal first, then more harmless ones."""

FEWEST, MOST = 3, 16
"""Rows of a batch: enough to tell rows apart, and more where they are cheap: then fewer units stay silent."""

AFFORDABLE = 4_000_000
"""Numbers that all values of the model together may have, for all rows."""

BYTES_EACH = 40
"""Bytes that the reference takes for a number that is alive: exact, rough and alone, and work on the way."""

UNBOUNDED = 1 << 30

TRIES = (2, 16)
"""Sizes of numbers to try, at the least and at the most."""


def rows_for(graph: Graph, shapes: Sizes) -> int:
    """How many rows to run the model on."""
    return max(FEWEST, min(MOST, AFFORDABLE // _cells(graph, shapes)))


def most_rows(graph: Graph, memory: float, inputs: Sequence[Array] | None = None) -> int:
    """How many rows at once the reference can be computed for in so many bytes; one at the least."""
    if memory == inf:
        return UNBOUNDED
    shapes = sizes_for(graph) if inputs is None else [(1, *array.shape[1:]) for array in inputs]
    return max(1, int(memory // (BYTES_EACH * max(1, alive(graph, shapes)))))


def alive(graph: Graph, shapes: Sequence[tuple[int, ...]]) -> int:
    """Numbers that are alive at once, at the most, while the graph is computed for inputs of these sizes."""
    specs = _specs(graph, shapes) or {}
    sizes = {value: prod(dim for dim in spec.shape if isinstance(dim, int)) for value, spec in specs.items()}
    last = {value: place for place, node in enumerate(graph.nodes) for value in node.inputs}
    now = set(graph.inputs)
    most = 0
    for place, node in enumerate(graph.nodes):
        now.update(node.outputs)
        most = max(most, sum(sizes.get(value, 0) for value in now))
        now = {value for value in now if last.get(value, -1) > place or value in graph.outputs}
    return most


def tries_for(graph: Graph) -> int:
    """How often the model may be run in search of inputs."""
    least, most = TRIES
    return max(least, min(most, most * AFFORDABLE // _cells(graph, sizes_for(graph))))


def _cells(graph: Graph, shapes: Sizes) -> int:
    """Numbers that one row makes, in all values together."""
    specs = _specs(graph, shapes) or {}
    return 1 + sum(prod(dim for dim in spec.shape if isinstance(dim, int)) for spec in specs.values())


def sizes_for(graph: Graph) -> Sizes:
    """Sizes for all open axes that the whole graph agrees with; the batch stands as 1."""
    for step in range(max(map(len, OPEN_SIZES.values()))):
        shapes = [_sized(value, step) for value in graph.inputs]
        if _fits(graph, shapes):
            return shapes
    names = ", ".join(f"{value.name} ({', '.join(map(str, value.shape))})" for value in graph.inputs)
    raise RequestError(
        f"{graph.name!r}: no sizes were found that its open axes can take: {names}; "
        "give inputs with --inputs FILE.npz"
    )


def _sized(value: Value, step: int) -> tuple[int, ...]:
    if value.rank and value.shape[0] != BATCH and isinstance(value.shape[0], Sym):
        raise RequestError(
            f"input {value.name}: its first axis is no batch; give inputs with --inputs FILE.npz"
        )
    open_axes = [axis for axis, dim in enumerate(value.shape) if axis and isinstance(dim, Sym)]
    spatial = [axis for axis in open_axes if str(value.shape[axis]).rstrip("0123456789") != "c"]
    choices = OPEN_SIZES.get(min(max(len(spatial), 1), 3), ())
    chosen = choices[min(step, len(choices) - 1)]
    sizes: dict[int, int] = dict(zip(spatial, [*chosen, *(7,) * len(spatial)], strict=False))
    shape = [_size(dim, sizes.get(axis, 3)) for axis, dim in enumerate(value.shape)]
    return tuple(shape)


def _size(dim: Dim, otherwise: int) -> int:
    if isinstance(dim, int):
        return dim
    return 1 if dim == BATCH else otherwise


def _fits(graph: Graph, shapes: Sizes) -> bool:
    specs = _specs(graph, shapes)
    dims = (dim for spec in (specs or {}).values() for dim in spec.shape)
    return specs is not None and all(not isinstance(dim, int) or dim > 0 for dim in dims)


def _specs(graph: Graph, shapes: Sequence[tuple[int, ...]]) -> dict[Value, Spec] | None:
    """What every value is with inputs of these sizes, by the ops' own shape rules; None where one refuses."""
    specs = {value: Spec(shape, value.dtype) for value, shape in zip(graph.inputs, shapes, strict=True)}
    try:
        for node in graph.nodes:
            specs.update(
                zip(node.outputs, node.op.infer(*(specs[value] for value in node.inputs)), strict=True)
            )
    except GraphError:
        return None
    return specs
