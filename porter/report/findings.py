"""The pages of a diagnosis, of a check, and of two preprocessing functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from porter.report.page import rendered

Facts = Mapping[str, Any]

HEADLINES = {0: "No cause was found", 1: "One cause found"}


def diagnosis(facts: Facts) -> str:
    """Why two models differ: each cause with its figures, and what else was tried."""
    count = len(facts["causes"])
    good = bool(facts["equivalent"])
    headline = "Equivalent" if good else HEADLINES.get(count, f"{count} causes found")
    places = [place for cause in facts["causes"] for place in cause["places"]]
    return rendered(
        "diagnosis.html",
        title=f"{headline} · {facts['a']} and {facts['b']}",
        good=good,
        facts=facts,
        headline=headline,
        sentence=facts["verdict"],
        layers=len({place["layer"] for place in places}),
        tried=sum(cause["tried_count"] for cause in facts["causes"]),
    )


def check(facts: Facts) -> str:
    """Whether a model agrees with itself: each circumstance, what differs and why."""
    good = bool(facts["consistent"])
    rows = facts["findings"]
    return rendered(
        "check.html",
        title=f"{facts['model']} checked",
        good=good,
        facts=facts,
        headline="It agrees with itself" if good else "It does not agree with itself",
        sentence=facts["verdict"],
        same=sum(row["kind"] == "same" for row in rows),
        rounded=sum(row["kind"] == "rounding" for row in rows),
        wrong=sum(not row["harmless"] for row in rows),
        worst=max((row["relative"] for row in rows if row["kind"] == "rounding"), default=0.0),
        advice=dict.fromkeys(
            (row["kind"], row["advice"]) for row in rows if row["advice"] and row["kind"] != "not run"
        ),
    )


def preprocessing(facts: Facts) -> str:
    """What two preprocessing functions do differently."""
    good = bool(facts["same"])
    return rendered(
        "preprocessing.html",
        title=f"{facts['one']} and {facts['two']}",
        good=good,
        facts=facts,
        headline="They do the same" if good else "They differ",
        sentence=facts["verdict"],
    )
