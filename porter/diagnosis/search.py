"""The search for causes: mistakes are put into the reference, and what computes the same is the cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from time import monotonic

import numpy as np

from porter.compare.difference import Distance, Yardstick
from porter.compare.heat import Heat, heat_map
from porter.compare.verdict import LAYER_LIMIT
from porter.dataclass import dataclass
from porter.diagnosis.case import Case
from porter.diagnosis.hypotheses import hypotheses
from porter.diagnosis.hypothesis import Hypothesis
from porter.diagnosis.probe import Faulty
from porter.diagnosis.segments import Mistakes, Segment
from porter.diagnosis.wrong_weights import rounded
from porter.graph.dims import BATCH
from porter.graph.model import Node, Value
from porter.graph.ops.batch_statistics import BatchStatisticsNorm
from porter.graph.ops.elementwise import Dropout

Array = np.ndarray

MUCH = 2_000_000
"""Numbers of a layer's output from which only some rows are looked at."""

FEW = 2

SPACING = 2.0**-23

NEAR = 1e-3
"""Of the size of what was made: nearer than this, the natural noise of the mistake itself is looked at."""

SHOWN = 8
"""Of mistakes that do not explain a layer: how many are told."""

PARTNERS, PATIENCE = 40, 20.0
"""Of two mistakes in one place: how many first ones are tried with every second, and for how many seconds."""


@dataclass(frozen=True)
class Explained:
    """A faulty layer with the mistake that makes of true inputs what it makes."""

    faulty: Faulty
    node: Node  # in which step of the reference the mistake is
    hypothesis: Hypothesis
    after: Distance | None  # None where the mistake cannot be put into the reference
    others: tuple[tuple[Hypothesis, float], ...] = ()  # mistakes that come near, and what each leaves
    count: int = 0  # of mistakes that were tried


