"""Normalization by the statistics of the batch at hand, in use as well as in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from porter.dataclass import dataclass
from porter.graph.ops.normalisation import BatchNorm
from porter.graph.ops.op import Array, Arrays, normal_axis


@dataclass(frozen=True)
class BatchStatisticsNorm(BatchNorm):
    """(x - mean) / sqrt(variance + epsilon) * scale + shift along one axis, over all others and the batch.

    Nothing is stored: the result for one example depends on the others in its batch.
    """

    PARAMS: ClassVar[Mapping[str, str]] = {"scale?": "c", "shift?": "c"}

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x = inputs[0]
        axis = normal_axis(self.axis, x.ndim)
        others = tuple(place for place in range(x.ndim) if place != axis)
        variance = np.var(x, axis=others, keepdims=True)
        result = (x - np.mean(x, axis=others, keepdims=True)) / np.sqrt(variance + self.epsilon)
        shape = tuple(-1 if place == axis else 1 for place in range(x.ndim))
        if "scale" in params:
            result = result * params["scale"].reshape(shape)
        if "shift" in params:
            result = result + params["shift"].reshape(shape)
        return (result,)
