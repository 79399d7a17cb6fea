"""Products, norms, and matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.keras.layers.ops_reduction import reduced, widened
from converters.keras.layers.ops_shape import flat, moved_axes, with_ones, without_ones
from converters.keras.operation import OpCall, operation
from porter.graph.model import Value
from porter.graph.ops.linalg import (
    Cross,
    Diagonal,
    DiagonalMatrix,
    MatrixFunction,
    Solve,
    Triangle,
)


@operation("Norm")
def read_norm(op: OpCall, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Value:
    value = op.floating(x)
    return norm(op, value, ord, op.axes(axis, value.rank), keepdims)


def norm(op: OpCall, value: Value, order: Any, axes: Sequence[int], keepdims: bool) -> Value:
    """The length of vectors or matrices."""
    size = op.unary("abs", value)
    euclidean = order is None or (order == 2 and len(axes) == 1) or (order == "fro" and len(axes) == 2)
    if euclidean:
        return op.unary("sqrt", reduced(op, "sum", op.unary("square", value), axes, keepdims))
    if isinstance(order, str) or len(axes) > 2:
        raise op.refuse(f"the norm of order {order!r} over axes {tuple(axes)} is not carried")
    if len(axes) == 2:
        return _matrix_norm(op, size, float(order), axes, keepdims)
    if abs(order) == float("inf"):
        return reduced(op, "max" if order > 0 else "min", size, axes, keepdims)
    if order == 0:
        there = op.cast(op.binary("not_equal", value, 0.0), value.dtype)
        return reduced(op, "sum", there, axes, keepdims)
    total = reduced(op, "sum", op.binary("power", size, float(order)), axes, keepdims)
    return op.binary("power", total, 1.0 / order)


def _matrix_norm(op: OpCall, size: Value, order: float, axes: Sequence[int], keepdims: bool) -> Value:
    """The largest (or smallest) sum of a column or a row."""
    if abs(order) not in (1.0, float("inf")):
        raise op.refuse(f"the matrix norm of order {order} needs singular values, which are not carried")
    summed, other = (axes[0], axes[1]) if abs(order) == 1 else (axes[1], axes[0])
    sums = reduced(op, "sum", size, summed, True)
    best = reduced(op, "max" if order > 0 else "min", sums, other, True)
    return best if keepdims else without_ones(op, best, sorted(axes))


@operation("Tril")
def read_tril(op: OpCall, x: Any, k: int = 0) -> Value:
    return op.add(Triangle(True, int(k)), op.operand(x))


@operation("Triu")
def read_triu(op: OpCall, x: Any, k: int = 0) -> Value:
    return op.add(Triangle(False, int(k)), op.operand(x))


@operation("Diag")
def read_diag(op: OpCall, x: Any, k: int = 0) -> Value:
    value = op.operand(x)
    return op.add(DiagonalMatrix(k) if value.rank == 1 else Diagonal(k), value)


@operation("Diagflat")
def read_diagflat(op: OpCall, x: Any, k: int = 0) -> Value:
    return op.add(DiagonalMatrix(k), flat(op, op.operand(x)))


@operation("Diagonal")
def read_diagonal(op: OpCall, x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    return diagonal(op, op.operand(x), offset, axis1, axis2)


def diagonal(op: OpCall, value: Value, offset: int, axis1: int, axis2: int) -> Value:
    """The diagonals of the matrices in two axes, on the last axis."""
    axes = op.axes((axis1, axis2), value.rank)
    return op.add(Diagonal(int(offset)), moved_axes(op, value, axes, (value.rank - 2, value.rank - 1)))


@operation("Trace")
def read_trace(op: OpCall, x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    value = diagonal(op, widened(op, op.operand(x)), offset, axis1, axis2)
    return reduced(op, "sum", value, -1)


@operation("Cross")
def read_cross(
    op: OpCall, x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Value:
    left, right = op.promoted(x1, x2, strong=True)
    places = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    pairs = zip((left, right), places, strict=False)
    left, right = (
        moved_axes(op, value, op.axes([place], value.rank), [value.rank - 1]) for value, place in pairs
    )
    if left.shape[-1] != 3 or right.shape[-1] != 3:
        raise op.refuse("the vector product is carried for vectors of three numbers only")
    result = op.add(Cross(), left, right)
    return moved_axes(op, result, [result.rank - 1], op.axes([places[2]], result.rank))


@operation("Vander")
def read_vander(op: OpCall, x: Any, N: int | None = None, increasing: bool = False) -> Value:
    value = op.operand(x)
    count = op.size(0, value) if N is None else int(N)
    powers = np.arange(count) if increasing else np.arange(count - 1, -1, -1)
    real = with_ones(op, op.floating(value), [value.rank])
    result = op.binary("power", real, op.constant(powers, real.dtype))
    return op.cast(result, value.dtype)


for _name, _function in (("Det", "det"), ("Inv", "inv"), ("Pinv", "pinv"), ("Logdet", "logabsdet")):

    def _read(op: OpCall, x: Any, rcond: float | None = None, *, of: str = _function) -> Value:
        if rcond is not None:
            raise op.refuse("a cut-off for singular values is not carried")
        return op.add(MatrixFunction(of), op.floating(x))

    operation(_name)(_read)


@operation("Slogdet")
def read_slogdet(op: OpCall, x: Any) -> tuple[Value, Value]:
    value = op.floating(x)
    return op.add(MatrixFunction("sign_det"), value), op.add(MatrixFunction("logabsdet"), value)


@operation("Cholesky")
def read_cholesky(op: OpCall, x: Any, upper: bool = False) -> Value:
    return op.add(MatrixFunction("cholesky_upper" if upper else "cholesky"), op.floating(x))


@operation("Solve")
def read_solve(op: OpCall, a: Any, b: Any) -> Value:
    left, right = op.promoted(a, b, also=("float",), strong=True)
    return _solved(op, Solve(), left, right)


@operation("SolveTriangular")
def read_solve_triangular(op: OpCall, a: Any, b: Any, lower: bool = False) -> Value:
    left, right = op.promoted(a, b, also=("float",), strong=True)
    return _solved(op, Solve("lower" if lower else "upper"), left, right)


def _solved(op: OpCall, kind: Solve, left: Value, right: Value) -> Value:
    if right.rank < left.rank:
        return without_ones(op, op.add(kind, left, with_ones(op, right, [right.rank])), [right.rank])
    return op.add(kind, left, right)


@operation("CDist")
def read_cdist(op: OpCall, x: Any, y: Any) -> Value:
    left, right = op.promoted(x, y, also=("float",), strong=True)
    ahead, behind = with_ones(op, left, [left.rank - 1]), with_ones(op, right, [right.rank - 2])
    gaps = op.binary("subtract", ahead, behind)
    return norm(op, gaps, None, [gaps.rank - 1], False)


@operation("IsIn")
def read_is_in(op: OpCall, x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Value:
    left, right = op.promoted(x1, x2, strong=True)
    same = op.binary("equal", with_ones(op, left, [left.rank]), flat(op, right))
    found = reduced(op, "any", same, -1)
    return op.unary("logical_not", found) if invert else found