@dataclass
class Search:
    """Goes through the faulty layers in order; what was found before is part of what follows."""

    case: Case
    found: list[Explained] = field(default_factory=list)
    unexplained: list[Faulty] = field(default_factory=list)
    stored: dict[Node, tuple[Hypothesis, ...]] = field(default_factory=dict)  # seen in the weights alone
    rounded: bool = False  # whether layers get numbers of a shorter type than they should

    def run(self) -> None:
        """Explains what can be explained."""
        graph, count = self.case.graph, len(self.case.faulty)
        wrong = [node for node in graph.nodes if node.params and self.case.stored.right(node) is False]
        mistakes = ((node, self.case.stored.mistakes(node, graph)) for node in wrong)
        self.stored = {node: found for node, found in mistakes if found}
        for place, faulty in enumerate(self.case.faulty):
            self.case.settings.tell("trying explanations", place, count)
            part = self.case.parts[faulty]
            base = self._base(part)
            distance = self._tried(faulty, part, base) if base or self.rounded else None
            told = {one.node for one in self.found}
            news = [
                (node, one) for node in part.nodes if node not in told for one in self.stored.get(node, ())
            ]
            causes = [] if _right(distance) else self._causes(faulty, part)
            if not _right(distance) and not causes:
                self.unexplained.append(faulty)
                distance = None
            after = distance if _right(distance) or not causes else causes[0].after
            seen = [Explained(faulty, node, hypothesis, after) for node, hypothesis in news]
            self.found += sorted([*seen, *causes], key=lambda one: graph.nodes.index(one.node))

    def _base(self, part: Segment) -> dict[Node, tuple[Hypothesis, ...]]:
        """Known mistakes in these steps: in the steps themselves, or in weights that they share."""
        held = {node: self.stored[node] for node in part.nodes if node in self.stored}
        for known in self.found:
            for node in part.nodes if known.after is not None and known.node not in self.stored else ():
                if node is known.node or _shares(node, known):
                    held[node] = (*held.get(node, ()), known.hypothesis)
        return held

    def _causes(self, faulty: Faulty, part: Segment) -> list[Explained]:
        tried = list(self._singles(faulty, part))
        right = [one for one in tried if _right(one.after)]
        if right:
            best = min(right, key=self._rank)
            return [_beside(best, tried)]
        return (
            self._at_random(faulty, part)
            or self._in_short(faulty, part)
            or self._pair(faulty, part, tried)
            or self._stored(faulty, part)
        )

    def _rank(self, one: Explained) -> tuple[bool, int, float]:
        """Of mistakes that explain a layer: weights that are seen to be wrong before anything else."""
        seen = one.hypothesis.kind == "weights" and self.case.stored.right(one.node) is False
        assert one.after is not None
        return not seen, one.hypothesis.simple, one.after.times

    def _singles(self, faulty: Faulty, part: Segment) -> Iterator[Explained]:
        base = self._base(part)
        for node, hypothesis in self._possible(part):
            mistakes = {**base, node: (*base.get(node, ()), hypothesis)}
            distance = self._tried(faulty, part, mistakes)
            if distance is not None:
                yield Explained(faulty, node, hypothesis, distance)

    def _possible(self, part: Segment) -> Iterator[tuple[Node, Hypothesis]]:
        """Every mistake in these steps; none in weights that are seen to be right."""
        entrance = set(self.case.graph.inputs)
        for node in reversed(part.nodes):
            known = node in self.stored or (bool(node.params) and self.case.stored.right(node) is True)
            for hypothesis in hypotheses(node, self.case.graph, not entrance.isdisjoint(node.inputs)):
                if hypothesis.kind != "weights" or not known:
                    yield node, hypothesis

    def _tried(self, faulty: Faulty, part: Segment, mistakes: Mistakes) -> Distance | None:
        """How far the layer is from the reference with mistakes in it; None where that has none."""
        whole = any(isinstance(one.op, BatchStatisticsNorm) for by in mistakes.values() for one in by)
        few = not whole and faulty.made.size > MUCH and faulty.value.shape[:1] == (BATCH,)
        known = self._rows(part) if few else self.case.exact
        made = faulty.made[:FEW] if few else faulty.made
        value = part.value(known, mistakes)
        if value is None or value.shape != made.shape or value.dtype.kind != "f":
            return None
        distance = _distance(faulty.stick, value, made)
        if distance.times > LAYER_LIMIT and distance.largest <= NEAR * float(np.abs(value).max(initial=0.0)):
            rough = part.value(known, mistakes, "float32")
            if rough is not None:
                own = Yardstick(value, rough, SPACING, faulty.stick.dtype).measure(made)
                return min(distance, own, key=lambda one: one.times)
        return distance

    def _rows(self, part: Segment) -> Mapping[Value, Array]:
        return {
            value: self.case.exact[value][:FEW] if value.shape[:1] == (BATCH,) else self.case.exact[value]
            for value in part.needs
        }

    def _pair(self, faulty: Faulty, part: Segment, tried: Sequence[Explained]) -> list[Explained]:
        """Two mistakes in one place."""
        base, until = self._base(part), monotonic() + PATIENCE
        firsts = sorted(tried, key=lambda one: one.after.largest if one.after is not None else np.inf)
        possible = list(self._possible(part))
        for first in firsts[:PARTNERS]:
            here = {**base, first.node: (*base.get(first.node, ()), first.hypothesis)}
            for node, hypothesis in possible:
                if node is first.node and hypothesis.name == first.hypothesis.name:
                    continue
                distance = self._tried(faulty, part, {**here, node: (*here.get(node, ()), hypothesis)})
                if _right(distance):
                    pair = [replace(first, after=distance), Explained(faulty, node, hypothesis, distance)]
                    return sorted(pair, key=lambda one: part.nodes.index(one.node))
                if monotonic() > until:
                    return []
        return []

    def _at_random(self, faulty: Faulty, part: Segment) -> list[Explained]:
        """What a model that gives something else at each call has made of it."""
        node = next((node for node in reversed(part.nodes) if isinstance(node.op, Dropout)), None)
        if not self.case.changing:
            return []
        name, told = "random numbers", "it gives something else at each call: a random number is drawn"
        if node is not None:
            name, told = "dropout active", "dropout is active (training mode): each call drops other numbers"
        cause = Hypothesis(name, told, "code", faulty.node.op)
        return [Explained(faulty, node or faulty.node, cause, None)]

    def _in_short(self, faulty: Faulty, part: Segment) -> list[Explained]:
        """A layer that was computed in a shorter type: all that it made is a number of that type."""
        exact = part.value(self.case.exact, self._base(part))
        if exact is None or exact.shape != faulty.made.shape:
            return []
        for short, spacing in (("bfloat16", 2.0**-7), ("float16", 2.0**-10)):
            as_held = bool(np.array_equal(rounded(faulty.made, short), faulty.made))
            rough = rounded(exact, short)
            distance = Yardstick(exact, rough, spacing).measure(faulty.made)
            if as_held and not np.array_equal(rough, exact) and _right(distance):
                if faulty.value in self.case.forced and faulty.value in self.case.exact:
                    self.case.exact[faulty.value] = rough
                    self.rounded = True
                told = f"the layer is computed in {short}, which keeps few digits"
                cause = Hypothesis("precision", told, "code", faulty.node.op)
                return [Explained(faulty, faulty.node, cause, None)]
        return []

    def _stored(self, faulty: Faulty, part: Segment) -> list[Explained]:
        """What the weights file shows, where no mistake of a known kind explains it."""
        for node in reversed(part.nodes):
            told = self.case.stored.otherwise(node) if node.params and node not in self.stored else None
            if told is not None:
                return [Explained(faulty, node, told, None)]
        return []

    def maps(self, one: Explained) -> tuple[Heat | None, Heat | None]:
        """Where the images of a faulty layer are off: from what is right, and from the reference with all
        mistakes in it."""
        part, image, made = self.case.parts[one.faulty], self.case.image, one.faulty.made
        pair = (part.value(self.case.exact, {}), part.value(self.case.exact, self._base(part)))
        if made.ndim != 4 or any(value is None for value in pair):
            return None, None
        before, after = (heat_map(made, value, image) for value in pair if value is not None)
        return before, after

    def left(self) -> float:
        """What remains between the outputs and the reference with all mistakes in it, of their scale."""
        graph = self.case.graph
        whole = Segment(graph.nodes, graph.inputs, graph.outputs[0])
        known = dict(zip(graph.inputs, self.case.inputs, strict=True))
        rests = []
        for end, made in zip(graph.outputs, self.case.outputs, strict=True):
            value = replace(whole, end=end).value(known, self._base(whole))
            if value is not None and value.shape == made.shape and made.dtype.kind == "f":
                scale = float(np.abs(value).max(initial=0.0)) or 1.0
                rests.append(float(np.abs(value - made).max(initial=0.0)) / scale)
        return max(rests, default=0.0)


