"""What the readers of traced programs share: nodes to add, constants computed, weights that are computed."""

from porter.reading.sharing import share_steps
from porter.reading.step import Step
from porter.reading.traced import Traced

__all__ = ["Step", "Traced", "share_steps"]
