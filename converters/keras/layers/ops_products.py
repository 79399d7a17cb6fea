"""Products of tensors: of matrices, along axes, by letters."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

from converters.keras.layers.ops_reduction import reduced
from converters.keras.layers.ops_shape import flat, with_ones, without_ones
from converters.keras.operation import OpCall, operation
from porter.graph.model import Value
from porter.graph.ops.linear import Einsum, MatMul


def product_types(op: OpCall, *items: Any) -> tuple[tuple[Value, ...], str]:
    """Operands as real numbers, in which TensorFlow multiplies matrices, and the type of the result."""
    values = op.promoted(*items, strong=True)
    dtype = values[0].dtype
    if dtype == "int8":
        dtype = "int32"
    return tuple(op.floating(value) for value in values), dtype


@operation("Matmul")
def read_matmul(op: OpCall, x1: Any, x2: Any) -> Value:
    (left, right), dtype = product_types(op, x1, x2)
    return op.cast(multiplied(op, left, right), dtype)


def multiplied(op: OpCall, left: Value, right: Value) -> Value:
    """The matrix product of tensors of any rank; a vector is a row on the left and a column on the right."""
    if left.rank == right.rank == 1:
        return reduced(op, "sum", op.binary("multiply", left, right), 0)
    if left.rank == 1:
        return without_ones(op, op.add(MatMul(), with_ones(op, left, [0]), right), [right.rank - 2])
    if right.rank == 1:
        return without_ones(op, op.add(MatMul(), left, with_ones(op, right, [1])), [left.rank - 1])
    return op.add(MatMul(), left, right)


@operation("Dot")
def read_dot(op: OpCall, x1: Any, x2: Any) -> Value:
    (left, right), dtype = product_types(op, x1, x2)
    if left.rank == 0 or right.rank == 0:
        return op.cast(op.binary("multiply", left, right), dtype)
    if left.rank == 1 or right.rank <= 2:
        return op.cast(multiplied(op, left, right), dtype)
    return op.cast(contracted(op, left, right, [left.rank - 1], [right.rank - 2]), dtype)


@operation("Tensordot")
def read_tensordot(op: OpCall, x1: Any, x2: Any, axes: Any = 2) -> Value:
    (left, right), dtype = product_types(op, x1, x2)
    if isinstance(axes, (list, tuple)):
        pairs = [op.axes(told, value.rank) for told, value in zip(axes, (left, right), strict=True)]
        return op.cast(contracted(op, left, right, *pairs), dtype)
    count = int(axes)
    return op.cast(contracted(op, left, right, range(left.rank - count, left.rank), range(count)), dtype)


def contracted(op: OpCall, left: Value, right: Value, on: Sequence[int], with_: Sequence[int]) -> Value:
    """Products summed over pairs of axes; the others of both follow one another."""
    if list(on) == [left.rank - 1] and list(with_) == [0] and right.rank == 2 and left.rank > 1:
        return op.add(MatMul(), left, right)
    letters = iter(ascii_letters)
    first = [next(letters) for _ in range(left.rank)]
    second = [next(letters) for _ in range(right.rank)]
    for here, there in zip(on, with_, strict=True):
        second[there] = first[here]
    rest = [letter for letter in first if letter not in second] + [
        letter for letter in second if letter not in first
    ]
    return op.add(Einsum(f"{''.join(first)},{''.join(second)}->{''.join(rest)}"), left, right)


@operation("Inner")
def read_inner(op: OpCall, x1: Any, x2: Any) -> Value:
    (left, right), dtype = product_types(op, x1, x2)
    if left.rank == 0 or right.rank == 0:
        return op.cast(op.binary("multiply", left, right), dtype)
    return op.cast(contracted(op, left, right, [left.rank - 1], [right.rank - 1]), dtype)


@operation("Vdot")
def read_vdot(op: OpCall, x1: Any, x2: Any) -> Value:
    (left, right), dtype = product_types(op, x1, x2)
    return op.cast(multiplied(op, flat(op, left), flat(op, right)), dtype)


@operation("Outer")
def read_outer(op: OpCall, x1: Any, x2: Any) -> Value:
    left, right = (flat(op, value) for value in op.promoted(x1, x2, strong=True))
    return op.binary("multiply", with_ones(op, left, [1]), right)


@operation("Einsum")
def read_einsum(op: OpCall, *operands: Any, subscripts: str) -> Value:
    values, dtype = product_types(op, *operands)
    return op.cast(op.add(Einsum(spelled_out(op, subscripts, values)), *values), dtype)


def spelled_out(op: OpCall, equation: str, values: Sequence[Value]) -> str:
    """An equation with a letter for every axis: no ellipsis, no blanks, the result always written."""
    equation = equation.replace(" ", "")
    terms, arrow, result = equation.partition("->")
    listed = terms.split(",")
    if len(listed) != len(values):
        raise op.refuse(f"{equation!r} is for {len(listed)} tensors, {len(values)} are given")
    free = [letter for letter in ascii_letters if letter not in equation]
    hidden = [value.rank - len(term.replace("...", "")) for term, value in zip(listed, values, strict=True)]
    if any(count < 0 or (count and "..." not in term) for count, term in zip(hidden, listed, strict=True)):
        raise op.refuse(f"{equation!r} does not fit the ranks of its tensors")
    longest = free[
        : max((count for count, term in zip(hidden, listed, strict=True) if "..." in term), default=0)
    ]
    spelled = [
        term.replace("...", "".join(longest[len(longest) - count :]))
        for term, count in zip(listed, hidden, strict=True)
    ]
    if not arrow:
        once = sorted(letter for letter in set(terms) - set(".,") if terms.count(letter) == 1)
        result = "..." + "".join(once) if "..." in terms else "".join(once)
    return ",".join(spelled) + "->" + result.replace("...", "".join(longest))
