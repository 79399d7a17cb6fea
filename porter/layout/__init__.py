"""The layout pass: decides once, for the whole graph, in which axis order the target holds each value.

In comes a graph in the source's order; out goes the same function in the target's, with axis attributes and
parameters rewritten, and an explicit Transpose (with its reason) only where nothing could absorb the
difference.
"""

from porter.layout.choose import lay_out
from porter.layout.plan import LaidOut

__all__ = ["LaidOut", "lay_out"]
