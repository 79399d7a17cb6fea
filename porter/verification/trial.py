"""One trial: both models start, inputs are made, the reference is computed, the figures go to the judge."""

from __future__ import annotations

import platform
import resource
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from porter.compare.comparison import Comparison, GradientRow, LayerRow, OutputRow, WeightRow
from porter.compare.difference import Yardstick, tells_nothing
from porter.compare.inputs import InputSet
from porter.compare.reference import Reference, resolution
from porter.compare.sizes import FEWEST
from porter.compare.verdict import Case, Evidence, Sides, judge, output_row
from porter.compare.weights import compare_weights
from porter.dataclass import dataclass
from porter.graph.run import OWN, run
from porter.sides import Side, turned
from porter.verification.aligning import aligned
from porter.verification.contestant import Runner, finished, started
from porter.verification.inputs import brought_together, graph_of, sets_for, truth_of
from porter.verification.layers import (
    SourceLayer,
    TargetLayers,
    ends_of_layers,
    joined,
    with_layers_of_source,
)
from porter.verification.settings import Settings
from porter.verification.training import compare_training
from porter.version import __version__
from porter.weights.reading import stored_tensors
from porter.workers import NotAvailable, Ran

Array = np.ndarray
Sets = Sequence[InputSet]
KnownSets = Sequence[Sequence[Reference]]


@dataclass
class Trial:
    """Two sides at work on the same inputs."""

    a: Side
    b: Side
    truth: Side
    settings: Settings
    workers: tuple[Runner | None, Runner | None]
    sets: Sets
    chosen: int  # the set for which layers are kept

    def align(self) -> None:
        """Where porter made neither side of the other: which layer is which, by what they compute."""
        if self.settings.layers is None and self.a.graph is not None and self.b.graph is not None:
            made = self.sets[self.chosen].arrays
            plan = aligned(self.truth, self.b, made)
            self.settings = replace(self.settings, layers=plan)

    def feed(self) -> None:
        """Give both sides their inputs, each in its own order of axes."""
        plan = self.settings.layers
        wanted = (dict.fromkeys(self._layers_of_a(), 0), {} if plan is None else plan.wanted)
        for side, worker, names in zip((self.a, self.b), self.workers, wanted, strict=True):
            if worker is not None:
                capture = self.chosen if names else None
                arrays = [turned(made.arrays, side.into) for made in self.sets]
                worker.feed(arrays, capture, names, self.room)

    @property
    def room(self) -> float:
        """Bytes of layers that may lie about unread, for each stream."""
        return self.settings.memory / 4

    def _layers_of_a(self) -> list[str]:
        ends = ends_of_layers(graph_of(self.truth)).values()
        return [name for names in ends for name in names]

    def references(self) -> tuple[list[list[Reference]], dict[str, SourceLayer]]:
        """The exact and the rough outputs for each set; and layers of side a, on the chosen set."""
        layers: dict[str, SourceLayer] = {}
        known = []
        for place, made in enumerate(self.sets):
            inputs = turned(made.arrays, self.truth.into)
            worker = self.workers[0] if place == self.chosen else None
            found, seen = with_layers_of_source(graph_of(self.truth), inputs, worker, self.settings.tell)
            layers |= seen
            exact = turned([reference.exact for reference in found], self.truth.out_of)
            rough = turned([reference.rough for reference in found], self.truth.out_of)
            known.append([Reference(x, y) for x, y in zip(exact, rough, strict=True)])
        return known, layers

    def layers_of_b(self) -> tuple[tuple[LayerRow, ...], bool]:
        """The layers of side b; and whether they are those of side a, each and all."""
        plan, worker = self.settings.layers, self.workers[1]
        if plan is None or worker is None or not plan.modules:
            return (), False
        made = self.sets[self.chosen].arrays
        order = self.b.into if plan.laid_out else self.truth.into
        layers = TargetLayers(
            plan,
            turned(made, order),
            turned(made, self.b.into),
            worker,
            self.room,
            image_axes(self.b if plan.laid_out else self.truth),
            self.settings.tell,
        )
        rows = layers.rows()
        if layers.missing and plan.laid_out:
            return (), False  # somebody wrote the model anew: its modules need not be the source's layers
        return rows, plan.counts

    def training(self, known: KnownSets, why_not: str) -> tuple[tuple[GradientRow, ...], str]:
        """Gradients and one step, if they are asked for; and why there are none."""
        if not self.settings.gradients or why_not:
            return (), f"gradients were not compared: {why_not}" if self.settings.gradients else ""
        exact = [reference.exact for reference in known[self.chosen]]
        arrays = self.sets[self.chosen].arrays
        return compare_training((self.a, self.b), self.workers, arrays, exact, self.settings)


