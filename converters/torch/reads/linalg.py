"""Matrices."""

from __future__ import annotations

from typing import Any

from converters.torch.call import OpCall
from converters.torch.reads.linear import turned
from converters.torch.reads.reduction import axis_back, axis_last
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
    "linalg_cholesky_ex": "cholesky",
    "linalg_inv_ex": "inv",
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


@rules.reads(*(name for name in FUNCTIONS if not name.endswith("_ex")))
def read_matrix_function(call: OpCall) -> Value:
    function = FUNCTIONS[call.spec.operator]
    if call.get("upper"):
        function = f"{function}_upper"
    return call.one(MatrixFunction(function), call.x)


@rules.reads("linalg_cholesky_ex", "linalg_inv_ex")
def read_checked(call: OpCall) -> tuple[Value, ...]:
    """Whether it went well is a second result, which is not carried."""
    return (read_matrix_function(call),)


@rules.reads("_linalg_slogdet")
def read_slogdet(call: OpCall) -> tuple[Value, ...]:
    return tuple(call.one(MatrixFunction(name), call.x) for name in ("sign_det", "logabsdet"))


@rules.reads("linalg_pinv", "pinverse")
def read_pinv(call: OpCall) -> Value:
    if any(call.get(name) is not None for name in ("atol", "rtol")) or call.get("rcond", 1e-15) != 1e-15:
        raise call.refuse("a bound of its own for what counts as zero")
    return call.one(MatrixFunction("pinv"), call.x)


@rules.reads("linalg_solve")
def read_solve(call: OpCall) -> Value:
    return _solved(call, Solve(), call.tensor("A"), call.tensor("B"))


@rules.reads("_linalg_solve_ex")
def read_solve_ex(call: OpCall) -> tuple[Value, ...]:
    return (read_solve(call),)


@rules.reads("linalg_solve_triangular")
def read_solve_triangular(call: OpCall) -> Value:
    if call.get("unitriangular"):
        raise call.refuse("a triangle whose diagonal counts as ones")
    upper, left = bool(call["upper"]), bool(call.get("left", True))
    return _solved(call, Solve("upper" if upper == left else "lower"), call.tensor("self"), call.tensor("B"))


def _solved(call: OpCall, op: Solve, a: Value, b: Value) -> Value:
    """X of A X = B, or of X A = B, which is that of the turned matrices."""
    vectors = b.rank == a.rank - 1 and (b.rank == 1 or b.shape == a.shape[:-1])
    if vectors:
        b = call.with_ones(b, b.rank)
    if call.get("left", True):
        found = call.one(op, a, b)
    else:
        found = turned(call, call.one(op, turned(call, a), turned(call, b)))
    return call.without_ones(found, (found.rank - 1,)) if vectors else found


@rules.reads("linalg_cross", "cross")
def read_cross(call: OpCall) -> Any:
    a, b = call.tensor("self"), call.tensor("other")
    if a.rank != b.rank:
        raise call.refuse("a vector product of tensors of unequal rank")
    told = call.get("dim")
    if told is None and call.spec.operator == "cross":
        told = next(axis for axis, size in enumerate(a.shape) if size == 3)
    axis = call.axis(-1 if told is None else told)
    found = call.one(Cross(), axis_last(call, a, axis), axis_last(call, b, axis))
    return axis_back(call, found, axis)
