"""Why two models differ: what verification shows is brought to causes, each said once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from porter.compare.inputs import InputSet
from porter.diagnosis.case import Case
from porter.diagnosis.code_lines import changed_lines, lines_of
from porter.diagnosis.findings import Cause, Diagnosis, Place, Tried
from porter.diagnosis.probe import Faulty
from porter.diagnosis.search import Explained, Search
from porter.graph.model import Node
from porter.sides import Side
from porter.verification.settings import LayerPlan, Settings
from porter.verification.trial import verify


def diagnose(a: Side, b: Side, given: InputSet | None, settings: Settings) -> Diagnosis:
    """Why `b` differs from `a`."""
    comparison = verify(a, b, given, settings)
    worst = max((row.b.relative for row in comparison.outputs), default=0.0)
    if comparison.equivalent:
        causes = tuple(_of_training(b, settings))
        return Diagnosis(a.label, b.label, True, comparison.verdict, causes, before=worst, after=worst)
    search = Search(Case.of(a, b, given, settings))
    search.run()
    causes = tuple(_grouped(_exchanged(search.found), b, search))
    places = tuple(_place(faulty, faulty.distance.largest) for faulty in search.unexplained)
    return Diagnosis(a.label, b.label, False, comparison.verdict, causes, places, worst, search.left())


def _exchanged(found: Sequence[Explained]) -> list[Explained]:
    """Two layers that have one another's weights are one mistake."""
    holds = {
        (one.node.origin.label, one.hypothesis.holds_of): one for one in found if one.hypothesis.holds_of
    }
    told = []
    for one in found:
        pair = tuple(sorted((one.node.origin.label, one.hypothesis.holds_of)))
        if (one.hypothesis.holds_of, one.node.origin.label) in holds:
            sentence = f"the weights of {pair[0]} and {pair[1]} are exchanged"
            one = replace(one, hypothesis=replace(one.hypothesis, name="layers exchanged", sentence=sentence))
        told.append(one)
    return told


def _grouped(found: Sequence[Explained], b: Side, search: Search) -> Iterator[Cause]:
    """Causes that are the same in several layers, said once."""
    groups: dict[tuple[str, str], list[Explained]] = {}
    for one in found:
        groups.setdefault((one.hypothesis.name, one.hypothesis.sentence), []).append(one)
    folder = Path(b.model["bundle"]) if b.is_bundle else None
    for (name, sentence), members in groups.items():
        first = members[0]
        kind = first.hypothesis.kind
        lines = _lines(folder, search.case.plan, members) if kind == "code" and folder else ()
        places = tuple(
            _place(one.faulty, None if one.after is None else one.after.largest, one.node) for one in members
        )
        tried = tuple(Tried(other.name, other.sentence, left) for other, left in first.others)
        before, after = search.maps(first)
        yield Cause(name, sentence, kind, places, lines, tried, first.count, before, after)


def _lines(folder: Path, plan: LayerPlan, members: Sequence[Explained]) -> tuple[str, ...]:
    """The lines to change where they are known, else those that are about the layers at fault."""
    return changed_lines(folder, plan.code) or lines_of(folder, [one.faulty.path for one in members])


def _of_training(b: Side, settings: Settings) -> Iterator[Cause]:
    """Mistakes in a bundle's code that only training shows."""
    if b.is_bundle and settings.layers is not None:
        changed = changed_lines(Path(b.model["bundle"]), settings.layers.code)
        lines = tuple(line for line in changed if "momentum" in line)
        if lines:
            told = "the momentum of a normalization is another one, which only training shows"
            yield Cause("another momentum", told, "code", (), lines)


def _place(faulty: Faulty, after: float | None, node: Node | None = None) -> Place:
    """Where the mistake is, or where it shows if that is not known."""
    origin = (node or faulty.node).origin
    return Place(origin.label, origin.kind, faulty.path, faulty.distance.largest, after)
