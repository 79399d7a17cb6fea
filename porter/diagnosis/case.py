"""What there is to explain: layers and outputs that are off, each of true inputs, and the reference."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import field, replace

import numpy as np

from porter.compare.difference import Yardstick
from porter.compare.inputs import InputSet
from porter.compare.reference import resolution
from porter.compare.verdict import within_layer_limit
from porter.dataclass import dataclass
from porter.diagnosis.probe import Faulty, Probe
from porter.diagnosis.segments import Segment, segment
from porter.diagnosis.stored import StoredWeights
from porter.errors import RequestError
from porter.graph.model import Graph, Value
from porter.graph.run import steps
from porter.sides import Side, turned
from porter.verification.contestant import Runner, finished, started
from porter.verification.inputs import brought_together, sets_for, truth_of
from porter.verification.settings import LayerPlan, Settings
from porter.verification.trial import Trial, image_axes

Array = np.ndarray


@dataclass
class Case:
    """Everything that is known of side b, each layer by itself, and of the reference."""

    b: Side
    plan: LayerPlan
    inputs: Sequence[Array]  # in the order of the plan's graph
    faulty: list[Faulty]  # in the order of the graph, outputs last
    forced: set[Value]  # whose true values the layers behind them got
    outputs: tuple[Array, ...]  # of side b as it is, in the order of the plan's graph
    changing: bool  # whether side b gives something else when it is asked again
    stored: StoredWeights
    settings: Settings
    image: tuple[int, int] | None = None  # axes of height and width
    exact: dict[Value, Array] = field(default_factory=dict)
    parts: dict[Faulty, Segment] = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        """The reference."""
        return self.plan.graph

    @staticmethod
    def of(a: Side, b: Side, given: InputSet | None, settings: Settings) -> Case:
        """Side b, run as it is and along the true values."""
        truth = truth_of(a, b)
        if b is truth:
            raise RequestError(f"{b.label} is what the other is measured by; name the original first")
        b = brought_together(truth, b)
        a, sets = sets_for(a, truth, given, settings)
        with ExitStack() as at_work:
            worker = started(b, settings, at_work)
            if worker is None:
                raise RequestError(f"{b.label} cannot be run here, and a diagnosis needs its layers")
            trial = Trial(a, b, truth, settings, (None, worker), sets, 0)
            trial.align()
            trial.settings = replace(trial.settings, layers=_single(trial.settings.layers))
            return _of_trial(trial, worker)


def _single(plan: LayerPlan | None) -> LayerPlan | None:
    """The plan without layers that give several arrays: which of them is taken may be the mistake, and would
    not be seen where the true ones stand in for them all."""
    if plan is None:
        return None
    kept = {
        path: node
        for path, node in plan.modules.items()
        if len(node.outputs) == 1 or path not in plan.shows
    }
    return replace(plan, modules=kept)


def _of_trial(trial: Trial, worker: Runner) -> Case:
    b, truth, settings = trial.b, trial.truth, trial.settings
    plan = settings.layers or LayerPlan(truth.graph, {}, laid_out=False)  # type: ignore[arg-type]
    made = trial.sets[0].arrays
    common = b if plan.laid_out else truth
    inputs = turned(made, common.into)
    trial.feed()
    probe = Probe(plan, inputs, turned(made, b.into), worker, trial.room, image_axes(common), settings.tell)
    probe.rows()
    ran, why = finished(b, worker, settings)
    if ran is None:
        raise RequestError(f"{b.label} cannot be run here: {why}")
    own = worker.result().outputs[0]
    worker.feed([turned(made, b.into)])
    again = worker.result().outputs[0]
    changing = any(not np.array_equal(x, y, equal_nan=True) for x, y in zip(own, again, strict=True))

    def ordered(arrays: Sequence[Array]) -> tuple[Array, ...]:
        return tuple(arrays) if plan.laid_out else tuple(turned(turned(arrays, b.out_of), _back(truth)))

    outputs = ordered(own)
    order = {node: place for place, node in enumerate(plan.graph.nodes)}
    faulty = sorted(probe.faulty, key=lambda one: order[one.node])
    forced = {node.outputs[0] for node in probe.forced}
    stored = StoredWeights.of(b, plan)
    image = image_axes(common)
    case = Case(b, plan, inputs, faulty, forced, outputs, changing, stored, settings, image)
    ends = ordered(probe.ends) if probe.ends else () if faulty else outputs
    case.faulty += _faulty_ends(case, ends)
    _remember(case)
    return case


def _back(truth: Side) -> tuple[tuple[int, ...] | None, ...]:
    from porter.verification.inputs import inverses

    return inverses(truth.out_of)


def _faulty_ends(case: Case, ends: Sequence[Array]) -> Iterator[Faulty]:
    """Outputs that are off though the last layers before them gave true values."""
    producers = case.graph.producers()
    wanted = {end: segment(case.graph, end, case.forced) for end in case.graph.outputs}
    known = _exact(case, {value for part in wanted.values() for value in part.needs} | set(wanted))
    for end, made in zip(case.graph.outputs, ends, strict=False):
        part = wanted[end]
        if end in case.forced or end not in producers or known[end].dtype.kind != "f":
            continue
        rough = part.value(known, {}, "float32")
        if rough is None:
            continue
        stick = Yardstick(known[end], rough, resolution(case.graph))
        distance = stick.measure(made)
        if not within_layer_limit(distance):
            yield Faulty("", producers[end], distance, stick, made, end)


def _remember(case: Case) -> None:
    """The segment of each faulty layer, and the exact values that it needs."""
    for faulty in case.faulty:
        case.parts[faulty] = segment(case.graph, faulty.value, case.forced)
    case.exact = _exact(case, {value for part in case.parts.values() for value in part.needs})


def _exact(case: Case, wanted: Collection[Value]) -> dict[Value, Array]:
    found = dict(zip(case.graph.inputs, case.inputs, strict=True))
    for node, outputs in steps(case.graph, case.inputs):
        found.update((v, x) for v, x in zip(node.outputs, outputs, strict=True) if v in wanted)
    return found
