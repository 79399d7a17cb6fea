"""What all attention layers share once there are queries, keys and values."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext

from converters.keras.layer import LayerCall
from converters.keras.layers.attention_masks import seen
from porter.dataclass import dataclass
from porter.graph.model import Value
from porter.graph.ops.activation import Softmax
from porter.graph.ops.attention import Attention, HideScores
from porter.graph.ops.elementwise import Binary, Dropout, Where
from porter.graph.ops.linear import MatMul
from porter.graph.ops.reshaping import Repeat, Transpose

LARGE: Mapping[str, float] = {"float16": 65504.0}
"""By how much Keras lowers hidden scores, where not by a thousand million."""


def penalty(dtype: str) -> float:
    """By how much Keras lowers the score of a hidden key."""
    return LARGE.get(dtype, 1e9)


@dataclass(frozen=True)
class Looked:
    """Queries, keys and values `(..., t, d)`, and who may look at whom."""

    query: Value
    key: Value
    value: Value
    mask: Value | None = None
    causal: bool = False  # in addition to the mask: keys that come later are hidden
    penalty: float | None = None  # see HideScores
    groups: int = 1
    blank: bool = False  # zeros for a query that may look at no key

    def summed(self, layer: LayerCall, scale: float, alone: bool = False) -> Value:
        """The weighted sums, in one step; `alone` if there is nothing else to the layer."""
        masks = [] if self.mask is None else [self.mask]
        rate = float(layer.config.get("dropout") or 0.0)
        op = Attention(scale, self.causal, self.penalty, self.blank, self.groups, rate)
        with nullcontext() if alone else layer.part("attended"):
            return layer.add(op, self.query, self.key, self.value, *masks)

    def products(self, layer: LayerCall, scale: float | None) -> Value:
        """The scores of all pairs."""
        query, key = self.query, self.key
        with layer.part("scores"):
            if self.groups > 1:
                key = layer.add(Repeat(self.groups, key.rank - 3), key)
            turned = layer.add(Transpose((*range(key.rank - 2), key.rank - 1, key.rank - 2)), key)
            scores = layer.add(MatMul(), query, turned)
            if scale is None:
                return scores
            return layer.add(Binary("multiply"), scores, layer.constant(scale, scores.dtype))

    def weights(self, layer: LayerCall, scores: Value) -> Value:
        """Shares of the keys that may be seen."""
        mask = self.mask
        if self.causal:
            mask = seen(layer, self.query, self.key, True)
        with layer.part("weights"):
            if mask is not None:
                scores = layer.add(HideScores(self.penalty), scores, mask)
            shares = layer.add(Softmax(-1), scores)
            if mask is None or not self.blank:
                return shares
            return layer.add(Where(), mask, shares, layer.constant(0.0, shares.dtype))

    def weighed(self, layer: LayerCall, weights: Value) -> tuple[Value, Value]:
        """The sums of values by these weights, and the weights with what drops out of them in training."""
        value, rate = self.value, float(layer.config.get("dropout") or 0.0)
        if rate:
            with layer.part("dropout"):
                weights = layer.add(Dropout(rate), weights)
        with layer.part("attended"):
            if self.groups > 1:
                value = layer.add(Repeat(self.groups, value.rank - 3), value)
            return layer.add(MatMul(), weights, value), weights
