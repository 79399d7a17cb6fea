"""Which entry of a bundle's weight file holds a parameter of the graph, and how to bring it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from porter.errors import GraphError
from porter.graph.model import Param
from porter.weights.tensor import Constant, Moved, Tensor, identity
from porter.writing.forms import Weight

INLINE = 64
"""Constants of up to so many numbers that are in no weight file are kept in the manifest itself."""


class Places:
    """Answers for each parameter where its numbers lie in a written bundle."""

    def __init__(self, weights: Mapping[str, Weight]) -> None:
        self.direct: dict[object, str] = {}
        self.moved: dict[object, tuple[str, Moved]] = {}
        for key, weight in weights.items():
            self.direct.setdefault(identity(weight.tensor), key)
            if isinstance(weight.tensor, Moved):
                self.moved.setdefault(identity(weight.tensor.base), (key, weight.tensor))

    def __call__(self, param: Param) -> dict[str, Any]:
        """The manifest's words for one parameter."""
        name = identity(param.tensor)
        if name in self.direct:
            return {"key": self.direct[name]}
        if name in self.moved:
            key, step = self.moved[name]
            sizes = dict(step.sizes)
            return {"key": key, "move": str(step.move.inverse()), "sizes": {**_sizes(step), **sizes}}
        return _inline(param.tensor)


def _sizes(step: Moved) -> dict[str, int]:
    """Sizes that the inverse move cannot see by itself."""
    return dict(step.move.source.sizes(step.base.shape, step.sizes))


def _inline(tensor: Tensor) -> dict[str, Any]:
    if isinstance(tensor, Constant) and tensor.array.size <= INLINE:
        return {"value": np.asarray(tensor.array).tolist(), "dtype": tensor.dtype}
    raise GraphError(f"a parameter of shape {tensor.shape} made by {tensor.steps} is in no weight file")
