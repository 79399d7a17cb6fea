"""Looking ahead: what the users of a value would like, found by asking their ops."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from porter.graph.layouts import Inner, Layout, Orientation, Relaid, Request, fixed
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.reshaping import Transpose
from porter.graph.ops.sources import Constant

Steps = Callable[[Value], list[tuple[Node, tuple[Value, ...]]]]
"""From a value to the nodes next to it, and the values on their other side."""


class Wishes:
    """Answers about the users of values, by probing each op's own layout rule."""

    def __init__(self, graph: Graph, target: Orientation, written: Collection[Node] = ()) -> None:
        self.written = written
        self.target: Orientation = target
        self.other: Orientation = "last" if target == "first" else "first"
        self.users, self.makers = graph.consumers(), graph.producers()
        self.outputs = set(graph.outputs)
        self.constants = {value for n in graph.nodes if isinstance(n.op, Constant) for value in n.outputs}
        self._wanted: dict[Value, bool] = {}
        self._welcome: dict[Value, bool] = {}

    def wanted(self, value: Value) -> Layout | None:
        """The target's own image order, if some user down the line needs it; None if nobody does."""
        if value.rank < 3:
            return None
        return Layout.oriented(value.rank, self.other, self.target) if self._wants(value) else None

    def _wants(self, value: Value) -> bool:
        if value not in self._wanted:
            self._wanted[value] = False  # while looking, so that each value is looked at once
            self._wanted[value] = any(self._user_wants(node, value) for node in self.users.get(value, []))
        return self._wanted[value]

    def _user_wants(self, node: Node, value: Value) -> bool:
        native = Layout.oriented(value.rank, self.other, self.target)
        plain = Layout.identity(value.rank)
        if self._needs(self._probe(node, value, plain), node, value, native):
            return True
        answer = self._probe(node, value, native)
        if not self._needs(answer, node, value, native):
            return False
        kept = [
            output
            for output, layout in zip(node.outputs, answer.outputs, strict=True)
            if output.rank >= 3 and layout == Layout.oriented(output.rank, self.other, self.target)
        ]
        return any(self._wants(output) for output in kept)

    def inner_welcome(self, value: Value) -> bool:
        """Whether all users can take the last axis with its parts in another order."""
        if value not in self._welcome:
            users = self.users.get(value, [])
            welcome = bool(users) and value not in self.outputs and value.rank >= 2
            self._welcome[value] = welcome and all(self._user_takes_inner(node, value) for node in users)
        return self._welcome[value]

    def _user_takes_inner(self, node: Node, value: Value) -> bool:
        size = value.shape[-1]
        if not isinstance(size, int):
            return False
        axis = value.rank - 1
        shuffled = Layout(tuple(range(value.rank)), {axis: Inner((size, 1), (1, 0))})
        answer = self._probe(node, value, shuffled)
        if not self._needs(answer, node, value, shuffled):
            return False
        return all(
            not layout.inner or self.inner_welcome(output)
            for output, layout in zip(node.outputs, answer.outputs, strict=True)
        )

    def spatial_kin(self, value: Value) -> tuple[Node, Sequence[int]] | None:
        """The first op with an orientation down the line, else up it, to name a value's axes by; and where
        that op has each of the axes."""
        return self._kin(value, self._later) or self._kin(value, self._earlier)

    def _kin(self, value: Value, steps: Steps) -> tuple[Node, Sequence[int]] | None:
        places: dict[Value, list[int]] = {value: list(range(value.rank))}
        todo = [value]
        while todo:
            at = places[todo[0]]
            for node, others in steps(todo.pop(0)):
                if hasattr(node.op, "orientation"):
                    return node, at
                moved = at
                if isinstance(node.op, Transpose):
                    order = node.op.perm if steps == self._earlier else np.argsort(node.op.perm)
                    moved = [int(order[place]) for place in at]
                fresh = [other for other in others if other not in places and other.rank == value.rank]
                places.update(dict.fromkeys(fresh, moved))
                todo += fresh
        return None

    def _later(self, value: Value) -> list[tuple[Node, tuple[Value, ...]]]:
        return [(node, node.outputs) for node in self.users.get(value, [])]

    def _earlier(self, value: Value) -> list[tuple[Node, tuple[Value, ...]]]:
        node = self.makers.get(value)
        return [] if node is None else [(node, node.inputs)]

    def _probe(self, node: Node, value: Value, layout: Layout) -> Relaid:
        request = Request(
            layouts=tuple(layout if v is value else Layout.identity(v.rank) for v in node.inputs),
            inputs=tuple(v.spec for v in node.inputs),
            outputs=tuple(v.spec for v in node.outputs),
            target=self.target,
            inner_welcome=True,
            constant=tuple(v in self.constants for v in node.inputs),
        )
        return fixed(node.op, request) if node in self.written else node.op.relayout(request)

    @staticmethod
    def _needs(answer: Relaid, node: Node, value: Value, layout: Layout) -> bool:
        rows = zip(node.inputs, answer.inputs, strict=True)
        return not layout.is_identity and any(v is value and asked == layout for v, asked in rows)
