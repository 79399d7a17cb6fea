"""The reference: a graph computed by NumPy, in float64 unless told otherwise.

In `OWN` precision every value is held in the type that the model gives it, as a framework would hold it:
computed in float32 (float64 where it is of that type) and rounded where it is of a shorter one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence

import numpy as np

from porter.graph.model import Graph, Node, Value

Array = np.ndarray

OWN = "own"
SHORT = ("float16", "bfloat16")


def run(
    graph: Graph,
    inputs: Sequence[Array],
    dtype: str = "float64",
    watch: Callable[[Node, tuple[Array, ...]], None] | None = None,
) -> list[Array]:
    """The outputs of `graph`; every floating number is held in `dtype`. `watch` sees each node's outputs."""
    walk = steps(graph, inputs, dtype)
    while True:
        try:
            node, results = next(walk)
        except StopIteration as done:
            outputs: list[Array] = done.value
            return outputs
        if watch is not None:
            watch(node, results)


Steps = Generator[tuple[Node, tuple[Array, ...]], "tuple[Array, ...] | None", list[Array]]


def steps(graph: Graph, inputs: Sequence[Array], dtype: str = "float64") -> Steps:
    """The graph computed node by node, as a generator, so that several runs can go in step.

    It yields each node with its outputs; what is sent back, if anything, takes their place for the nodes that
    follow. Values are dropped after their last use: memory is bounded by what is alive at once.
    """
    held: dict[Value, Array] = {}
    for value, array in zip(graph.inputs, inputs, strict=True):
        held[value] = _held(np.asarray(array), dtype, value.dtype)
    last = _last_uses(graph)
    for place, node in enumerate(graph.nodes):
        results = _computed(node, [held[value] for value in node.inputs], dtype)
        instead = yield node, results
        if instead is not None:
            results = tuple(
                _held(array, dtype, value.dtype) for array, value in zip(instead, node.outputs, strict=True)
            )
        held.update(zip(node.outputs, results, strict=True))
        for value in dict.fromkeys((*node.inputs, *node.outputs)):
            if last.get(value, place) <= place and value not in graph.outputs:
                held.pop(value, None)
    return [held[value] for value in graph.outputs]


def _computed(node: Node, inputs: Sequence[Array], dtype: str) -> tuple[Array, ...]:
    params = {name: _held(p.tensor.read(), dtype, node.outputs[0].dtype) for name, p in node.params.items()}
    with np.errstate(all="ignore"):
        results = node.op.meaning(list(inputs), params)
    return tuple(
        _held(np.asarray(result), dtype, value.dtype)
        for result, value in zip(results, node.outputs, strict=True)
    )


def _held(array: Array, dtype: str, own: str) -> Array:
    """The array in `dtype`, or rounded as its own type rounds."""
    if array.dtype.kind not in "fV":  # bfloat16 and the small floats of ml_dtypes are of kind V
        return array
    if dtype in SHORT:
        return array.astype(_dtype(dtype)).astype("float32")
    if dtype != OWN:
        return array.astype(dtype)
    if own in SHORT:
        return array.astype(_dtype(own)).astype("float32")
    return array.astype("float64" if own == "float64" else "float32")


def _dtype(name: str) -> type[np.generic]:
    if name == "bfloat16":
        import ml_dtypes

        bfloat16: type[np.generic] = ml_dtypes.bfloat16
        return bfloat16
    return np.dtype(name).type


def _last_uses(graph: Graph) -> Mapping[Value, int]:
    last: dict[Value, int] = {}
    for place, node in enumerate(graph.nodes):
        for value in node.inputs:
            last[value] = place
    return last
