"""Steps of a sequence as rows of the batch, and back: how a layer is applied to each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import may_equal, show, times
from porter.graph.layouts import Layout, Relaid, Request
from porter.graph.model import Spec
from porter.graph.ops.op import Array, Arrays, Op


@dataclass(frozen=True)
class MergeBatch(Op):
    """Axes 0 and 1 as one: `n t ... -> (n t) ...`."""

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        batch, steps, *rest = inputs[0].shape
        return (Spec((times(batch, steps), *rest), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x = inputs[0]
        return (x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]),)

    def relayout(self, request: Request) -> Relaid:
        layout = _steps_first(request.layouts[0])
        inner = {axis - 1: part for axis, part in layout.inner.items()}
        return Relaid(self, (layout,), (Layout((0, *(axis - 1 for axis in layout.perm[2:])), inner),))


@dataclass(frozen=True)
class SplitBatch(Op):
    """The inverse: axis 0 of the first input as the second input's axes 0 and 1."""

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        merged, like = inputs
        batch, steps = like.shape[:2]
        if not may_equal(merged.shape[0], times(batch, steps)):
            raise GraphError(f"{show(merged.shape)} does not split into steps as {show(like.shape)} has them")
        return (Spec((batch, steps, *merged.shape[1:]), merged.dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        merged, like = inputs
        return (merged.reshape(*like.shape[:2], *merged.shape[1:]),)

    def relayout(self, request: Request) -> Relaid:
        merged, like = request.layouts
        if merged.perm[0] != 0:
            merged = Layout.identity(len(merged.perm))
        inner = {axis + 1: part for axis, part in merged.inner.items()}
        given = Layout((0, 1, *(axis + 1 for axis in merged.perm[1:])), inner)
        return Relaid(self, (merged, _steps_first(like)), (given,))


def _steps_first(layout: Layout) -> Layout:
    """The layout, if batch and steps stand in front in it, else the source's."""
    fits = layout.perm[:2] == (0, 1) and not {0, 1} & set(layout.inner)
    return layout if fits else Layout.identity(len(layout.perm))
