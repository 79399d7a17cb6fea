"""What a diagnosis found: causes, each with the layers that have it, and what is left unexplained."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from porter.compare.heat import Heat
from porter.dataclass import dataclass

SCHEMA = 1
"""Version of what `to_dict` gives; a change that breaks readers raises it."""


@dataclass(frozen=True)
class Place:
    """A layer with a fault, and its distance from what is right before and after the cause is taken off."""

    layer: str
    layer_kind: str
    path: str  # in side b
    before: float
    after: float | None  # None where the mistake cannot be put into the reference


@dataclass(frozen=True)
class Tried:
    """A mistake that does not explain a layer, and what of the difference it leaves."""

    name: str
    sentence: str
    after: float


@dataclass(frozen=True)
class Cause:
    """One mistake, in one layer or in several."""

    name: str
    sentence: str
    kind: Literal["weights", "code", "inputs"]
    places: tuple[Place, ...]
    lines: tuple[str, ...] = ()  # of the code, where the mistake is in code
    tried: tuple[Tried, ...] = ()  # those that come nearest
    tried_count: int = 0
    before_map: Heat | None = None  # where the first layer's images are off, from what is right
    after_map: Heat | None = None  # and from the reference with the mistake in it

    @property
    def next_best(self) -> str:
        """The next best explanation, which does not explain it."""
        second = self.tried[0]
        told = second.name if second.name != self.name else f"{second.name}: {second.sentence}"
        return f"    next best of {self.tried_count}: {told}, which leaves {second.after:.1e}"

    @property
    def text(self) -> str:
        """The cause in a sentence, with the figures."""
        if not self.places:
            return self.sentence
        first = self.places[0]
        more = len(self.places) - 1
        others = ""
        if more:
            listed = ", ".join(place.layer for place in self.places[1:4])
            others = f"; {more} more layer(s) have the same fault ({listed}{', ...' if more > 3 else ''})"
        with_it = (
            f"it makes a difference of {first.before:.1e}"
            if first.after is None
            else f"taking it into account brings the difference from {first.before:.1e} to {first.after:.1e}"
        )
        return f"{first.layer} ({first.layer_kind}): {self.sentence}; {with_it}{others}"


@dataclass(frozen=True)
class Mended:
    """A repaired bundle: where it is, which weights are others now, and what is left to be done in code."""

    path: Path
    changed: tuple[str, ...]
    to_do: tuple[str, ...]
    equivalent: bool = False
    verdict: str = ""

    def lines(self) -> list[str]:
        """For people."""
        rows = [f"mended: {key}" for key in self.changed]
        rows += [f"to be changed in the code: {text}" for text in self.to_do]
        return [*rows, f"written to {self.path}: {self.verdict}"]


@dataclass(frozen=True)
class Diagnosis:
    """Why two models differ."""

    a: str
    b: str
    equivalent: bool
    verdict: str
    causes: tuple[Cause, ...] = ()
    unexplained: tuple[Place, ...] = ()
    before: float = 0.0  # the outputs' largest difference, of their scale
    after: float = 0.0  # what is left of it when all causes are taken into account
    mended: Mended | None = None

    @property
    def explained(self) -> bool:
        """Whether the causes account for everything."""
        return self.equivalent or bool(self.causes and not self.unexplained)

    def to_dict(self) -> dict[str, Any]:
        """All facts, JSON-ready."""
        told = asdict(self)
        if self.mended is not None:
            told["mended"]["path"] = str(self.mended.path)
        return {"schema": SCHEMA, **told, "explained": self.explained}

    def lines(self) -> list[str]:
        """For people."""
        if self.equivalent:
            told = [
                line for cause in self.causes for line in (f"{cause.name}: {cause.sentence}", *cause.lines)
            ]
            return [*told, *([""] if told else []), self.verdict]
        rows = []
        for cause in self.causes:
            rows.append(f"{cause.name}: {cause.text}")
            rows += [cause.next_best] if cause.tried else []
            rows += [f"    {line}" for line in cause.lines]
        for place in self.unexplained:
            rows.append(
                f"unexplained: {place.layer} ({place.layer_kind}) is {place.before:.1e} off, and no mistake "
                "that porter knows makes that of it"
            )
        mended = ["", *self.mended.lines()] if self.mended is not None else []
        return [*rows, "", self.verdict, self._outcome(), *mended]

    def _outcome(self) -> str:
        count = len(self.causes)
        if not count:
            return "no cause was found"
        told = f"{count} cause{'s' if count > 1 else ''} found"
        if self.unexplained:
            return f"{told}; {len(self.unexplained)} layer(s) remain unexplained"
        them = "them" if count > 1 else "it"
        return f"{told}: with {them}, {self.before:.1e} of the outputs' scale becomes {self.after:.1e}"
