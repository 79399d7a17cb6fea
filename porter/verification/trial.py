"""One trial: both models start, inputs are made, the reference is computed, the figures go to the judge."""

from __future__ import annotations

import platform
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from porter.compare.comparison import Comparison, LayerRow, OutputRow, WeightRow
from porter.compare.difference import Yardstick, tells_nothing
from porter.compare.inputs import InputSet
from porter.compare.layers import compare_layers
from porter.compare.reference import Reference, references, resolution
from porter.compare.sizes import FEWEST
from porter.compare.verdict import Case, Evidence, Sides, Tolerance, judge, output_row
from porter.compare.weights import compare_weights
from porter.graph.model import Graph, Node
from porter.graph.run import OWN, run
from porter.sides import Side, turned
from porter.verification.inputs import (
    check_signatures,
    graph_of,
    recording_in_common,
    trial_inputs,
    truth_of,
)
from porter.version import __version__
from porter.weights.reading import stored_tensors
from porter.workers import Here, NotAvailable, Ran, Worker, start
from porter.writing.forms import Weight

Array = np.ndarray
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class LayerPlan:
    """How the modules of side b answer to the nodes of a graph that is laid out as b is."""

    graph: Graph
    modules: Mapping[str, Node]
    weights: Mapping[str, Weight]


@dataclass(frozen=True)
class Settings:
    """What a user can choose."""

    tolerance: Tolerance = None
    layers: LayerPlan | None = None
    progress: Progress | None = None
    timeout: float = 1800.0
    seed: int = 0

    def tell(self, stage: str) -> None:
        """Say what is being done."""
        if self.progress is not None:
            self.progress(stage, 0, 1)


def verify(
    a: Side, b: Side, given: InputSet | None, settings: Settings, *, stand_in: bool = True
) -> Comparison:
    """Are `a` and `b` the same function, to rounding? `stand_in`: b's own graph may take its place."""
    began = time.monotonic()
    truth = truth_of(a, b)
    check_signatures(a, b)
    with ExitStack() as at_work:
        workers = [_started(side, settings, at_work) for side in (a, b)]
        a, given = _with_recording(a, truth, given)
        sets = trial_inputs(truth, given, settings.seed)
        chosen = _set_for_layers(sets)
        for side, worker in zip((a, b), workers, strict=True):
            if worker is not None:
                capture = chosen if side is b and settings.layers is not None else None
                worker.feed([turned(made.arrays, side.into) for made in sets], capture)
        settings.tell("computing the reference")
        known = [_references(truth, made.arrays) for made in sets]
        ran_a, why_a = _finished(a, workers[0], settings)
        ran_b, why_b = _finished(b, workers[1], settings)
        if ran_a is None and (a is not truth or a.is_bundle):
            raise NotAvailable(f"{a.label} cannot be run here: {why_a}")
        if ran_b is None and (b.is_bundle or not stand_in):
            raise NotAvailable(f"{b.label} cannot be run here: {why_b}")
        if ran_b is None:
            ran_b = _by_its_graph(b, sets)
        layers = _layers(settings, sets[chosen], b, ran_b) if ran_b.layers else ()
    evidence = Evidence(
        tuple(_rows(sets, known, ran_a, ran_b, truth, settings)),
        layers,
        _weights(settings, b),
        tuple(_silent(known, truth)),
        _miscounted(known, (a, ran_a), (b, ran_b)),
        (f"{b.label} was not run ({why_b}): what porter read of it stands in",) if why_b else (),
    )
    environment = _environment(sets, settings, began, ran_a, ran_b)
    return judge(Sides(a.label, b.label, why_a), evidence, environment, settings.tolerance)


def _set_for_layers(sets: Sequence[InputSet]) -> int:
    """The first set; of a model that is costly to run, the smallest."""
    costly = sets[0].rows <= FEWEST
    return min(range(len(sets)), key=lambda place: sets[place].rows) if costly else 0


def _with_recording(a: Side, truth: Side, given: InputSet | None) -> tuple[Side, InputSet | None]:
    if a.recording is None:
        return a, given
    recording = recording_in_common(truth, a.recording)
    return replace(a, recording=recording), InputSet("recorded", recording.inputs)


def _references(truth: Side, arrays: Sequence[Array]) -> list[Reference]:
    found = references(graph_of(truth), turned(arrays, truth.into))
    exact = turned([reference.exact for reference in found], truth.out_of)
    rough = turned([reference.rough for reference in found], truth.out_of)
    return [Reference(x, y) for x, y in zip(exact, rough, strict=True)]


def _started(side: Side, settings: Settings, at_work: ExitStack) -> Worker | Here | None:
    if side.here is not None:
        return Here(side.here)
    if side.recording is not None or side.runner is None:
        return None
    return at_work.enter_context(start(side.job(), settings.timeout))


