"""Attention over other axes than the one behind the batch: brought into the usual order, and back."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from converters.keras.layer import LayerCall
from porter.dataclass import dataclass
from porter.graph.model import Value
from porter.graph.ops.reshaping import Reshape, Transpose
from porter.graph.regroup import Kept


@dataclass(frozen=True)
class AttentionAxes:
    """Which axes of `(batch, ..., features)` the steps are that look at one another."""

    rank: int
    steps: tuple[int, ...]

    @staticmethod
    def of(layer: LayerCall, rank: int) -> AttentionAxes:
        """As a layer's config tells them; by default all but the batch and the features."""
        told = layer.config.get("attention_axes")
        listed = range(1, rank - 1) if told is None else [told] if isinstance(told, int) else told
        axes = tuple(int(axis) if axis >= 0 else rank + int(axis) for axis in listed)
        if not axes or any(not 0 < axis < rank - 1 for axis in axes):
            raise layer.refuse(f"attention over the axes {told} of an input of {rank} axes is not known")
        return AttentionAxes(rank, axes)

    @property
    def usual(self) -> bool:
        return self.rank == 3

    @property
    def _lead(self) -> tuple[int, ...]:
        return tuple(axis for axis in range(self.rank - 1) if axis not in self.steps)

    @property
    def _order(self) -> tuple[int, ...]:
        return (*self._lead, *self.steps, self.rank - 1)

    def merged(self, layer: LayerCall, value: Value, name: str) -> Value:
        """`(batch, ..., steps, features)`."""
        with layer.part(name):
            if self._order != tuple(range(self.rank)):
                value = layer.add(Transpose(self._order), value)
            if len(self.steps) > 1:
                lead = (Kept(axis) for axis in range(len(self._lead)))
                sizes = self._sizes(layer, value)
                value = layer.add(Reshape((*lead, prod(sizes), Kept(self.rank - 1))), value)
        return value

    def restored(self, layer: LayerCall, value: Value, like: Value) -> Value:
        """The steps of `like` where they were before."""
        if len(self.steps) > 1:
            lead = (Kept(axis) for axis in range(len(self._lead)))
            sizes = [layer.size(axis, like) for axis in self.steps]
            value = layer.add(Reshape((*lead, *sizes, Kept(value.rank - 1))), value)
        if self._order == tuple(range(self.rank)):
            return value
        back = tuple(self._order.index(axis) for axis in range(self.rank))
        return layer.add(Transpose(back), value)

    def scores_restored(self, layer: LayerCall, scores: Value, query: Value, key: Value) -> Value:
        """Scores with the steps of both sides apart, as Keras gives them."""
        if len(self.steps) == 1:
            return scores
        sizes = [layer.size(axis, side) for side in (query, key) for axis in self.steps]
        lead = (Kept(axis) for axis in range(scores.rank - 2))
        with layer.part("scores"):
            return layer.add(Reshape((*lead, *sizes)), scores)

    def _sizes(self, layer: LayerCall, turned: Value) -> Sequence[int]:
        first = len(self._lead)
        return [layer.size(first + k, turned) for k in range(len(self.steps))]
