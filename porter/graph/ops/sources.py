"""Values that come from nowhere in the graph: constants and raw parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from porter.dataclass import dataclass
from porter.graph.dims import Shape
from porter.graph.model import Spec
from porter.graph.ops.op import Array, Arrays, Op


@dataclass(frozen=True)
class Constant(Op):
    """A tensor that does not depend on the inputs; a trainable one is a raw parameter of the model."""

    PARAMS: ClassVar[Mapping[str, str]] = {"value": "*a"}
    shape: Shape
    dtype: str = "float32"

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (Spec(self.shape, self.dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (params["value"],)