def _finished(side: Side, worker: Worker | Here | None, settings: Settings) -> tuple[Ran | None, str]:
    """What a side computed, in the common order; or None and the reason."""
    if side.recording is not None:
        outputs = side.recording.outputs
        return Ran((outputs,), tuple(str(array.dtype) for array in outputs), ()), ""
    if worker is None:
        return None, "porter cannot run it yet"
    settings.tell(f"running {side.label}")
    try:
        ran = worker.result()
    except NotAvailable as error:
        return None, error.message.removeprefix(f"{side.label}: ")
    outs = tuple(
        tuple(turned(arrays, side.out_of)) if len(arrays) == len(side.out_of) else arrays
        for arrays in ran.outputs
    )
    return replace(ran, outputs=outs), ""


def _by_its_graph(side: Side, sets: Sequence[InputSet]) -> Ran:
    """What a model is, by its files, where its framework cannot run it: in its own precision."""
    graph = graph_of(side)
    outputs = tuple(tuple(run(graph, turned(made.arrays, side.into), OWN)) for made in sets)
    dtypes = tuple(value.dtype for value in graph.outputs)
    return Ran(outputs, dtypes, (), {"framework": "none: porter's own reading"})


def _miscounted(known: Sequence[Sequence[Reference]], *runs: tuple[Side, Ran | None]) -> str:
    """Why outputs cannot be told which is which; or ''."""
    count = len(known[0])
    for side, ran in runs:
        wrong = [len(outputs) for outputs in ran.outputs if len(outputs) != count] if ran is not None else []
        if wrong:
            return f"{side.label} gave {wrong[0]} output(s) where the reference gives {count}"
    return ""


def _rows(
    sets: Sequence[InputSet],
    known: Sequence[Sequence[Reference]],
    ran_a: Ran | None,
    ran_b: Ran,
    truth: Side,
    settings: Settings,
) -> list[OutputRow]:
    names, spacing = _names(truth), resolution(graph_of(truth))
    rows = []
    for place, (given, outputs) in enumerate(zip(sets, known, strict=True)):
        a = ran_a.outputs[place] if ran_a is not None else (None,) * len(outputs)
        b = ran_b.outputs[place]
        # counts that differ are told by `_miscounted`; what pairs up is still shown
        for name, reference, x, y, dtype in zip(names, outputs, a, b, ran_b.dtypes, strict=False):
            stick = Yardstick(reference.exact, reference.rough, spacing)
            rows.append(output_row(Case(name, given.name, stick, x, y, dtype), settings.tolerance))
    return rows


def _names(truth: Side) -> list[str]:
    graph = graph_of(truth)
    told = graph.output_names
    names = told if len(told) == len(graph.outputs) else [value.name for value in graph.outputs]
    return [name if list(names).count(name) == 1 else f"{name} ({k})" for k, name in enumerate(names)]


def _silent(known: Sequence[Sequence[Reference]], truth: Side) -> list[str]:
    """Outputs that would look the same whatever the model did."""
    columns = zip(*known, strict=True)
    found = [tells_nothing([reference.exact for reference in column]) for column in columns]
    return [name for name, why in zip(_names(truth), found, strict=True) if why]


def _layers(settings: Settings, given: InputSet, b: Side, ran: Ran) -> tuple[LayerRow, ...]:
    plan = settings.layers
    assert plan is not None
    settings.tell("comparing layers")
    seen = {layer.path: layer for layer in ran.layers if layer.call == 0 and layer.output == 0}
    if not set(plan.modules) <= set(seen):
        return ()  # somebody wrote the model anew: its modules need not be the source's layers
    with tempfile.TemporaryDirectory(prefix="porter-layers-") as folder:
        inputs = turned(given.arrays, b.into)
        return compare_layers(plan.graph, inputs, plan.modules, seen, resolution(plan.graph), Path(folder))


def _weights(settings: Settings, b: Side) -> tuple[WeightRow, ...]:
    if settings.layers is None or b.manifest is None:
        return ()
    settings.tell("comparing weights")
    file = Path(b.model["bundle"]) / b.manifest["weights"]["file"]
    if file.is_dir():
        return ()  # a checkpoint that only its framework can read; the model has run with it
    return compare_weights(settings.layers.weights, stored_tensors(file))


def _environment(
    sets: Sequence[InputSet], settings: Settings, began: float, ran_a: Ran | None, ran_b: Ran
) -> dict[str, Any]:
    return {
        "porter": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        "inputs": [{"name": s.name, "shapes": [list(x.shape) for x in s.arrays]} for s in sets],
        "seed": settings.seed,
        "a": dict(ran_a.environment) if ran_a is not None else None,
        "b": dict(ran_b.environment),
        "seconds": round(time.monotonic() - began, 3),
    }
