"""The reference: a graph computed by NumPy, in float64 unless told otherwise.

In `OWN` precision every value is held in the type that the model gives it, as a framework would hold it:
computed in float32 (float64 where it is of that type) and rounded where it is of a shorter one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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
    """The outputs of `graph`; every floating number is held in `dtype`. `watch` sees each node's outputs.

    Values are dropped after their last use, so that memory is bounded by what is alive at once.
    """
    held: dict[Value, Array] = {}
    for value, array in zip(graph.inputs, inputs, strict=True):
        held[value] = _held(np.asarray(array), dtype, value.dtype)
    last = _last_uses(graph)
    with np.errstate(all="ignore"):
        for place, node in enumerate(graph.nodes):
            params = {
                name: _held(p.tensor.read(), dtype, node.outputs[0].dtype) for name, p in node.params.items()
            }
            results = node.op.meaning([held[value] for value in node.inputs], params)
            results = tuple(
                _held(np.asarray(result), dtype, value.dtype)
                for result, value in zip(results, node.outputs, strict=True)
            )
            held.update(zip(node.outputs, results, strict=True))
            if watch is not None:
                watch(node, results)
            for value in dict.fromkeys((*node.inputs, *node.outputs)):
                if last.get(value, place) <= place and value not in graph.outputs:
                    held.pop(value, None)
    return [held[value] for value in graph.outputs]


def _held(array: Array, dtype: str, own: str) -> Array:
    """The array in `dtype`, or rounded as its own type rounds."""
    if array.dtype.kind not in "fV":  # bfloat16 and the small floats of ml_dtypes are of kind V
        return array
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
