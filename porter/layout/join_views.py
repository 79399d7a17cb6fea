"""Reshapes and transposes one after another, where nobody looks in between, with one transpose at most.

    Transpose -> Reshape -> Transpose -> Reshape      becomes      Reshape -> Transpose -> Reshape
    Transpose -> MergeHeads                           becomes      Reshape

Whatever such a row does: it cuts axes into factors, puts these in another order and merges them again. The
layout pass puts transposes in front of windows that the source cuts and turns by itself; both are one turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from porter.dataclass import dataclass
from porter.graph.builder import prune
from porter.graph.dims import Dim, Shape, product
from porter.graph.model import Graph, Node, Spec, Value
from porter.graph.ops.attention import MergeHeads, SplitHeads
from porter.graph.ops.op import Op
from porter.graph.ops.reshaping import Reshape, Transpose
from porter.graph.regroup import groups, target_for


@dataclass(frozen=True, eq=False)
class _Factor:
    """A factor of an axis; cut, it is two others."""

    size: Dim


Axes = list[list[_Factor]]
VIEWS = (Transpose, Reshape, SplitHeads, MergeHeads)


def join_views(graph: Graph) -> Graph:
    """The graph with such rows in short, where that spares transposes or steps."""
    users, made = graph.consumers(), graph.producers()
    joined: dict[Node, list[Node]] = {}
    starts: dict[Node, Value] = {}
    inside: set[Node] = set()
    for node in reversed(graph.nodes):
        if not isinstance(node.op, VIEWS) or node in inside:
            continue
        row = _row(node, users, made, graph)
        short = _short(row) if len(row) > 1 else None
        named = short or node.outputs[0] not in graph.outputs  # an output is a value of its own
        if short is not None and named and _is_better(short, row):
            joined[node], starts[node] = short, row[0].inputs[0]
            inside.update(row)
    renamed: dict[Value, Value] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        for one in joined.get(node, [node]):
            given = tuple(renamed.get(value, value) for value in one.inputs)
            nodes.append(one if given == one.inputs else replace(one, inputs=given))
        if joined.get(node) == []:
            renamed[node.outputs[0]] = renamed.get(starts[node], starts[node])
    return prune(replace(graph, nodes=tuple(nodes)))


def _cost(nodes: Sequence[Node]) -> tuple[int, int]:
    """Transposes move numbers (heads are brought to their place by one), and each step is a line to read."""
    return sum(not isinstance(node.op, Reshape) for node in nodes), len(nodes)


def _is_better(short: Sequence[Node], row: Sequence[Node]) -> bool:
    """Whether it costs less; for a step more or less nothing leaves its nested model."""
    if row[-1].origin.scopes != row[-2].origin.scopes:
        return _cost(short)[0] < _cost(row)[0]
    return _cost(short) < _cost(row)


def _row(
    last: Node, users: Mapping[Value, Sequence[Node]], made: Mapping[Value, Node], graph: Graph
) -> list[Node]:
    """The reshapes and transposes that end with `last`, in one nested model, each used by the next alone.

    A transpose that the source knows nothing of may be done before its nested model is called.
    """
    row = [last]
    ours = isinstance(last.op, Transpose) and last.op.reason != Transpose.reason
    home = None if ours else last.origin.scopes
    while True:
        value = row[0].inputs[0]
        before = made.get(value)
        alone = len(users[value]) == 1 and value not in graph.outputs
        if before is None or not alone or not isinstance(before.op, VIEWS):
            return row
        home = before.origin.scopes if home is None else home
        if before.origin.scopes != home:
            return row
        row.insert(0, before)


def _short(row: Sequence[Node]) -> list[Node] | None:
    given, wanted = row[0].inputs[0], row[-1].outputs[0]
    moves = _Moves(given.shape)
    if not all(moves.follow(node) for node in row):
        return None
    parts = moves.parts()
    order = sorted(range(len(parts)), key=lambda place: moves.place(parts[place]))
    cut = tuple(product(factor.size for factor in part) for part in parts)
    steps: list[Op] = []
    spec = given.spec
    turned = tuple(cut[place] for place in order)
    targets = target_for(given.shape, cut), target_for(turned, wanted.shape)
    if targets[0] is None or targets[1] is None:
        return None
    for op in (Reshape(targets[0]), Transpose(tuple(order), _reason(row)), Reshape(targets[1])):
        (after,) = op.infer(spec)
        if after != spec or (isinstance(op, Transpose) and order != sorted(order)):
            steps.append(op)
        spec = after
    return _nodes(steps, row) if spec == wanted.spec else None


def _reason(row: Sequence[Node]) -> str:
    return next((node.op.reason for node in reversed(row) if isinstance(node.op, Transpose)), "")


def _nodes(steps: Sequence[Op], row: Sequence[Node]) -> list[Node]:
    turns = [node for node in row if isinstance(node.op, Transpose)] or list(row)
    nodes: list[Node] = []
    value = row[0].inputs[0]
    end = row[-1].origin if row[-1].origin.scopes == row[-2].origin.scopes else row[-2].origin
    for place, op in enumerate(steps):
        like = turns[-1] if isinstance(op, Transpose) else row[0 if place == 0 else -1]
        (spec,) = op.infer(value.spec)
        last = place == len(steps) - 1
        made = row[-1].outputs[0] if last else Value(like.outputs[0].name, Spec(spec.shape, spec.dtype))
        origin = end if last or like is row[-1] else like.origin
        nodes.append(Node(op, (value,), (made,), {}, origin))
        value = made
    return nodes


def _swapped(axes: Any) -> Any:
    """Heads and steps in each other's place."""
    *lead, heads, steps, width = axes
    return type(axes)((*lead, steps, heads, width))


