"""What was found: for each thing that was tried, what differs, what kind of difference it is, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field
from typing import Any, Literal

from porter.dataclass import dataclass

SCHEMA = 1
"""Version of what `to_dict` gives; a change that breaks readers raises it."""

Kind = Literal[
    "same", "rounding", "batch coupling", "state", "randomness", "non-determinism", "precision", "not run"
]

HARMLESS: tuple[Kind, ...] = ("same", "rounding", "not run")

ADVICE: Mapping[Kind, str] = {
    "rounding": (
        "harmless: another batch size, thread count or kernel adds the same numbers up in another order, so "
        "that the last digits differ and nothing else; compare with a tolerance, not with =="
    ),
    "batch coupling": (
        "a row's result depends on the rows beside it: results change with the batch size and with what else "
        "is in the batch"
    ),
    "state": (
        "the model remembers earlier calls: reset its state before each independent sequence, or save it "
        "without memory"
    ),
    "randomness": (
        "chance is at work in inference: a dropout or noise layer is active, or an operation draws numbers; "
        "switch the model to inference"
    ),
    "non-determinism": (
        "the same computation gives different results by more than rounding: an operation's order of work "
        "is left open; ask the framework for deterministic operations"
    ),
    "precision": "the model is sensitive: rounding is magnified on the way to the output",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was tried."""

    test: str
    kind: Kind
    harmless: bool
    output: str = ""
    largest: float = 0.0  # the largest difference
    relative: float = 0.0  # over the output's largest number
    ulps: float = 0.0
    times: float = 0.0  # over the rounding noise of the model
    where: tuple[int, ...] = ()
    layer: str = ""  # where it begins
    layer_kind: str = ""
    why: str = ""

    @property
    def advice(self) -> str:
        """What it means and what to do."""
        return self.why or ADVICE.get(self.kind, "")


@dataclass(frozen=True)
class Check:
    """Whether a model agrees with itself."""

    label: str
    findings: tuple[Finding, ...]
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def consistent(self) -> bool:
        """Whether all differences are rounding, and something was tried at all."""
        return all(f.harmless for f in self.findings) and any(f.kind != "not run" for f in self.findings)

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        wrong = [finding for finding in self.findings if not finding.harmless]
        worst = next((finding for finding in wrong if finding.layer), wrong[0] if wrong else None)
        if worst is not None:
            place = f" at layer {worst.layer}" + (f" ({worst.layer_kind})" if worst.layer_kind else "")
            return (
                f"{self.label} does not agree with itself: {worst.kind}{place if worst.layer else ''}, "
                f"{worst.largest:.1e} ({worst.test})"
            )
        if not self.consistent:
            return f"{self.label} was not checked: nothing could be run"
        rounded = [finding for finding in self.findings if finding.kind == "rounding"]
        if not rounded:
            return f"{self.label} agrees with itself, bit for bit"
        most = max(rounded, key=lambda finding: finding.relative)
        return (
            f"{self.label} agrees with itself: what differs is rounding, at most {most.relative:.1e} of the "
            f"output's scale ({most.test})"
        )

    def to_dict(self) -> dict[str, Any]:
        """All facts, JSON-ready."""
        rows = [{**asdict(f), "where": list(f.where), "advice": f.advice} for f in self.findings]
        return {
            "schema": SCHEMA,
            "model": self.label,
            "consistent": self.consistent,
            "verdict": self.verdict,
            "findings": rows,
            "environment": dict(self.environment),
        }

    def lines(self) -> list[str]:
        """The findings as a table for people, the advice below it, and the verdict."""
        width = max((len(finding.test) for finding in self.findings), default=0)
        table = [f"{found.kind:<16} {found.test:<{width}}  {_figures(found)}" for found in self.findings]
        told = dict.fromkeys((f.kind, f.advice) for f in self.findings if f.advice and f.kind != "not run")
        words = [f"{kind}: {advice}" for kind, advice in told]
        return [*table, "", *words, *([""] if words else []), self.verdict]


def _figures(finding: Finding) -> str:
    if finding.kind == "same":
        return "bit for bit"
    if finding.kind == "not run" or not finding.largest:
        return finding.why
    place = f", from {finding.layer}" + (f" ({finding.layer_kind})" if finding.layer_kind else "")
    return (
        f"{finding.largest:.1e}, {finding.ulps:.3g} ULP, {finding.times:.2g} times the noise"
        f"{place if finding.layer else ''}"
    )
