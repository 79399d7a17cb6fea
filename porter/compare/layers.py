"""A graph's runs in step: what each node makes exactly, roughly, and of true inputs.

Memory holds what is alive at one node, three times over, and never the whole network.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence

import numpy as np

from porter.compare.difference import Yardstick
from porter.compare.reference import Reference, settled
from porter.dataclass import dataclass
from porter.graph.model import Graph, Node
from porter.graph.run import OWN, Steps, steps

Array = np.ndarray


@dataclass(frozen=True)
class KnownOutput:
    """One output of one node."""

    exact: Array
    rough: Array
    alone: Array  # by the model's own precision, from true inputs where those are asked for
    dtype: str

    def yardstick(self, spacing: float) -> Yardstick:
        """The measure for what has come down to this node."""
        return Yardstick(settled(self.exact, self.rough), self.rough, spacing, self.dtype)

    def yardstick_alone(self, spacing: float) -> Yardstick:
        """The measure for what this node makes of true inputs."""
        return Yardstick(self.truth, self.alone, spacing, self.dtype)

    @property
    def truth(self) -> Array:
        """What the layers behind this node get to see where each is tried by itself."""
        return settled(self.exact, self.alone)


@dataclass(frozen=True)
class Known:
    """All outputs of one node."""

    node: Node
    outputs: tuple[KnownOutput, ...]

    def like(self, given: Array) -> int:
        """Which of the outputs a layer shows that gives this array: the nearest of those of its shape."""
        fitting = [k for k, one in enumerate(self.outputs) if one.exact.shape == given.shape]
        if len(fitting) < 2:
            return fitting[0] if fitting else 0
        return min(fitting, key=lambda k: _mean_distance(self.outputs[k].exact, given))


    def stacked(self, numbers: Sequence[int]) -> KnownOutput:
        """Several outputs, one upon another."""
        parts = [self.outputs[number] for number in numbers]
        exact, rough, alone = (
            np.stack([getattr(part, name) for part in parts]) for name in ("exact", "rough", "alone")
        )
        return KnownOutput(exact, rough, alone, parts[0].dtype)


def _mean_distance(a: Array, b: Array) -> float:
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(a.astype("float64") - b.astype("float64"))
    return float(np.nanmean(off)) if np.isfinite(off).any() else np.inf


Walk = Generator[Known, None, list[Reference]]


def walk(graph: Graph, inputs: Sequence[Array], replaced: Collection[Node] = ()) -> Walk:
    """Each node in turn; the outputs of the graph at the end.

    Where there are `replaced` nodes, in a third run the exact values take the place of theirs.
    """
    exact, rough = steps(graph, inputs, "float64"), steps(graph, inputs, OWN)
    alone = steps(graph, inputs, OWN) if replaced else None
    instead: tuple[Array, ...] | None = None
    first = True
    while True:
        try:
            node, x = next(exact)
        except StopIteration as done:
            return [Reference(settled(a, b), b) for a, b in zip(done.value, _rest(rough), strict=True)]
        y = next(rough)[1]
        z = y
        if alone is not None:
            z = (next(alone) if first else alone.send(instead))[1]
            instead = tuple(map(settled, x, z)) if node in replaced else None
        first = False
        dtypes = (value.dtype for value in node.outputs)
        yield Known(node, tuple(map(KnownOutput, x, y, z, dtypes)))


def _rest(run: Steps) -> list[Array]:
    """The outputs of a run that has come to its end."""
    try:
        next(run)
    except StopIteration as done:
        outputs: list[Array] = done.value
        return outputs
    raise AssertionError("the run has not come to its end")


def followed(walked: Walk) -> list[Reference]:
    """The outputs of a walk that nobody watches."""
    while True:
        try:
            next(walked)
        except StopIteration as done:
            outputs: list[Reference] = done.value
            return outputs
