"""From layers that are off to causes: mistakes are tried, and what computes the same is the cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import field, replace
from pathlib import Path

import numpy as np

from porter.compare.difference import Distance, Yardstick
from porter.compare.inputs import InputSet
from porter.compare.verdict import LAYER_LIMIT
from porter.dataclass import dataclass
from porter.diagnosis.code_lines import lines_of
from porter.diagnosis.findings import Cause, Diagnosis, Place
from porter.diagnosis.hypotheses import Hypothesis, hypotheses
from porter.diagnosis.probe import Faulty, Probe
from porter.diagnosis.segments import FAULTS, Segment, segment
from porter.diagnosis.stored import stored_otherwise
from porter.errors import RequestError
from porter.graph.dims import BATCH
from porter.graph.model import Graph, Node, Value
from porter.graph.ops.batch_statistics import BatchStatisticsNorm
from porter.graph.run import steps
from porter.sides import Side, turned
from porter.verification.contestant import finished, started
from porter.verification.inputs import brought_together, sets_for, truth_of
from porter.verification.settings import LayerPlan, Settings
from porter.verification.trial import Trial, image_axes, verify

Array = np.ndarray

MUCH = 2_000_000
"""Numbers of a layer's output from which only some rows are looked at."""

FEW = 2


@dataclass(frozen=True)
class Explained:
    """A faulty layer with the mistake that makes of true inputs what it makes."""

    faulty: Faulty
    node: Node  # in which step of the reference the mistake is
    hypothesis: Hypothesis
    after: Distance
    runner_up: Hypothesis | None = None
    left: float = 0.0  # by the runner-up


def diagnose(a: Side, b: Side, given: InputSet | None, settings: Settings) -> Diagnosis:
    """Why `b` differs from `a`."""
    comparison = verify(a, b, given, settings)
    worst = max((row.b.relative for row in comparison.outputs), default=0.0)
    if comparison.equivalent:
        return Diagnosis(a.label, b.label, True, comparison.verdict, before=worst, after=worst)
    with ExitStack() as at_work:
        case = _Case.of(a, b, given, settings, at_work)
        explained, unexplained = case.explained()
        after = case.left(explained)
    causes = tuple(_grouped(explained, b))
    places = tuple(_place(faulty, faulty.distance.largest) for faulty in unexplained)
    return Diagnosis(a.label, b.label, False, comparison.verdict, causes, places, worst, after)


