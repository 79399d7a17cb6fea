"""Attention that a model spells out, as the one op that it is.

    softmax(q k^T * scale) v, v softmax(q k^T * scale)^T    becomes    attention(q, k, v)

So too where the scores of hidden keys are replaced by a very low number. Whatever the order of axes is:
queries, keys and values are turned to `(..., heads, steps, width)`, as layers expect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from string import ascii_letters

import numpy as np

from porter.dataclass import dataclass
from porter.graph.builder import prune
from porter.graph.dims import static
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.activation import Softmax
from porter.graph.ops.attention import Attention
from porter.graph.ops.elementwise import Dropout, Unary, Where
from porter.graph.ops.linear import Einsum, MatMul
from porter.graph.ops.op import Op
from porter.graph.ops.reshaping import Transpose
from porter.normalise.formulas import Formulas

LOW = -1e8
"""What replaces the score of a hidden key is this or less: next to it, no score counts."""


def name_attention(graph: Graph) -> Graph:
    """The graph with such formulas as one node each."""
    formulas = Formulas(graph)
    nodes: list[Node] = []
    for node in graph.nodes:
        nodes += [formulas.replace(one) for one in _found(node, formulas) or [node]]
    return prune(replace(graph, nodes=tuple(nodes)))


@dataclass(frozen=True)
class _Product:
    """A product of two values, by letters."""

    left: Value
    right: Value
    first: str
    second: str
    out: str


def _product(node: Node | None, formulas: Formulas) -> _Product | None:
    """A product, of its operands as they were before they were turned for it."""
    found = _as_written(node)
    if found is None:
        return None
    left, first = _unturned(found.left, found.first, formulas)
    right, second = _unturned(found.right, found.second, formulas)
    return _Product(left, right, first, second, found.out)


def _unturned(value: Value, letters: str, formulas: Formulas) -> tuple[Value, str]:
    made = formulas.node(value, Transpose)
    if made is None or not isinstance(made.op, Transpose) or not formulas.alone(value):
        return value, letters
    before = dict(zip(made.op.perm, letters, strict=True))
    return made.inputs[0], "".join(before[axis] for axis in range(value.rank))


def _as_written(node: Node | None) -> _Product | None:
    if node is None or not isinstance(node.op, Einsum | MatMul) or len(node.inputs) != 2:
        return None
    left, right = node.inputs
    if isinstance(node.op, Einsum):
        terms, out = node.op.equation.split("->")
        first, second = terms.split(",")
        plain = all(len(set(term)) == len(term) for term in (first, second))
        return _Product(left, right, first, second, out) if plain else None
    if left.rank != right.rank or left.shape[:-2] != right.shape[:-2]:
        return None
    batch = ascii_letters[: left.rank - 2]
    return _Product(left, right, f"{batch}XY", f"{batch}YZ", f"{batch}XZ")


def _found(node: Node, formulas: Formulas) -> list[Node] | None:
    outer = _product(node, formulas)
    if outer is None:
        return None
    for weights, value, wl, vl in (
        (outer.left, outer.right, outer.first, outer.second),
        (outer.right, outer.left, outer.second, outer.first),
    ):
        if not formulas.alone(weights):
            continue
        made = formulas.producers.get(weights)
        rate = 0.0
        if made is not None and isinstance(made.op, Dropout) and formulas.alone(made.inputs[0]):
            rate, made = made.op.rate, formulas.producers.get(made.inputs[0])
        if made is None or not isinstance(made.op, Softmax) or made.op.axis not in (-1, weights.rank - 1):
            continue
        scores = _scores(made.inputs[0], formulas)
        if scores is not None:
            return _attention(node, scores, (value, wl, vl, outer.out), rate, formulas)
    return None


@dataclass(frozen=True)
class _Scores:
    product: _Product
    scale: float
    mask: Value | None
    inverted: bool


def _scores(value: Value, formulas: Formulas) -> _Scores | None:
    """Scores as a product of queries and keys, scaled, with keys hidden."""
    mask, inverted = None, False
    node = formulas.producers.get(value)
    if node is not None and isinstance(node.op, Where) and formulas.alone(value):
        condition, a, b = node.inputs
        for shown, hidden, turned in ((a, b, False), (b, a, True)):
            low = formulas.number(hidden)
            if low is not None and low <= LOW and (np.isfinite(low) or _sees(condition, turned, formulas)):
                mask, inverted, value = condition, turned, shown
                break
        else:
            return None
    scale, core = _scaled(value, formulas)
    product = _product(formulas.producers.get(core), formulas) if formulas.alone(core) else None
    if product is None:
        return None
    left, q = _scaled(product.left, formulas)
    right, k = _scaled(product.right, formulas)
    product = replace(product, left=q, right=k)
    return _Scores(product, scale * left * right, mask, inverted)


def _sees(mask: Value, inverted: bool, formulas: Formulas) -> bool:
    """Whether it is known that every query sees a key."""
    known = formulas.numbers(mask)
    return known is not None and bool((known.astype(bool) ^ inverted).any(-1).all())


def _scaled(value: Value, formulas: Formulas) -> tuple[float, Value]:
    """A value as a number times another value."""
    if not formulas.alone(value):
        return 1.0, value
    for a, b in formulas.orders(value, "multiply"):
        number = formulas.number(b)
        if number is not None and a.spec == value.spec:
            scale, core = _scaled(a, formulas)
            return scale * number, core
    over = formulas.operands(value, "divide")
    number = formulas.number(over[1]) if over else None
    if number and over[0].spec == value.spec:
        scale, core = _scaled(over[0], formulas)
        return scale / number, core
    return 1.0, value


def _attention(
    node: Node, scores: _Scores, outer: tuple[Value, str, str, str], rate: float, formulas: Formulas
) -> list[Node] | None:
    value, weight_letters, value_letters, out = outer
    inner = scores.product
    if len(inner.out) != len(weight_letters):
        return None
    # the letters of the second product, in the words of the first
    words = dict(zip(weight_letters, inner.out, strict=True))
    unused = iter(letter for letter in ascii_letters if letter not in inner.first + inner.second + inner.out)
    for letter in value_letters:
        words.setdefault(letter, next(unused))
    letters = _Letters.of(inner, "".join(words[x] for x in value_letters), "".join(words[x] for x in out))
    if letters is None:
        return None
    q, k = (inner.left, inner.right) if letters.left_asks else (inner.right, inner.left)
    ql, kl = (inner.first, inner.second) if letters.left_asks else (inner.second, inner.first)
    batch = letters.batch
    nodes: list[Node] = []

    def turned(given: Value, have: str, want: str) -> Value:
        return _turned(nodes, node, given, have, want)

    query = turned(q, ql, f"{batch}{letters.step}{letters.width}")
    key = turned(k, kl, f"{batch}{letters.key}{letters.width}")
    held = turned(value, letters.value, f"{batch}{letters.key}{letters.unit}")
    mask = scores.mask
    causal = mask is not None and _is_causal(mask, scores.inverted, query, key, formulas)
    inputs = [query, key, held]
    if mask is not None and not causal:
        if scores.inverted:
            mask = _added(nodes, node, Unary("logical_not"), mask)
        inputs.append(mask)
    width = q.shape[ql.index(letters.width)]
    usual = isinstance(width, int) and abs(scores.scale * np.sqrt(width) - 1) < 1e-6
    op = Attention(None if usual else scores.scale, causal, dropout=rate)
    result = _added(nodes, node, op, *inputs)
    have = f"{batch}{letters.step}{letters.unit}"
    turned(result, have, letters.out)
    nodes[-1] = replace(nodes[-1], outputs=node.outputs)
    return nodes


@dataclass(frozen=True)
class _Letters:
    """What each axis is to attention."""

    batch: str
    step: str
    key: str
    width: str
    unit: str
    value: str
    out: str
    left_asks: bool

    @staticmethod
    def of(inner: _Product, value: str, out: str) -> _Letters | None:
        """The parts that axes play, or None where it is no attention."""
        key, step, batch = inner.out[-1], inner.out[-2:-1], inner.out[:-2]
        left_asks = step in inner.first and key not in inner.first
        asks, answers = (inner.first, inner.second) if left_asks else (inner.second, inner.first)
        width = set(asks) & set(answers) - set(inner.out)
        unit = set(value) - set(inner.out)
        fits = (
            bool(step)
            and len(width) == len(unit) == 1
            and set(asks) == {*batch, step, *width}
            and set(answers) == {*batch, key, *width}
            and set(value) == {*batch, key, *unit}
            and set(out) == {*batch, step, *unit}
            and len(out) == len(batch) + 2
        )
        if not fits:
            return None
        return _Letters(batch, step, key, width.pop(), unit.pop(), value, out, left_asks)


def _turned(nodes: list[Node], like: Node, value: Value, have: str, want: str) -> Value:
    if have == want:
        return value
    return _added(nodes, like, Transpose(tuple(have.index(letter) for letter in want)), value)


def _added(nodes: list[Node], like: Node, op: Op, *inputs: Value) -> Value:
    (spec,) = op.infer(*(value.spec for value in inputs))
    value = Value(like.outputs[0].name, spec)
    nodes.append(Node(op, tuple(inputs), (value,), {}, like.origin))
    return value


def _is_causal(mask: Value, inverted: bool, query: Value, key: Value, formulas: Formulas) -> bool:
    """Whether a mask of the architecture hides just the keys that come later."""
    known = formulas.numbers(mask)
    steps: Sequence[int] | None = static((query.shape[-2], key.shape[-2]))
    if known is None or steps is None or steps[0] != steps[1] or known.ndim < 2:
        return False
    seen = known.astype(bool) ^ inverted
    return seen.shape[-2:] == tuple(steps) and bool((seen == np.tri(steps[0], dtype=bool)).all())
