"""Matrices."""

from __future__ import annotations

from typing import Any

from converters.torch.call import OpCall
from converters.torch.rules import rules
from porter.graph.model import Value
from porter.graph.ops.linalg import Cross, DiagonalMatrix, MatrixFunction, Solve, Triangle
from porter.graph.ops.reshaping import Transpose

FUNCTIONS = {
    "linalg_inv": "inv",
    "inverse": "inv",
    "linalg_det": "det",
    "cholesky": "cholesky",
    "linalg_cholesky": "cholesky",
}


@rules.reads("tril", "triu")
def read_triangle(call: OpCall) -> Value:
    return call.one(Triangle(call.name == "tril", int(call["diagonal"])), call.x)


@rules.reads("diag_embed")
def read_diag_embed(call: OpCall) -> Value:
    found = call.one(DiagonalMatrix(int(call["offset"])), call.x)
    first, second = (call.axis(call[name], found.rank) for name in ("dim1", "dim2"))
    if (first, second) == (found.rank - 2, found.rank - 1):
        return found
    rest = iter(range(found.rank - 2))
    places = {first: found.rank - 2, second: found.rank - 1}
    return call.one(
        Transpose(tuple(places[k] if k in places else next(rest) for k in range(found.rank))), found
    )


@rules.reads(*FUNCTIONS)
def read_matrix_function(call: OpCall) -> Value:
    return call.one(MatrixFunction(FUNCTIONS[call.spec.operator]), call.x)


@rules.reads("linalg_solve")
def read_solve(call: OpCall) -> Value:
    if not call.get("left", True) or call.tensor("B").rank != call.tensor("A").rank:
        raise call.refuse("solving for vectors or from the right")
    return call.one(Solve(), call.tensor("A"), call.tensor("B"))


@rules.reads("linalg_cross", "cross")
def read_cross(call: OpCall) -> Any:
    a, b = call.tensor("self"), call.tensor("other")
    axis = call.get("dim", -1)
    if call.axis(axis) != a.rank - 1:
        raise call.refuse("a vector product along an axis other than the last")
    return call.one(Cross(), a, b)