def _distance(stick: Yardstick, value: Array, made: Array) -> Distance:
    if stick.known is not None and any(
        group is not None and (group >= value.ndim or len(noises) != value.shape[group])
        for group, noises in stick.known.items()
    ):
        return Yardstick(value, value.astype("float32"), SPACING, stick.dtype).measure(made)
    return stick.with_exact(value).measure(made)


def _right(distance: Distance | None) -> bool:
    return distance is not None and distance.times <= LAYER_LIMIT


def _shares(node: Node, known: Explained) -> bool:
    """Whether a step uses the weights in which a mistake was found, in another place."""
    theirs = known.node.params
    return (
        known.hypothesis.kind == "weights"
        and node.op == known.node.op
        and bool(theirs)
        and all(name in theirs and param.tensor is theirs[name].tensor for name, param in node.params.items())
    )


def _beside(best: Explained, tried: Sequence[Explained]) -> Explained:
    """The best explanation, beside those that come near and do not explain it."""
    left = (
        (one.hypothesis, one.after.largest)
        for one in tried
        if one.after is not None and not _right(one.after)
    )
    near = sorted((pair for pair in left if np.isfinite(pair[1])), key=lambda pair: pair[1])
    return replace(best, others=tuple(near[:SHOWN]), count=len(tried))
