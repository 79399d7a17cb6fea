"""What a trial can be told: tolerance, layers, memory, training; and whom it tells how far it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from porter.compare.verdict import Tolerance
from porter.dataclass import dataclass
from porter.errors import RequestError
from porter.graph.model import Graph, Node
from porter.writing.forms import ITSELF, Ways, Weight, shown

Progress = Callable[[str, int, int], None]

MEMORY = 2 << 30
"""Bytes that a comparison may take by default, beside what the frameworks take for themselves."""


@dataclass(frozen=True)
class LayerPlan:
    """How the modules of side b answer to the nodes of a graph."""

    graph: Graph
    modules: Mapping[str, Node]
    weights: Mapping[str, Weight] = field(default_factory=dict)
    shows: Mapping[str, Ways] = field(default_factory=dict)  # what modules give, where that is known
    turns: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # axes of b's arrays to the node's
    matched: Mapping[str, str] = field(default_factory=dict)  # how it is known, where not by origin
    laid_out: bool = True  # the graph is ordered as b is; else as the side whose graph is the reference
    counts: bool = True  # each of these layers has to be right, for b to be
    code: str = ""  # of a bundle: what porter writes as its source

    @property
    def wanted(self) -> dict[str, int]:
        """The modules to look at, and which of the arrays that each gives."""
        return {path: shown(self.shows.get(path, ITSELF)) for path in self.modules}


@dataclass(frozen=True)
class Settings:
    """What a user can choose."""

    tolerance: Tolerance = None
    layers: LayerPlan | None = None
    progress: Progress | None = None
    timeout: float = 1800.0
    seed: int = 0
    memory: int = MEMORY
    gradients: bool = False

    def tell(self, stage: str, done: int = 0, total: int = 1) -> None:
        """Say what is being done, and how far it is."""
        if self.progress is not None:
            self.progress(stage, done, total)


def tolerance_of(told: str | tuple[float, float]) -> Tolerance:
    """The tolerance that a user names: "auto", or two numbers."""
    if told == "auto":
        return None
    try:
        words = told.split(",") if isinstance(told, str) else told
        atol, rtol = (float(word) for word in words)
    except (TypeError, ValueError) as error:
        raise RequestError(f"tolerance {told!r} is neither 'auto' nor two numbers ATOL,RTOL") from error
    if not (0 <= atol < float("inf") and 0 <= rtol < float("inf")):
        raise RequestError(f"tolerance {told!r}: both numbers must be zero or more, and finite")
    return atol, rtol
