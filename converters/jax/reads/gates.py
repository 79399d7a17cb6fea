"""What a gate of a recurrent step is computed from, and the parameters of all gates as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from converters.jax.reading.call import PrimitiveCall
from porter.dataclass import dataclass
from porter.graph.dims import Dim
from porter.graph.model import Node, Param, Value
from porter.graph.ops.activation import Elu, Relu
from porter.graph.ops.elementwise import Binary, Cast, Unary
from porter.graph.ops.indexing import Split
from porter.graph.ops.linear import Linear
from porter.graph.ops.op import Op
from porter.graph.ops.reshaping import Concat, Slice
from porter.weights.tensor import Constant as Numbers
from porter.weights.tensor import Derived, Tensor

FUNCTIONS = frozenset("sigmoid tanh hard_sigmoid softsign softplus silu hard_tanh".split())


@dataclass(frozen=True)
class Block:
    """Rows (and columns) of a weight `o i`, or part of a bias."""

    tensor: Tensor
    rows: tuple[int, int]
    columns: tuple[int, int] | None = None
    trainable: bool = True

    def read(self, whole: np.ndarray) -> np.ndarray:
        """Its numbers."""
        part = whole[self.rows[0] : self.rows[1]]
        return part if self.columns is None else part[:, self.columns[0] : self.columns[1]]

    @property
    def is_all_columns(self) -> bool:
        return self.columns is None or self.columns == (0, self.tensor.shape[1])


@dataclass(frozen=True)
class Affine:
    """A sum: for each source its products, and the biases under "1"."""

    terms: tuple[tuple[str, Block], ...]

    def of(self, *sources: str) -> list[Block]:
        """The blocks of these sources."""
        return [block for source, block in self.terms if source in sources]


class Gates:
    """Reads sums of a step whose inputs have names."""

    def __init__(self, call: PrimitiveCall, names: Mapping[Value, str]) -> None:
        self.call, self.names = call, dict(names)
        self.makers = call.context.makers

    def knowing(self, value: Value, name: str) -> Gates:
        """The same, with one more named value."""
        return Gates(self.call, {**self.names, value: name})

    def node(self, value: Value | None) -> Node | None:
        """What makes a value; casts are looked through."""
        node = None if value is None else self.makers.get(value)
        while node is not None and isinstance(node.op, Cast):
            node = self.makers.get(node.inputs[0])
        return node

    def orders(self, value: Value | None, function: str) -> list[tuple[Value, Value]]:
        """The operands of a binary function, either way round."""
        node = self.node(value)
        if node is None or not isinstance(node.op, Binary) or node.op.function != function:
            return []
        a, b = node.inputs
        return [(a, b), (b, a)]

    def activated(self, value: Value) -> tuple[Op | None, Value]:
        """The function that was applied last, and to what; None where it is no activation."""
        node = self.node(value)
        if node is None or node.params:
            return None, value
        plain = isinstance(node.op, Relu | Elu)
        if plain or (isinstance(node.op, Unary) and node.op.function in FUNCTIONS):
            return node.op, node.inputs[0]
        return None, value

    def sums(self, values: Sequence[Value]) -> tuple[list[Op | None], list[Affine] | None]:
        """Functions and sums of several gates; no sums where one is none."""
        pairs = [self.activated(value) for value in values]
        found = [self.affine(inner) for _, inner in pairs]
        whole = [total for total in found if total is not None]
        return [function for function, _ in pairs], whole if len(whole) == len(found) else None

    def is_rest(self, value: Value, gate: Value) -> bool:
        """Whether a value is 1 - gate."""
        node = self.node(value)
        if node is None or node.op != Binary("subtract"):
            return False
        return node.inputs[1] is gate and self.call.filled(node.inputs[0]) == 1

    def products(self, value: Value) -> Iterator[Value]:
        """Products that a sum takes as an input of its linear parts."""
        todo = [value]
        while todo:
            node = self.node(todo.pop())
            if node is None:
                continue
            if isinstance(node.op, Linear) and self.orders(node.inputs[0], "multiply"):
                yield node.inputs[0]
            if node.op == Binary("add"):
                todo += node.inputs

    def affine(self, value: Value) -> Affine | None:
        """A value as a sum of products and biases, or None where it is something else."""
        node = self.node(value)
        if node is None:
            return None
        if node.op == Binary("add"):
            size = value.shape[-1]
            left, right = (self.affine(part) or self._bias(part, size) for part in node.inputs)
            return None if left is None or right is None else Affine((*left.terms, *right.terms))
        if isinstance(node.op, Linear):
            return self._product(node)
        if isinstance(node.op, Split) and node.op.axis % node.inputs[0].rank == node.inputs[0].rank - 1:
            ends = [0, *np.cumsum(node.op.sizes).tolist()]
            place = node.outputs.index(value)
            return self._rows(self.affine(node.inputs[0]), ends[place], ends[place + 1])
        if isinstance(node.op, Slice):
            *others, (start, stop, step) = node.op.ranges
            size = node.inputs[0].shape[-1]
            if step == 1 and all(part == (None, None, 1) for part in others) and isinstance(size, int):
                start, stop, _ = slice(start, stop).indices(size)
                return self._rows(self.affine(node.inputs[0]), start, stop)
        return None

    def _rows(self, whole: Affine | None, start: int, stop: int) -> Affine | None:
        if whole is None:
            return None
        return Affine(
            tuple(
                (
                    source,
                    Block(b.tensor, (b.rows[0] + start, b.rows[0] + stop), b.columns, b.trainable),
                )
                for source, b in whole.terms
            )
        )

    def _product(self, node: Node) -> Affine | None:
        param = node.params["weight"]
        rows = (0, param.tensor.shape[0])
        x = node.inputs[0]
        if x in self.names:
            return Affine(((self.names[x], Block(param.tensor, rows, None, param.trainable)),))
        joined = self.node(x)
        if joined is None or not isinstance(joined.op, Concat) or joined.op.axis % x.rank != x.rank - 1:
            return None
        if not all(part in self.names for part in joined.inputs):
            return None
        terms, start = [], 0
        for part in joined.inputs:
            stop = start + int(str(part.shape[-1]))
            block = Block(param.tensor, rows, (start, stop), param.trainable)
            terms.append((self.names[part], block))
            start = stop
        return Affine(tuple(terms))

    def _bias(self, value: Value, size: Dim) -> Affine | None:
        value = self.call.context.slim.get(value, value)
        number = self.call.filled(value)
        if number is not None and isinstance(size, int):
            tensor = Numbers(np.full(size, number, value.dtype))
            return Affine((("1", Block(tensor, (0, size), None, False)),))
        filled = value.rank == 1 and self.call.is_weight(value)
        param = self.call.context.param(value) if filled else None
        if param is None:
            return None
        return Affine((("1", Block(param.tensor, (0, param.tensor.shape[0]), None, param.trainable)),))


def packed(gates: Sequence[Sequence[Block]], units: int, width: int | None) -> Param | None:
    """The blocks of all gates one after another; None where they do not fit."""
    for blocks in gates:
        for block in blocks:
            columns = block.columns or (0, block.tensor.shape[-1])
            fits = block.rows[1] - block.rows[0] == units
            if not fits or (width is not None and columns[1] - columns[0] != width):
                return None
    flat = [blocks[0] for blocks in gates if len(blocks) == 1]
    trainable = any(block.trainable for blocks in gates for block in blocks)
    if len(flat) == len(gates) and _in_order(flat, units):
        return Param(flat[0].tensor, trainable)
    bases = list({id(block.tensor): block.tensor for blocks in gates for block in blocks}.values())
    shape = (len(gates) * units, *(() if width is None else (width,)))
    kind = bases[0].dtype if bases else "float32"
    if not bases:
        return Param(Numbers(np.zeros(shape, "float32")))
    numbers = {id(tensor): place for place, tensor in enumerate(bases)}

    def compute(*arrays: np.ndarray) -> np.ndarray:
        rows = []
        for blocks in gates:
            total = np.zeros((units, *shape[1:]), arrays[0].dtype)
            for block in blocks:
                total = total + block.read(arrays[numbers[id(block.tensor)]])
            rows.append(total)
        return np.concatenate(rows)

    return Param(Derived(tuple(bases), "gates one after another", shape, kind, compute), trainable)


def _in_order(blocks: Sequence[Block], units: int) -> bool:
    """Whether the blocks are one tensor as it is."""
    first = blocks[0].tensor
    places = [block.rows[0] for block in blocks]
    whole = first.shape[0] == len(blocks) * units and all(block.is_all_columns for block in blocks)
    return (
        whole and all(b.tensor is first for b in blocks) and places == [k * units for k in range(len(blocks))]
    )
