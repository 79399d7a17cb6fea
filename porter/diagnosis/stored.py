"""A bundle's weights beside those that porter would write: which numbers are not the source's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from itertools import permutations
from pathlib import Path

import numpy as np

from porter.compare.weights import compare_weights
from porter.dataclass import dataclass
from porter.diagnosis.hypothesis import FAULTS, Hypothesis, Params
from porter.diagnosis.wrong_weights import in_weights
from porter.graph.model import Graph, Node
from porter.sides import Side
from porter.verification.settings import LayerPlan
from porter.weights.reading import stored_tensors
from porter.weights.tensor import Tensor
from porter.writing.forms import Weight

Array = np.ndarray


@dataclass
class StoredWeights:
    """The weights of a bundle, and those that it should have; empty where that is not known."""

    wanted: Mapping[str, Weight] = field(default_factory=dict)
    stored: Mapping[str, Tensor] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)  # of keys whose numbers are others

    @staticmethod
    def of(b: Side, plan: LayerPlan) -> StoredWeights:
        """Of side b."""
        if b.manifest is None or not plan.weights:
            return StoredWeights()
        file = Path(b.model["bundle"]) / b.manifest["weights"]["file"]
        if file.is_dir():
            return StoredWeights()
        stored = stored_tensors(file)
        if set(stored) != set(plan.weights):
            return StoredWeights()
        problems = {
            key: f"it is stored as {stored[key].dtype}"
            for key, weight in plan.weights.items()
            if weight.tensor.dtype != stored[key].dtype
        }
        rows = compare_weights(plan.weights, stored)
        return StoredWeights(plan.weights, stored, {**problems, **{row.name: row.problem for row in rows}})

    def right(self, node: Node) -> bool | None:
        """Whether a step's weights are the source's, to the last digit; None where that is not known."""
        keys = self._keys(node)
        return None if not keys else not any(key in self.problems for key in keys)

    def mistakes(self, node: Node, graph: Graph) -> tuple[Hypothesis, ...]:
        """What is wrong with a step's weights, array by array, as they are stored; none where that cannot be
        told."""
        instead = self._instead(node)
        if not instead:
            return ()
        right = {name: param.tensor.read() for name, param in node.params.items()}
        possible = list(in_weights(node, graph))
        whole = next((one for one in possible if _makes(one, right, {**right, **instead})), None)
        if whole is not None:
            return (whole,)
        return tuple(
            next((one for one in possible if _makes(one, right, {**right, name: array})), None)
            or self._others(node, name, array)
            for name, array in instead.items()
        )

    def otherwise(self, node: Node) -> Hypothesis | None:
        """That a step has other numbers, where they cannot be put in the place of its own."""
        wrong = [key for key in self._keys(node) if key in self.problems]
        return self._told(node, wrong[0]) if wrong else None

    def _others(self, node: Node, name: str, array: Array) -> Hypothesis:
        keys = [key for key in self._keys(node) if _same(self.wanted[key].tensor, node.params[name].tensor)]
        return replace(self._told(node, keys[0]), change=lambda p: {**p, name: array})

    def _told(self, node: Node, key: str) -> Hypothesis:
        told = _in_words(self.wanted[key].tensor.read(), self.stored.get(key))
        return Hypothesis(
            "other numbers", f"{key}: {told or self.problems[key]}", "weights", node.op, simple=9
        )

    def _instead(self, node: Node) -> dict[str, Array]:
        """The stored arrays that are not as they should be, in the axes of the step; {} where one cannot be
        brought there."""
        wrong = [key for key in self._keys(node) if key in self.problems]
        found: dict[str, Array] = {}
        for key in wrong:
            wanted, given = self.wanted[key].tensor.read(), self.stored[key].read()
            turns = {
                name: turn_to(wanted, param.tensor)
                for name, param in node.params.items()
                if name not in found and _same(param.tensor, self.wanted[key].tensor)
            }
            name = next((name for name, turn in turns.items() if turn is not None), None)
            if name is None or given.shape != wanted.shape:
                return {}
            found[name] = given.transpose(turns[name])
        return found

    def _keys(self, node: Node) -> list[str]:
        own = {(o.file, o.key) for param in node.params.values() for o in param.tensor.origins}
        first = {
            key.rpartition(".")[0]
            for key, weight in self.wanted.items()
            if any((o.file, o.key) in own for o in weight.tensor.origins)
        }
        return [key for key in self.wanted if key.rpartition(".")[0] in first]


def _same(one: Tensor, other: Tensor) -> bool:
    ours, theirs = ([(o.file, o.key) for o in tensor.origins] for tensor in (one, other))
    return ours == theirs


def _makes(hypothesis: Hypothesis, right: Params, stored: Params) -> bool:
    """Whether a mistake makes of the right arrays those that are stored, to the last digit but one."""
    assert hypothesis.change is not None
    try:
        made = hypothesis.change(right)
    except FAULTS:
        return False
    return made.keys() == stored.keys() and all(_near(made[name], stored[name]) for name in stored)


def _near(made: Array, stored: Array) -> bool:
    if made.shape != stored.shape:
        return False
    same = made.astype(stored.dtype)
    return np.array_equal(same, stored) or np.allclose(same, stored, rtol=1e-6, atol=0.0)


def turn_to(given: Array, tensor: Tensor) -> tuple[int, ...] | None:
    """The order of the axes of `given` in which it is a tensor."""
    wanted = tensor.read()
    if given.ndim != wanted.ndim or given.ndim > 5:
        return None
    for turn in permutations(range(given.ndim)):
        if given.transpose(turn).shape == wanted.shape and np.array_equal(given.transpose(turn), wanted):
            return turn
    return None


def _in_words(wanted: Array, tensor: Tensor | None) -> str:
    given = None if tensor is None else tensor.read()
    if given is None or given.shape != wanted.shape or not wanted.ndim:
        return ""
    differ = wanted != given
    rows = np.flatnonzero(differ.reshape(len(wanted), -1).any(axis=1))
    if len(rows) == 2 and np.array_equal(wanted[rows], given[rows[::-1]]):
        return f"rows {rows[0]} and {rows[1]} are exchanged"
    count = int(differ.sum())
    largest = float(np.abs(wanted.astype("float64") - given.astype("float64")).max())
    return f"{count} of {wanted.size} numbers are not the source's, by {largest:.1e} at the most"
