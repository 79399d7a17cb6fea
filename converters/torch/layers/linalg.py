"""Matrices."""

from __future__ import annotations

from converters.torch.rules import rules
from porter.graph.model import Node
from porter.graph.ops.linalg import (
    Cross,
    Diagonal,
    DiagonalMatrix,
    MatrixFunction,
    Solve,
    Triangle,
)
from porter.source.code import attr, call
from porter.writing.forms import Form, Inline, method


@rules.writes(Triangle)
def write_triangle(op: Triangle, node: Node) -> Form:
    k = (op.k,) if op.k else ()
    return Inline(lambda x: method(x, "tril" if op.lower else "triu", *k), simple=True)


@rules.writes(Diagonal)
def write_diagonal(op: Diagonal, node: Node) -> Form:
    k = (op.k,) if op.k else ()
    return Inline(lambda x: method(x, "diagonal", *k, dim1=-2, dim2=-1), simple=True)


@rules.writes(DiagonalMatrix)
def write_diagonal_matrix(op: DiagonalMatrix, node: Node) -> Form:
    k = (op.k,) if op.k else ()
    return Inline(lambda x: call("torch.diag_embed", x, *k), simple=True)


@rules.writes(MatrixFunction)
def write_matrix_function(op: MatrixFunction, node: Node) -> Form:
    if op.function == "cholesky_upper":
        return Inline(lambda x: call("torch.linalg.cholesky", x, upper=True))
    if op.function in ("sign_det", "logabsdet"):
        part = "sign" if op.function == "sign_det" else "logabsdet"
        return Inline(lambda x: attr(call("torch.linalg.slogdet", x), part))
    return Inline(lambda x: call(f"torch.linalg.{op.function}", x))


@rules.writes(Solve)
def write_solve(op: Solve, node: Node) -> Form:
    if op.triangle:
        return Inline(lambda a, b: call("torch.linalg.solve_triangular", a, b, upper=op.triangle == "upper"))
    return Inline(lambda a, b: call("torch.linalg.solve", a, b))


@rules.writes(Cross)
def write_cross(op: Cross, node: Node) -> Form:
    return Inline(lambda a, b: call("torch.linalg.cross", a, b))
