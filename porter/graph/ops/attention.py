"""Attention: heads side by side or one after another, who may look at whom, and the weighted sums
themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from porter.axes import Move
from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import Dim, broadcast, floor_divide, may_equal, show, times
from porter.graph.model import Spec
from porter.graph.ops.op import Array, Arrays, Op
from porter.numerics import attention

FILL = -2.0e38
"""What the score of a hidden key is replaced by: far below any score, so that a row without a key
weighs all alike."""


_HEADS = Move.parse("*s t (h d) -> *s h t d")


@dataclass(frozen=True)
class SplitHeads(Op):
    """`(..., t, heads * d)` as `(..., heads, t, d)`."""

    heads: int

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        *lead, steps, width = inputs[0].shape
        if isinstance(width, int) and width % self.heads:
            raise GraphError(f"{show(inputs[0].shape)} does not divide into {self.heads} heads")
        return (Spec((*lead, self.heads, steps, floor_divide(width, self.heads)), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (_HEADS.apply(inputs[0], {"h": self.heads}),)


@dataclass(frozen=True)
class MergeHeads(Op):
    """`(..., heads, t, d)` as `(..., t, heads * d)`."""

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        *lead, heads, steps, width = inputs[0].shape
        return (Spec((*lead, steps, times(width, heads)), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (_HEADS.inverse().apply(inputs[0]),)


@dataclass(frozen=True)
class SeenKeys(Op):
    """Which of the second input's steps each of the first's may look at, by their places: `(t, s)`,
    True where it may.

    `causal`: none that comes later. `window`: none that is `window` steps away or further, either way.
    Both inputs are `(..., t, d)`.
    """

    causal: bool = True
    window: int | None = None

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (Spec((inputs[0].shape[-2], inputs[1].shape[-2]), "bool"),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        rows = np.arange(inputs[0].shape[-2])[:, None]
        columns = np.arange(inputs[1].shape[-2])
        seen = np.ones((rows.size, columns.size), bool)
        if self.causal:
            seen &= rows >= columns
        if self.window is not None:
            seen &= np.abs(rows - columns) < self.window
        return (seen,)


@dataclass(frozen=True)
class HideScores(Op):
    """Scores, and a mask that is False where a key is hidden: its score is lowered by `penalty`, or is FILL.

    A score lowered in single precision keeps few of its digits; which, is part of the meaning, as it decides
    the weights of a row that sees no key at all.
    """

    penalty: float | None = None

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return (Spec(broadcast(inputs[0].shape, inputs[1].shape), inputs[0].dtype),)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        return (hidden(inputs[0], inputs[1], self.penalty),)


def hidden(scores: Array, mask: Array, penalty: float | None) -> Array:
    """Scores with those of hidden keys lowered or replaced."""
    if penalty is None:
        return np.where(mask, scores, scores.dtype.type(FILL))
    lowered = scores.astype("float32") - np.float32(penalty)
    return np.where(mask, scores, lowered.astype(scores.dtype))


@dataclass(frozen=True)
class Attention(Op):
    """softmax(q k^T * scale) v, for q `(..., t, d)`, k `(..., s, d)`, v `(..., s, e)`; `scale` None is
    1 / sqrt(d).

    A fourth input is a mask, True where a query may look at a key, which broadcasts to `(..., t, s)`;
    for what it hides see `HideScores`, but with `blank` a query that may look at no key gets zeros.
    `causal` hides the keys that come later, and takes no mask beside it. `groups` heads of queries in
    a row share one head of keys and values. In training, weights drop out at a rate.
    """

    scale: float | None = None
    causal: bool = False
    penalty: float | None = None
    blank: bool = False
    groups: int = 1
    dropout: float = 0.0

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        query, key, value = inputs[:3]
        if self.causal and len(inputs) > 3:
            raise GraphError("attention is causal or has a mask, not both")
        self._check(query, key, value)
        return (Spec((*query.shape[:-1], value.shape[-1]), query.dtype),)

    def _check(self, query: Spec, key: Spec, value: Spec) -> None:
        fits = may_equal(query.shape[-1], key.shape[-1]) and may_equal(key.shape[-2], value.shape[-2])
        leads = [self._grouped(spec) for spec in (key, value)]
        ranks = {len(lead) for lead in leads} == {query.rank - 2}
        if not fits or not ranks:
            raise GraphError(f"attention over {show(query.shape, key.shape, value.shape)}")
        for lead in leads:
            broadcast(query.shape[:-2], lead)

    def _grouped(self, spec: Spec) -> tuple[Dim, ...]:
        lead = spec.shape[:-2]
        return lead if self.groups == 1 else (*lead[:-1], times(lead[-1], self.groups))

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        query, key, value, *masks = inputs
        if self.groups > 1:
            key, value = (np.repeat(part, self.groups, axis=-3) for part in (key, value))
        if masks and self.penalty is not None:
            scale = query.shape[-1] ** -0.5 if self.scale is None else self.scale
            scores = np.matmul(query, np.swapaxes(key, -1, -2)) * np.asarray(scale, query.dtype)
            return (attention.attend(hidden(scores, masks[0], self.penalty), value)[0],)
        mask = masks[0] if masks else None
        result, _ = attention.attention(
            query,
            key,
            value,
            scale=self.scale,
            mask=mask,
            causal=self.causal,
            fill=None if self.blank else FILL,
        )
        return (result,)
