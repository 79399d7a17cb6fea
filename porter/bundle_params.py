"""Which entry of a bundle's weight file holds a parameter of the graph, and how to bring it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from porter.errors import GraphError
from porter.graph.model import Param
from porter.weights.tensor import Constant, Joined, Moved, Rows, Stacked, Summed, Tensor, identity
from porter.writing.forms import Weight

INLINE = 64
"""Constants of up to so many numbers that are in no weight file are kept in the manifest itself."""


class Places:
    """Answers for each parameter where its numbers lie in a written bundle."""

    def __init__(self, weights: Mapping[str, Weight]) -> None:
        self.found: dict[object, dict[str, Any]] = {}
        for key, weight in weights.items():
            self._note(weight.tensor, {"key": key})
        for key, weight in weights.items():
            if isinstance(weight.tensor, Stacked):
                for place, base in enumerate(weight.tensor.bases):
                    self._note(base, {"key": key, "row": place})
            if isinstance(weight.tensor, Joined):
                for base, rows in zip(weight.tensor.bases, weight.tensor.places(), strict=True):
                    self._note(base, {"key": key, "rows": list(rows)})
            if isinstance(weight.tensor, Summed):  # the first has it all, the other nothing
                first, second = weight.tensor.bases
                self._note(first, {"key": key})
                self._note(second, {"key": key, "zeros": True})

    def _note(self, tensor: Tensor, place: dict[str, Any]) -> None:
        """A tensor lies at `place`; what it was moved from can be brought back from there."""
        self.found.setdefault(identity(tensor), place)
        if isinstance(tensor, Moved):
            sizes = {**_sizes(tensor), **tensor.sizes}
            back = {**place, "move": str(tensor.move.inverse()), "sizes": sizes}
            self.found.setdefault(identity(tensor.base), back)

    def __call__(self, param: Param) -> dict[str, Any]:
        """The manifest's words for one parameter."""
        tensor = param.tensor
        name = identity(tensor)
        if name in self.found:
            return self.found[name]
        whole = self.found.get(identity(tensor.base)) if isinstance(tensor, Rows) else None
        if isinstance(tensor, Rows) and whole is not None and whole.keys() == {"key"}:
            return {**whole, "rows": [tensor.start, tensor.stop]}
        return _inline(tensor)


def _sizes(step: Moved) -> dict[str, int]:
    """Sizes that the inverse move cannot see by itself."""
    return dict(step.move.source.sizes(step.base.shape, step.sizes))


def _inline(tensor: Tensor) -> dict[str, Any]:
    if isinstance(tensor, Constant) and tensor.array.size <= INLINE:
        return {"value": np.asarray(tensor.array).tolist(), "dtype": tensor.dtype}
    raise GraphError(f"a parameter of shape {tensor.shape} made by {tensor.steps} is in no weight file")