@dataclass
class _Case:
    """Everything that is known of side b, each layer by itself, and of the reference."""

    b: Side
    plan: LayerPlan
    inputs: Sequence[Array]  # in the order of the plan's graph
    faulty: list[Faulty]
    forced: set[Value]
    outputs: tuple[Array, ...]  # of side b, in the order of the plan's graph
    settings: Settings
    exact: dict[Value, Array] = field(default_factory=dict)

    @staticmethod
    def of(a: Side, b: Side, given: InputSet | None, settings: Settings, at_work: ExitStack) -> _Case:
        truth = truth_of(a, b)
        if b is truth:
            raise RequestError(f"{b.label} is what the other is measured by; name the original first")
        b = brought_together(truth, b)
        a, sets = sets_for(a, truth, given, settings)
        worker = started(b, settings, at_work)
        if worker is None:
            raise RequestError(f"{b.label} cannot be run here, and a diagnosis needs its layers")
        trial = Trial(a, b, truth, settings, (None, worker), sets, 0)
        trial.align()
        plan = trial.settings.layers
        if plan is None or not plan.modules:
            raise RequestError(f"the layers of {b.label} cannot be told from one another")
        trial.feed()
        made = sets[0].arrays
        inputs = turned(made, b.into if plan.laid_out else truth.into)
        image = image_axes(b if plan.laid_out else truth)
        probe = Probe(plan, inputs, turned(made, b.into), worker, trial.room, image, settings.tell)
        probe.rows()
        ran, why = finished(b, worker, settings)
        if ran is None:
            raise RequestError(f"{b.label} cannot be run here: {why}")
        outputs = worker.result().outputs[0] if plan.laid_out else ran.outputs[0]
        order = {node: place for place, node in enumerate(plan.graph.nodes)}
        faulty = sorted(probe.faulty, key=lambda one: order[one.node])
        forced = {node.outputs[0] for node in probe.forced}
        return _Case(b, plan, inputs, faulty, forced, tuple(outputs), settings)

    @property
    def graph(self) -> Graph:
        return self.plan.graph

    def explained(self) -> tuple[list[Explained], list[Faulty]]:
        """The faulty layers with a cause, and those without."""
        segments = {f.path: segment(self.graph, f.node.outputs[0], self.forced) for f in self.faulty}
        self._remember({value for part in segments.values() for value in part.needs})
        found: list[Explained] = []
        left: list[Faulty] = []
        for place, faulty in enumerate(self.faulty):
            self.settings.tell("trying explanations", place, len(self.faulty))
            part = segments[faulty.path]
            if self._follows(faulty, part, found):
                continue
            best = self._best(faulty, part) or self._stored(faulty)
            if best is None:
                left.append(faulty)
            else:
                found.append(best)
        return found + self._behind_the_last(found, left), left

    def _remember(self, wanted: set[Value]) -> None:
        self.exact = dict(zip(self.graph.inputs, self.inputs, strict=True))
        for node, outputs in steps(self.graph, self.inputs):
            pairs = zip(node.outputs, outputs, strict=True)
            self.exact.update((value, array) for value, array in pairs if value in wanted)

    def _follows(self, faulty: Faulty, part: Segment, found: Sequence[Explained]) -> bool:
        """Whether a cause that is known already explains this layer too, which sees the other's output."""
        for known in found:
            if known.node in part.nodes and known.node is not faulty.node:
                value = part.value(self.exact, known.node, known.hypothesis)
                if value is not None and _distance(faulty.stick, value, faulty.made).times <= LAYER_LIMIT:
                    return True
        return False

    def _best(self, faulty: Faulty, part: Segment) -> Explained | None:
        tried = list(self._tried(faulty, part))
        right = [one for one in tried if one.after.times <= LAYER_LIMIT]
        if not right:
            return None
        best = min(right, key=lambda one: (one.hypothesis.simple, one.after.times))
        others = [one for one in tried if one.after.times > LAYER_LIMIT and np.isfinite(one.after.largest)]
        if not others:
            return best
        second = min(others, key=lambda one: one.after.largest)
        return replace(best, runner_up=second.hypothesis, left=second.after.largest)

    def _tried(self, faulty: Faulty, part: Segment) -> Iterator[Explained]:
        few = faulty.made.size > MUCH and faulty.node.outputs[0].shape[:1] == (BATCH,)
        known = self._rows(part, FEW) if few else self.exact
        made = faulty.made[:FEW] if few else faulty.made
        entrance = set(self.graph.inputs)
        for node in reversed(part.nodes):
            for hypothesis in hypotheses(node, self.graph, not entrance.isdisjoint(node.inputs)):
                whole = isinstance(hypothesis.op, BatchStatisticsNorm)
                value = part.value(self.exact if whole else known, node, hypothesis)
                given = faulty.made if whole else made
                if value is not None and value.shape == given.shape:
                    yield Explained(faulty, node, hypothesis, _distance(faulty.stick, value, given))

    def _rows(self, part: Segment, count: int) -> Mapping[Value, Array]:
        return {
            value: self.exact[value][:count] if value.shape[:1] == (BATCH,) else self.exact[value]
            for value in part.needs
        }

    def _stored(self, faulty: Faulty) -> Explained | None:
        """What the weights file shows, where no mistake of a known kind explains it."""
        told = stored_otherwise(self.b, self.plan, faulty.path)
        if told is None:
            return None
        nothing = replace(faulty.distance, largest=0.0, relative=0.0, times=0.0)
        hypothesis = Hypothesis("other numbers", told, "weights", faulty.node.op)
        return Explained(faulty, faulty.node, hypothesis, nothing)

    def _behind_the_last(self, found: list[Explained], left: list[Faulty]) -> list[Explained]:
        """Causes in what follows the last layer, which the outputs alone show."""
        if left or any(one.hypothesis.name == "other numbers" for one in found):
            return []
        values = self._with(found)
        more: list[Explained] = []
        for place, end in enumerate(self.graph.outputs):
            made = self.outputs[place]
            stick = Yardstick(values[end], values[end].astype("float32"), 2.0**-23)
            distance = stick.measure(made)
            part = segment(self.graph, end, self.forced - {end})
            producer = self.graph.producers().get(end)
            if distance.times <= LAYER_LIMIT or producer is None or not part.nodes:
                continue
            faulty = Faulty("", producer, distance, stick.without_arrays(), made)
            case = replace(self, exact={**self.exact, **values})
            best = case._best(faulty, part)
            if best is not None:
                more.append(best)
        return more

    def left(self, found: Sequence[Explained]) -> float:
        """What remains between the outputs and the reference with all mistakes in it, of their scale."""
        values = self._with(found)
        rests = []
        for end, made in zip(self.graph.outputs, self.outputs, strict=True):
            if values[end].shape == made.shape and made.dtype.kind == "f":
                scale = float(np.abs(values[end]).max()) or 1.0
                rests.append(float(np.abs(values[end] - made).max()) / scale)
        return max(rests, default=0.0)

    def _with(self, found: Sequence[Explained]) -> dict[Value, Array]:
        """All values of the reference with the mistakes in it."""
        by = {one.node: one.hypothesis for one in found}
        held = dict(zip(self.graph.inputs, self.inputs, strict=True))
        for node in self.graph.nodes:
            part = Segment((node,), tuple(dict.fromkeys(node.inputs)), node.outputs[0])
            for place, value in enumerate(node.outputs):
                try:
                    made = replace(part, end=value).value(held, node, by.get(node))
                except FAULTS:
                    made = None
                held[value] = made if made is not None else np.zeros(0)
                if place == 0 and made is None:
                    break
        return held


def _distance(stick: Yardstick, value: Array, made: Array) -> Distance:
    return stick.with_exact(value).measure(made)


def _second(one: Explained) -> str:
    second = one.runner_up
    if second is None:
        return ""
    return second.name if second.name != one.hypothesis.name else f"{second.name}: {second.sentence}"


def _place(faulty: Faulty, after: float, node: Node | None = None) -> Place:
    """Where the mistake is, or where it shows if that is not known."""
    origin = (node or faulty.node).origin
    return Place(origin.label, origin.kind, faulty.path, faulty.distance.largest, after)


def _grouped(found: Sequence[Explained], b: Side) -> Iterator[Cause]:
    """Causes that are the same in several layers, said once."""
    groups: dict[tuple[str, str], list[Explained]] = {}
    for one in found:
        groups.setdefault((one.hypothesis.name, one.hypothesis.sentence), []).append(one)
    folder = Path(b.model["bundle"]) if b.is_bundle else None
    for (name, sentence), members in groups.items():
        first = members[0]
        kind = first.hypothesis.kind
        lines = lines_of(folder, [one.faulty.path for one in members]) if kind == "code" and folder else ()
        yield Cause(
            name,
            sentence,
            kind,
            tuple(_place(one.faulty, one.after.largest, one.node) for one in members),
            _second(first),
            first.left,
            lines,
        )
