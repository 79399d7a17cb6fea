"""Parameters of a node as entries of torch's weight file: the core's words for it."""

from __future__ import annotations

from porter.writing.weights import buffer, weight, weights

__all__ = ["buffer", "weight", "weights"]
