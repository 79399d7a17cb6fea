"""Recurrent layers that show at masked steps what today's Keras does not, said with layers that it has.

Keras shows the output before a masked step, and zeros until there is one; in a Bidirectional zeros at all
of them. Keras 2 repeated outputs in both walks, and where a layer began with given states, these came first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from porter.graph.builder import Builder, prune
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.elementwise import Cast, Where
from porter.graph.ops.op import Op
from porter.graph.ops.recurrent import AnyRecurrent
from porter.graph.ops.reduction import Cumulate
from porter.graph.ops.reshaping import Concat, Flip, Reshape
from porter.graph.regroup import Kept

BACK = "_reverse"


def gaps_of_keras(graph: Graph) -> Graph:
    """The graph with such layers made of others: one walk each, and what they show chosen afterwards."""
    used = {*graph.outputs, *graph.consumers()}
    nodes: list[Node] = []
    moved: dict[Value, Value] = {}
    for node in graph.nodes:
        node = replace(node, inputs=tuple(moved.get(value, value) for value in node.inputs))
        if not isinstance(node.op, AnyRecurrent) or _as_keras(node.op, node.outputs[0] in used):
            nodes.append(node)
            continue
        parts = _Parts(node, node.op)
        moved |= zip(node.outputs, parts.outputs(), strict=True)
        nodes += parts.builder.nodes
    outputs = tuple(moved.get(value, value) for value in graph.outputs)
    axes = {moved.get(value, value): names for value, names in graph.axes.items()}
    return prune(replace(graph, nodes=tuple(nodes), outputs=outputs, axes=axes))


def _as_keras(op: AnyRecurrent, whole: bool) -> bool:
    """Whether Keras shows the same; `whole`: the outputs at all steps are used."""
    return not op.masked or op.gaps == "zeros" or (op.gaps == "repeat" and not (op.both and whole))


class _Parts:
    """The nodes that take one node's place."""

    def __init__(self, node: Node, op: AnyRecurrent) -> None:
        self.node, self.op = node, op
        self.x, self.mask, *self.starts = node.inputs
        self.builder = Builder()

    def add(self, name: str, op: Op, *inputs: Value) -> Value:
        origin = replace(self.node.origin, layer=f"{self.node.origin.layer}_{name}")
        (value,) = self.builder.add(op, *inputs, origin=origin)
        return value

    def walk(self, number: int) -> tuple[Value, Value, tuple[Value, ...]]:
        """One walk: what it shows at each step, what at its last, and its states."""
        op = self.op
        x, mask, origin = self.x, self.mask, self.node.origin
        if number:
            x, mask = self.add("flip", Flip((1,)), x), self.add("mask_flip", Flip((1,)), mask)
        if op.both:
            origin = replace(origin, layer=f"{origin.layer}_{'backward' if number else 'forward'}")
        held = self.node.params.items()
        params = {name.removesuffix(BACK): p for name, p in held if name.endswith(BACK) == bool(number)}
        start = self.starts[number * op.STATES : (number + 1) * op.STATES]
        plain = replace(op, both=False, gaps="repeat")
        made = self.builder.add(plain, x, mask, *start, params=params, origin=origin)
        sequence, last, *ends = made
        if op.gaps == "state" and op.started:
            sequence, last = self._from(start[0], sequence, mask), ends[0]
        if number:
            sequence = self.add("unflip", Flip((1,)), sequence)
        return sequence, last, tuple(ends)

    def _from(self, start: Value, sequence: Value, mask: Value) -> Value:
        """The state before the first step, until a real one comes."""
        count = self.add("real_steps", Cumulate("sum", 1), self.add("mask", Cast("int32"), mask))
        begun = self.add("begun", Cast("bool"), count)
        column = self.add("begun_column", Reshape((Kept(0), Kept(1), 1)), begun)
        row = self.add("start", Reshape((Kept(0), 1, self.op.units)), start)
        return self.add("shown", Where(), column, sequence, row)

    def outputs(self) -> Sequence[Value]:
        """What the node gave, in its order."""
        sequences, lasts, ends = zip(*map(self.walk, range(self.op.walks)), strict=True)
        return [self.join(sequences), self.join(lasts), *(end for walk in ends for end in walk)]

    def join(self, walks: Sequence[Value]) -> Value:
        """Both walks beside each other."""
        return walks[0] if len(walks) == 1 else self.add("joined", Concat(-1), *walks)
