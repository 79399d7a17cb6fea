"""The comparator: hard inputs, distances, and a verdict measured against the rounding that any run has.

In come a neutral graph and what models made of the same inputs; out comes a `Comparison`, a value that
others print, store and act on. Nothing here runs a framework or opens a file of a model.
"""

from porter.compare.comparison import (
    Comparison,
    GradientRow,
    LayerRow,
    NotEquivalent,
    OutputRow,
    WeightRow,
)

__all__ = ["Comparison", "GradientRow", "LayerRow", "NotEquivalent", "OutputRow", "WeightRow"]
"""What users of the library see."""
