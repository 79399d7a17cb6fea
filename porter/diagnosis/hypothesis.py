"""One plausible mistake: the right step with another op, other weights, or other inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, fields, replace
from typing import Any, Literal

import numpy as np

from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.model import Node
from porter.graph.ops.op import Op

Array = np.ndarray
Params = Mapping[str, Array]
Change = Callable[[Params], Params]
OfInputs = Callable[[list[Array]], list[Array]]
FAULTS = (GraphError, ValueError, TypeError, IndexError, KeyError, ZeroDivisionError)
"""What a step raises with a mistake that does not fit it: it is no possible mistake then."""

Kind = Literal["weights", "code", "inputs"]


@dataclass(frozen=True)
class Hypothesis:
    """One mistake: what it is called, what it means to a newcomer, and the step as it is with the mistake."""

    name: str
    sentence: str
    kind: Kind
    op: Op
    change: Change | None = None
    inputs: OfInputs | None = None
    outputs: OfInputs | None = None  # a change of what the step gives
    holds_of: str = ""  # the layer whose weights it has
    simple: int = field(default=0, compare=False)  # among equals, the lower is told


def one(node: Node, name: str, title: str, sentence: str, change: Callable[[Array], Array]) -> Hypothesis:
    """Another array in place of one parameter."""
    return many(node, title, sentence, lambda p: {**p, name: change(p[name])})


def many(node: Node, title: str, sentence: str, change: Change, simple: int = 0) -> Hypothesis:
    """Other arrays in place of several parameters."""
    return Hypothesis(title, sentence, "weights", node.op, change, simple=simple)


def code(title: str, sentence: str, op: Op, inputs: OfInputs | None = None, simple: int = 0) -> Hypothesis:
    """Another step in place of the right one, on the same weights."""
    return Hypothesis(title, sentence, "code", op, inputs=inputs, simple=simple)


def of_first(change: Callable[[Array], Array]) -> OfInputs:
    """A change of the first input alone."""
    return lambda given: [change(given[0]), *given[1:]]


def computed(node: Node, given: Sequence[Array], params: Params, by: Sequence[Hypothesis]) -> Sequence[Array]:
    """What a step makes with mistakes in it, one or several."""
    op, arrays = node.op, list(given)
    for hypothesis in by:
        op = _changed(op, node.op, hypothesis.op)
        arrays = arrays if hypothesis.inputs is None else hypothesis.inputs(arrays)
        params = params if hypothesis.change is None else hypothesis.change(params)
    results: Sequence[Array] = op.meaning(arrays, params)
    for hypothesis in by:
        results = results if hypothesis.outputs is None else hypothesis.outputs(list(results))
    return results


def _changed(op: Op, right: Op, wrong: Op) -> Op:
    """`op` with what tells `wrong` from `right`."""
    if type(wrong) is not type(right):
        return wrong
    known = {each.name for each in fields(op)}
    pairs = {each.name: (getattr(right, each.name), getattr(wrong, each.name)) for each in fields(right)}
    others: dict[str, Any] = {n: new for n, (old, new) in pairs.items() if new != old and n in known}
    return replace(op, **others) if others else op
