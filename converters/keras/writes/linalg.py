"""Matrices."""

from __future__ import annotations

from converters.keras.rules import rules
from converters.keras.writes.making import op, own_layer
from porter.graph.model import Node
from porter.graph.ops.linalg import (
    Cross,
    Diagonal,
    DiagonalMatrix,
    MatrixFunction,
    Solve,
    Triangle,
)
from porter.source.code import call, index
from porter.writing.forms import Form, Inline, Layer


@rules.writes(Triangle)
def write_triangle(op_: Triangle, node: Node) -> Form:
    k = {"k": op_.k} if op_.k else {}
    return Inline(lambda x: op("tril" if op_.lower else "triu", x, **k), simple=True)


@rules.writes(Diagonal)
def write_diagonal(op_: Diagonal, node: Node) -> Form:
    rank = node.inputs[0].rank
    offset = {"offset": op_.k} if op_.k else {}
    return Inline(lambda x: op("diagonal", x, **offset, axis1=rank - 2, axis2=rank - 1), simple=True)


@rules.writes(DiagonalMatrix)
def write_diagonal_matrix(op_: DiagonalMatrix, node: Node) -> Form:
    k = {"k": op_.k} if op_.k else {}
    return Layer(own_layer("DiagonalMatrix", node, **k), helpers=("DiagonalMatrix",))


@rules.writes(MatrixFunction)
def write_matrix_function(op_: MatrixFunction, node: Node) -> Form:
    if op_.function == "cholesky_upper":
        return Inline(lambda x: op("cholesky", x, upper=True))
    if op_.function in ("sign_det", "logabsdet"):
        part = 0 if op_.function == "sign_det" else 1
        return Inline(lambda x: index(op("slogdet", x), part))
    return Inline(lambda x: op(op_.function, x))


@rules.writes(Solve)
def write_solve(op_: Solve, node: Node) -> Form:
    if op_.triangle:
        lower = {"lower": True} if op_.triangle == "lower" else {}
        return Inline(lambda a, b: op("solve_triangular", a, b, **lower))
    return Inline(lambda a, b: op("solve", a, b))


@rules.writes(Cross)
def write_cross(op_: Cross, node: Node) -> Form:
    return Inline(lambda a, b: call("ops.cross", a, b))
