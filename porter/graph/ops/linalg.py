"""Matrices: triangles, diagonals, and the solving of equations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import Dim, add, broadcast, may_equal, show
from porter.graph.model import Spec
from porter.graph.ops.op import Array, Arrays, Op


def _square(spec: Spec) -> tuple[Dim, ...]:
    if spec.rank < 2 or not may_equal(spec.shape[-1], spec.shape[-2]):
        raise GraphError(f"square matrices are needed, got {show(spec.shape)}")
    return spec.shape


@dataclass(frozen=True)
class Triangle(Op):
    """Matrices with zeros above (lower) or below the k-th diagonal."""

    lower: bool
    k: int = 0

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (inputs[0],)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return ((np.tril if self.lower else np.triu)(inputs[0], self.k),)


@dataclass(frozen=True)
class Diagonal(Op):
    """The k-th diagonals of matrices that lie in the last two axes."""

    k: int = 0

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        rows, columns = inputs[0].shape[-2:]
        rows, columns = add(rows, min(self.k, 0)), add(columns, -max(self.k, 0))
        known = [size for size in (rows, columns) if isinstance(size, int)]
        unknown = [size for size in (rows, columns) if not isinstance(size, int)]
        size = unknown[0] if unknown else max(min(known), 0)
        return (Spec((*inputs[0].shape[:-2], size), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.diagonal(inputs[0], self.k, -2, -1),)


@dataclass(frozen=True)
class DiagonalMatrix(Op):
    """Square matrices with the last axis on the k-th diagonal, and zeros elsewhere."""

    k: int = 0

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        size = add(inputs[0].shape[-1], abs(self.k))
        return (Spec((*inputs[0].shape[:-1], size, size), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x = inputs[0]
        size = x.shape[-1] + abs(self.k)
        result = np.zeros((*x.shape[:-1], size, size), x.dtype)
        places = np.arange(x.shape[-1])
        result[..., places + max(-self.k, 0), places + max(self.k, 0)] = x
        return (result,)


MATRIX: Mapping[str, Callable[[Array], Array]] = {
    "cholesky": np.linalg.cholesky,
    "cholesky_upper": lambda x: np.swapaxes(np.linalg.cholesky(x), -1, -2),
    "inv": np.linalg.inv,
    "pinv": np.linalg.pinv,
}
NUMBER: Mapping[str, Callable[[Array], Array]] = {
    "det": np.linalg.det,
    "logabsdet": lambda x: np.linalg.slogdet(x)[1],
    "sign_det": lambda x: np.linalg.slogdet(x)[0],
}


@dataclass(frozen=True)
class MatrixFunction(Op):
    """A matrix made of each matrix, or a number."""

    function: str

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        if self.function == "pinv":
            *batch, rows, columns = inputs[0].shape
            return (Spec((*batch, columns, rows), inputs[0].dtype),)
        shape = _square(inputs[0])
        return (Spec(shape if self.function in MATRIX else shape[:-2], inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return ({**MATRIX, **NUMBER}[self.function](inputs[0]),)


@dataclass(frozen=True)
class Solve(Op):
    """X of A X = B; of A only one triangle counts where `triangle` names it ("lower", "upper")."""

    triangle: str = ""

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        left, right = inputs
        _square(left)
        batch = broadcast(left.shape[:-2], right.shape[:-2])
        return (Spec((*batch, *right.shape[-2:]), left.dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        left, right = inputs
        part = {"lower": np.tril, "upper": np.triu}.get(self.triangle)
        return (np.linalg.solve(part(left) if part else left, right),)


@dataclass(frozen=True)
class Cross(Op):
    """The vector product of the last axes, of three numbers each; the others broadcast."""

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        if not all(may_equal(spec.shape[-1], 3) for spec in inputs):
            raise GraphError(f"vectors of three numbers are needed, got {show(*(s.shape for s in inputs))}")
        return (Spec(broadcast(*(spec.shape for spec in inputs)), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (np.cross(inputs[0], inputs[1]),)
