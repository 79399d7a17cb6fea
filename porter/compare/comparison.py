"""The outcome of a verification as one value: the verdict in a sentence, and every figure behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, field
from typing import Any

from porter.compare.difference import Distance
from porter.compare.figures import Figures
from porter.compare.heat import Heat
from porter.dataclass import dataclass
from porter.errors import PorterError

SCHEMA = 2
"""Version of what `to_dict` gives; a change that breaks readers raises it."""


@dataclass(frozen=True)
class OutputRow:
    """One output on one set of inputs. `a` is None where the reference stands in for that side."""

    name: str
    inputs: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    noise: float
    a: Distance | None
    b: Distance
    between: float | None
    equivalent: bool
    problem: str = ""
    apart: Figures | None = None  # from a (or the reference that stands in for it) to b
    heat: Heat | None = None  # where in an image b is off


@dataclass(frozen=True)
class LayerRow:
    """One layer's output on the set of inputs for which layers are kept.

    `b` is the error as it has come down to here, with everything before it as the model computes it;
    `isolated` is what this layer makes of true inputs, so that nothing earlier can be blamed on it.
    """

    name: str  # of the layer in the source
    path: str  # of the module in the target
    kind: str
    op: str
    shape: tuple[int, ...]
    scale: float
    noise: float
    a: Distance | None
    b: Distance | None
    isolated: Distance | None
    isolated_noise: float
    equivalent: bool
    matched: str = "origin"  # how the two layers are known to be the same
    covers: tuple[str, ...] = ()  # layers before it that the target does not show: part of what is isolated
    heat: Heat | None = None

    @property
    def times(self) -> float:
        """How many times the noise side b is off, by what is known of it."""
        return max((d.times for d in (self.b, self.isolated) if d is not None), default=0.0)


@dataclass(frozen=True)
class GradientRow:
    """How the loss changes with one input or weight on both sides, or what one step of training makes of it.

    Measured against side b in double precision; `a` is None where that side was not asked.
    """

    name: str
    kind: str  # "input gradient", "weight gradient", "after one step"
    key: str  # in the target's weight file
    axes: str  # from the source's axes to the target's
    scale: float
    noise: float
    a: Distance | None
    b: Distance
    equivalent: bool

    @property
    def times(self) -> float:
        """How many times the noise the further side is off."""
        return max(d.times for d in (self.a, self.b) if d is not None)


@dataclass(frozen=True)
class WeightRow:
    """One entry of a bundle's weight file that does not hold the numbers of its source."""

    name: str
    origin: str  # the source's arrays
    problem: str


@dataclass(frozen=True)
class Comparison:
    """Are two models the same function, to rounding? `verdict` says it in one sentence."""

    equivalent: bool
    verdict: str
    a: str
    b: str
    outputs: tuple[OutputRow, ...] = ()
    layers: tuple[LayerRow, ...] = ()
    weights: tuple[WeightRow, ...] = ()  # only those that differ
    notes: tuple[str, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    diverges: str = ""  # the layer of the source where it begins, where that is known
    gradients: tuple[GradientRow, ...] = ()
    conversion: Mapping[str, Any] = field(default_factory=dict)  # of a bundle: its ledger and transposes

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready; numbers that JSON lacks become null."""
        rows = {
            "outputs": [_row(row) for row in self.outputs],
            "layers": [_row(row) for row in self.layers],
            "weights": [_row(row) for row in self.weights],
            "gradients": [_row(row) for row in self.gradients],
        }
        return {
            "schema": SCHEMA,
            "equivalent": self.equivalent,
            "verdict": self.verdict,
            "a": self.a,
            "b": self.b,
            "diverges": self.diverges,
            **rows,
            "notes": list(self.notes),
            "conversion": _plain(dict(self.conversion)),
            "environment": _plain(dict(self.environment)),
        }


class NotEquivalent(PorterError):
    """A conversion was done and found to compute something else; `comparison` has the figures."""

    def __init__(self, comparison: Comparison) -> None:
        super().__init__(comparison.verdict)
        self.comparison = comparison


def _row(row: OutputRow | LayerRow | WeightRow | GradientRow) -> dict[str, Any]:
    found: dict[str, Any] = _plain(asdict(row))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value