def _standing_in(b: Side, why: str) -> str:
    return f"{b.label} was not run ({why}): what porter read of it stands in" if why else ""


def verify(
    a: Side, b: Side, given: InputSet | None, settings: Settings, *, stand_in: bool = True
) -> Comparison:
    """Are `a` and `b` the same function, to rounding? `stand_in`: b's own graph may take its place."""
    began = time.monotonic()
    truth = truth_of(a, b)
    if truth is a:
        b = brought_together(truth, b)
    else:
        a = brought_together(truth, a)
    a, sets = sets_for(a, truth, given, settings)
    with ExitStack() as at_work:
        workers = started(a, settings, at_work), started(b, settings, at_work)
        trial = Trial(a, b, truth, settings, workers, sets, _set_for_layers(a, sets))
        settings.tell("telling which layer is which")
        trial.align()
        trial.feed()
        known, layers_a = trial.references()
        try:
            layers, same_layers = trial.layers_of_b()
        except NotAvailable:
            layers, same_layers = (), False
        ran_a, why_a = finished(a, workers[0], settings)
        ran_b, why_b = finished(b, workers[1], settings)
        if ran_a is None and (a is not truth or a.is_bundle):
            raise NotAvailable(f"{a.label} cannot be run here: {why_a}")
        if ran_b is None and (b.is_bundle or not stand_in):
            raise NotAvailable(f"{b.label} cannot be run here: {why_b}")
        if ran_b is None:
            ran_b = _by_its_graph(b, sets)
        gradients, untrained = trial.training(known, why_a or why_b)
    evidence = Evidence(
        tuple(_rows(sets, known, ran_a, ran_b, truth, settings)),
        joined(graph_of(truth), layers_a, layers),
        _weights(trial.settings, b),
        tuple(_silent(known, truth)),
        _miscounted(known, (a, ran_a), (b, ran_b)),
        tuple(filter(None, (_standing_in(b, why_b), untrained))),
        gradients,
        same_layers=same_layers,
    )
    environment = _environment(sets, settings, began, ran_a, ran_b)
    found = judge(Sides(a.label, b.label, why_a), evidence, environment, settings.tolerance)
    return replace(found, conversion=_conversion(b))


def _conversion(b: Side) -> dict[str, Any]:
    """What a bundle's manifest tells of how it was made."""
    told = b.manifest or {}
    kept = ("inputs", "outputs", "transposes", "ledger", "notices", "source", "target", "io_layout")
    return {key: told[key] for key in kept if key in told}


def image_axes(side: Side) -> tuple[int, int] | None:
    """Height and width of an array of rank 4, as a side orders axes."""
    if side.converter is None:
        return None
    return (2, 3) if side.converter.orientation == "first" else (1, 2)


def _set_for_layers(a: Side, sets: Sets) -> int:
    """The set that was recorded; the first set; of a model that is costly to run, the smallest."""
    if a.recording is not None and a.recording.chosen is not None:
        return a.recording.chosen
    costly = sets[0].rows <= FEWEST
    return min(range(len(sets)), key=lambda place: sets[place].rows) if costly else 0


def _by_its_graph(side: Side, sets: Sequence[InputSet]) -> Ran:
    """What a model is, by its files, where its framework cannot run it: in its own precision."""
    graph = graph_of(side)
    outputs = tuple(
        tuple(turned(run(graph, turned(made.arrays, side.into), OWN), side.out_of)) for made in sets
    )
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
    sets: Sets,
    known: KnownSets,
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
            stick = Yardstick(reference.exact, reference.rough, spacing, dtype)
            image = image_axes(truth) if reference.exact.ndim == 4 else None
            rows.append(output_row(Case(name, given.name, stick, x, y, dtype, image), settings.tolerance))
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


def _weights(settings: Settings, b: Side) -> tuple[WeightRow, ...]:
    if settings.layers is None or b.manifest is None or not settings.layers.weights:
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
        "memory": {
            "budget_bytes": settings.memory,
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        },
        "seconds": round(time.monotonic() - began, 3),
    }
