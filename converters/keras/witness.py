"""Asking numbers which backend wrote a file: recorded predictions, or statistics that training left in it.

Both readings of the file are computed by the reference on inputs that the user gives. Predictions that were
recorded with them decide the question. Without any, the means and variances stored in batch normalizations
may: on the right backend real data come close to them. Inputs that porter made up would not tell: a network
whose kernels are all turned round does to them what the straight one does to the same inputs turned round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from converters.keras.backend import TITLES, Backend, Evidence
from porter.dataclass import dataclass
from porter.errors import PorterError
from porter.graph.dims import may_equal
from porter.graph.model import Graph, Node, Param
from porter.graph.ops.normalisation import BatchNorm
from porter.graph.ops.op import normal_axis
from porter.graph.run import run
from porter.graph.serial import to_json

Array = np.ndarray
CANDIDATES = ("theano", "tensorflow")
MOST_ROWS = 64
AGREES, FARTHER = 1e-3, 10.0
"""Predictions agree within this share of their size, and the other reading is this many times farther off."""

NEAR, FARTHER_STATISTICS = 0.5, 3.0


@dataclass(frozen=True)
class Recorded:
    """Inputs that the user gave, and the outputs recorded with them, if any."""

    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]


def recorded(path: Path) -> Recorded:
    """The arrays x0, x1, ... and y0, y1, ... of a file."""
    with np.load(path, allow_pickle=False) as file:
        pair = [
            tuple(
                file[f"{letter}{place}"][:MOST_ROWS]
                for place in range(len(file.files))
                if f"{letter}{place}" in file
            )
            for letter in "xy"
        ]
    return Recorded(pair[0], pair[1])


def asked(backend: Backend, given: Recorded, graphs: Mapping[str, Graph]) -> Backend:
    """`backend`, or what the numbers say where they decide; `graphs` are the file's as each would have it."""
    if not all(_fits(graph, given) for graph in graphs.values()):
        return backend
    found = _by_outputs(graphs, given) if given.outputs else _by_statistics(graphs, given)
    if found is None:
        return backend
    agreeing = (item for item in backend.evidence if item.backend == found.backend)
    return Backend(found.backend, "certain" if found.proof else "likely", (found, *agreeing))


def ordering_asked(given: Recorded, graphs: Mapping[str, Graph]) -> str | None:
    """The ordering by which alone recorded predictions come out; `graphs` are by names like "theano:th"."""
    if not given.outputs:
        return None
    gaps = {
        name: _gap(run(graph, given.inputs), given.outputs)
        for name, graph in graphs.items()
        if _fits(graph, given)
    }
    agreeing = {name.partition(":")[2] for name, gap in gaps.items() if gap <= AGREES}
    return agreeing.pop() if len(agreeing) == 1 else None


def same_function(one: Graph, other: Graph) -> bool:
    """Whether two readings are the same steps on the same numbers: then either is right."""
    if to_json(one, _unnamed) != to_json(other, _unnamed):
        return False
    pairs = zip(one.nodes, other.nodes, strict=True)
    return all(
        np.array_equal(left.params[name].tensor.read(), right.params[name].tensor.read())
        for left, right in pairs
        for name in left.params
    )


def _unnamed(param: Param) -> dict[str, Any]:
    return {"shape": list(param.tensor.shape), "dtype": param.tensor.dtype}


def _fits(graph: Graph, given: Recorded) -> bool:
    """Whether the inputs are those of this model."""
    return len(graph.inputs) == len(given.inputs) and all(
        value.rank == array.ndim and all(map(may_equal, value.shape[1:], array.shape[1:]))
        for value, array in zip(graph.inputs, given.inputs, strict=True)
    )


def _by_outputs(graphs: Mapping[str, Graph], given: Recorded) -> Evidence | None:
    gaps = {name: _gap(run(graph, given.inputs), given.outputs) for name, graph in graphs.items()}
    near, far = sorted(gaps, key=lambda name: gaps[name])
    if gaps[near] > AGREES or gaps[far] < FARTHER * max(gaps[near], 1e-6):
        return None
    return Evidence(
        near,
        f"the recorded predictions agree to {gaps[near]:.1g} of their size when read as {TITLES[near]}'s, "
        f"and differ by {gaps[far]:.1g} when read as {TITLES[far]}'s",
    )


def _gap(results: Sequence[Array], wanted: Sequence[Array]) -> float:
    """The largest difference in shares of the largest number; infinite where shapes differ."""
    if [array.shape for array in results] != [array.shape for array in wanted]:
        return float("inf")
    pairs = list(zip(results, wanted, strict=True))
    size = max((float(np.abs(want).max(initial=0.0)) for _, want in pairs), default=0.0)
    gap = max((float(np.abs(have - want).max(initial=0.0)) for have, want in pairs), default=float("inf"))
    return gap / size if size else float("inf")


def _by_statistics(graphs: Mapping[str, Graph], given: Recorded) -> Evidence | None:
    gaps = {name: _distance(graph, given.inputs) for name, graph in graphs.items()}
    near, far = sorted(gaps, key=lambda name: gaps[name])
    if not gaps[near] < NEAR or gaps[far] < FARTHER_STATISTICS * gaps[near]:
        return None
    return Evidence(
        near,
        f"on the given inputs the activations come within {gaps[near]:.2g} of the stored statistics of the "
        f"batch normalizations when read as {TITLES[near]}'s, and within {gaps[far]:.2g} "
        f"when read as {TITLES[far]}'s",
        proof=False,
    )


def _distance(graph: Graph, inputs: Sequence[Array]) -> float:
    """How far activations are from the stored statistics, in deviations; infinite where nothing is stored."""
    nodes = [node for node in graph.nodes if type(node.op) is BatchNorm]
    if not nodes:
        return float("inf")
    try:
        given = run(replace(graph, outputs=tuple(node.inputs[0] for node in nodes)), inputs)
    except PorterError:
        return float("inf")
    return float(np.mean([_off(node, array) for node, array in zip(nodes, given, strict=True)]))


def _off(node: Node, array: Array) -> float:
    assert isinstance(node.op, BatchNorm)
    axis = normal_axis(node.op.axis, array.ndim)
    others = tuple(place for place in range(array.ndim) if place != axis)
    mean, variance = (np.asarray(node.params[name].tensor.read(), "float64") for name in ("mean", "variance"))
    deviation = np.sqrt(variance + node.op.epsilon)
    shift = np.abs(array.mean(axis=others) - mean) / deviation
    spread = np.abs(np.log((array.std(axis=others) + 1e-12) / (deviation + 1e-12)))
    return float(np.mean(shift + spread))
