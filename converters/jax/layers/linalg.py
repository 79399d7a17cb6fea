"""Matrices."""

from __future__ import annotations

from converters.jax.rules import rules
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
from porter.writing.forms import Form, Inline


@rules.writes(Triangle)
def write_triangle(op: Triangle, node: Node) -> Form:
    k = (op.k,) if op.k else ()
    return Inline(lambda x: call("jnp.tril" if op.lower else "jnp.triu", x, *k), simple=True)


@rules.writes(Diagonal)
def write_diagonal(op: Diagonal, node: Node) -> Form:
    k = (op.k,) if op.k else ()
    return Inline(lambda x: call("jnp.diagonal", x, *k, axis1=-2, axis2=-1), simple=True)


@rules.writes(DiagonalMatrix)
def write_diagonal_matrix(op: DiagonalMatrix, node: Node) -> Form:
    k = (op.k,) if op.k else ()
    return Inline(lambda x: call("diagonal_matrix", x, *k), ("diagonal_matrix",), simple=True)


@rules.writes(MatrixFunction)
def write_matrix_function(op: MatrixFunction, node: Node) -> Form:
    if op.function == "cholesky_upper":
        return Inline(lambda x: call("jnp.linalg.cholesky", x, upper=True))
    if op.function in ("sign_det", "logabsdet"):
        part = 0 if op.function == "sign_det" else 1
        return Inline(lambda x: index(call("jnp.linalg.slogdet", x), part))
    return Inline(lambda x: call(f"jnp.linalg.{op.function}", x))


@rules.writes(Solve)
def write_solve(op: Solve, node: Node) -> Form:
    if op.triangle:
        lower = {"lower": True} if op.triangle == "lower" else {}
        return Inline(lambda a, b: call("jax.scipy.linalg.solve_triangular", a, b, **lower))
    return Inline(lambda a, b: call("jnp.linalg.solve", a, b))


@rules.writes(Cross)
def write_cross(op: Cross, node: Node) -> Form:
    return Inline(lambda a, b: call("jnp.cross", a, b))