class _Moves:
    """Where the factors of the axes go."""

    def __init__(self, shape: Shape) -> None:
        self.before: Axes = [[_Factor(size)] if size != 1 else [] for size in shape]
        self.now: Axes = [list(axis) for axis in self.before]
        self._left: list[_Factor] = []

    def follow(self, node: Node) -> bool:
        """Go through one step of the row; False where the factors cannot be told apart."""
        op, before, after = node.op, node.inputs[0].shape, node.outputs[0].shape
        if isinstance(op, Transpose):
            self.now = [self.now[axis] for axis in op.perm]
            return True
        if isinstance(op, SplitHeads):
            done = self._reshape(before, _swapped(after))
            self.now = _swapped(self.now)
            return done
        if isinstance(op, MergeHeads):
            self.now, before = _swapped(self.now), _swapped(before)
        return self._reshape(before, after)

    def _reshape(self, before: Shape, after: Shape) -> bool:
        found = groups(before, after)
        if found is None:
            return False
        made: Axes = [[] for _ in after]
        for group in found:
            factors = [factor for axis in group.before for factor in self.now[axis]]
            for axis in group.after:
                taken = self._take(factors, after[axis])
                if taken is None:
                    return False
                made[axis], factors = taken, self._left
        self.now = made
        return True

    def _take(self, factors: list[_Factor], size: Dim) -> list[_Factor] | None:
        """Factors from the front that make up `size`; the last of them may have to be cut."""
        for count in range(1, len(factors) + 1):
            taken, rest = factors[:count], factors[count:]
            if product(factor.size for factor in taken) == size:
                self._left = rest
                return taken
            ahead = product(factor.size for factor in taken[:-1])
            whole = taken[-1].size
            if not isinstance(size, int) or not isinstance(ahead, int) or not isinstance(whole, int):
                continue
            if ahead * whole > size:
                return self._cut(taken, rest, size, ahead, whole)
        return None

    def _cut(
        self, taken: list[_Factor], rest: list[_Factor], size: int, ahead: int, whole: int
    ) -> list[_Factor] | None:
        if size % ahead or whole % (size // ahead):
            return None
        first, second = _Factor(size // ahead), _Factor(whole * ahead // size)
        for axes in (self.before, self.now):
            for axis in axes:
                if taken[-1] in axis:
                    place = axis.index(taken[-1])
                    axis[place : place + 1] = [first, second]
        self._left = [second, *rest]
        return [*taken[:-1], first]

    def parts(self) -> list[list[_Factor]]:
        """The factors in their order before, those together that stay together."""
        order = [factor for axis in self.now for factor in axis]
        ends = {axis[-1] for axis in self.now if axis}
        found: list[list[_Factor]] = []
        for axis in self.before:
            for place, factor in enumerate(axis):
                follows = place > 0 and order.index(factor) == order.index(axis[place - 1]) + 1
                if follows and axis[place - 1] not in ends:
                    found[-1].append(factor)
                else:
                    found.append([factor])
        return found

    def place(self, part: Sequence[_Factor]) -> int:
        """Where a part comes to lie."""
        return [factor for axis in self.now for factor in axis].index(part[0])
