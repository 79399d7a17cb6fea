"""One model, run on the same rows in different company and circumstances, and what to make of it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from porter.checking.beginnings import Beginning, first_difference
from porter.checking.coupling import STATISTICS, mixing
from porter.checking.experiments import Experiment, Pool, pool_for
from porter.checking.findings import HARMLESS, Check, Finding, Kind
from porter.compare.difference import Distance, Yardstick
from porter.compare.inputs import InputSet
from porter.compare.reference import references, resolution
from porter.compare.verdict import LIMIT
from porter.dataclass import dataclass
from porter.errors import RequestError, RunError
from porter.graph.dims import BATCH
from porter.graph.model import Graph
from porter.graph.run import run
from porter.sides import Side, user_inputs
from porter.sides import side as side_of
from porter.source_model import ReadRequest
from porter.verification.settings import Progress, Settings
from porter.version import __version__
from porter.workers import NotAvailable, Worker, start

Array = np.ndarray
Outputs = tuple[Array, ...]

APART = 2 * LIMIT
"""Times the noise that two runs may be apart, each being LIMIT away from the truth at the most."""

SENSITIVE = 1e-2
"""Of the output's scale: a model whose float32 rounding comes to this much is not to be relied on."""

SEEDS = (0, 1)
"""Seeds of the first process and of a fresh one."""


def check(side: Side, given: InputSet | None, settings: Settings, *, both_ways: bool = True) -> Check:
    """What becomes of the same rows alone, in company, again, elsewhere and in another precision; and
    `both_ways`, eager and compiled, which takes PyTorch a while."""
    if side.runner is None or side.graph is None or side.here is not None:
        raise RequestError(f"{side.label}: a model that porter can run in a process of its own is needed")
    told = side.source.facts.get("batch") if side.source is not None and not side.is_bundle else None
    pool = pool_for(side.graph, given, settings, told)
    with ExitStack() as at_work:
        trial = _Trial(side, side.graph, pool, settings, at_work, both_ways)
        findings = tuple(trial.findings())
    environment = {
        "porter": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "model": dict(trial.environment),
        "rows": pool.size,
        "seed": settings.seed,
    }
    return Check(side.label, findings, environment)


def check_source(
    request: ReadRequest, inputs: Path | None, progress: Progress | None, *, both_ways: bool
) -> Check:
    """The same of a model as a user names it, on rows of the user's own where a file holds some."""
    given = user_inputs(inputs) if inputs is not None else None
    return check(side_of(request), given, Settings(progress=progress), both_ways=both_ways)


@dataclass
class _Trial:
    side: Side
    graph: Graph
    pool: Pool
    settings: Settings
    at_work: ExitStack
    both_ways: bool

    def __post_init__(self) -> None:
        self.base = tuple(range(self.pool.base))
        self.environment: dict[str, Any] = {}
        self.sticks = self._yardsticks()
        # which outputs have a row for each row of the inputs
        self.rowwise = [
            bool(value.rank) and (value.shape[0] == BATCH or self.pool.fixed) for value in self.graph.outputs
        ]

    def findings(self) -> Iterator[Finding]:
        """Everything that is tried, in order; what hides the rest ends it."""
        self.settings.tell("starting the model")
        first = self._worker(seed=SEEDS[0])
        tried = list(self.pool.experiments())
        self.settings.tell("running rows in all kinds of company")
        refused: list[Finding] = []
        try:
            again, repeated, *company, last = self._run(first, self._sets(tried))
        except RunError as error:
            # normalization by the batch's statistics, for one, has no result for a single row
            tried = [experiment for experiment in tried if len(experiment.rows) > 1]
            first = self._worker(seed=SEEDS[0])
            again, repeated, *company, last = self._run(first, self._sets(tried))
            why = f"it cannot be run: {error.message}"
            refused = [Finding("a row alone", "batch coupling", False, why=why)]
        fresh = self._elsewhere("in a fresh process", again, seed=SEEDS[1])
        changes = self._worst([self._found("twice in a row", again, other) for other in (repeated, last)])
        if changes.kind not in HARMLESS:
            yield self._changing(changes, fresh, first)
            return
        yield changes
        yield self._of_start(fresh)
        yield from refused
        yield from self._company(tried, company, again, first)
        threads = max(2, min(4, os.cpu_count() or 2))
        yield self._elsewhere(f"with {threads} threads", again, threads=threads)
        if self.both_ways:
            yield self._other_way(first, again)
        yield self._precision(again)
        yield self._shortened()

    def _sets(self, tried: Sequence[Experiment]) -> list[tuple[int, ...]]:
        return [self.base, self.base, *(one.rows for one in tried), self.base]

    def _company(
        self, tried: Sequence[Experiment], company: Sequence[Outputs], base: Outputs, worker: Worker
    ) -> Iterator[Finding]:
        """Rows beside other rows; one finding for each kind of company."""
        by_name: dict[str, list[tuple[Experiment, Finding]]] = {}
        for experiment, outputs in zip(tried, company, strict=True):
            found = self._found(experiment.name, base, outputs, experiment.rows)
            by_name.setdefault(experiment.name, []).append((experiment, found))
        for pairs in by_name.values():
            worst = self._worst([found for _, found in pairs])
            experiment = next(experiment for experiment, found in pairs if found is worst)
            yield self._placed(worst, experiment, worker)

    def _placed(self, finding: Finding, experiment: Experiment, worker: Worker) -> Finding:
        """A difference between rows in company, with the layer where it begins."""
        if finding.kind == "same":
            return finding
        if finding.kind != "rounding":
            finding = replace(finding, kind="batch coupling")
            rows = experiment.rows if len(experiment.rows) > 1 else self.base
            mixes = None
            if not self.pool.fixed:
                mixes = mixing(self.graph, self.pool.of(rows), self.pool.of(rows[:1]))
            if mixes is not None:
                return replace(finding, layer=mixes.layer, layer_kind=mixes.kind, why=mixes.why)
        begins = self._begins(worker, self.base, experiment.rows, exactly=finding.kind == "rounding")
        placed = _at(finding, begins)
        statistics = finding.kind == "batch coupling" and "BatchNorm" in placed.layer_kind
        return replace(placed, why=STATISTICS) if statistics else placed

    def _changing(self, changes: Finding, fresh: Finding, worker: Worker) -> Finding:
        """The same call gives something else: chance, or memory of the calls before."""
        # a fresh process has another seed: what it repeats exactly is no matter of chance
        kind: Kind = "state" if fresh.kind in HARMLESS and fresh.kind != "not run" else "randomness"
        begins = self._begins(worker, self.base, self.base, exactly=False)
        return replace(_at(changes, begins), kind=kind, harmless=False)

    def _of_start(self, fresh: Finding) -> Finding:
        if fresh.kind in HARMLESS:
            return fresh
        why = "numbers are drawn anew at every start: weights that were not saved, or an unseeded constant"
        return replace(fresh, kind="randomness", harmless=False, why=why)

    def _elsewhere(self, test: str, base: Outputs, **settings: int) -> Finding:
        """The same batch in a process of its own."""
        self.settings.tell(f"running {test}")
        try:
            worker = self._worker(**settings)
            (outputs,) = self._run(worker, [self.base])
        except NotAvailable as error:
            return Finding(test, "not run", True, why=error.message)
        found = self._found(test, base, outputs)
        return found if found.kind in HARMLESS else replace(found, kind="non-determinism")

    def _other_way(self, worker: Worker, base: Outputs) -> Finding:
        """Eager against compiled."""
        self.settings.tell("running it compiled and not")
        try:
            way, outputs = worker.otherwise(self.pool.of(self.base))
        except RunError as error:
            return Finding("eager against compiled", "not run", True, why=_first_line(error.message))
        found = self._found(way, base, outputs)
        return found if found.kind in HARMLESS else replace(found, kind="non-determinism")

    def _precision(self, base: Outputs) -> Finding:
        """The model's own precision against the exact reference."""
        test = "against float64"
        rows = [
            self._finding(test, name, stick.measure(array), "precision")
            for name, stick, array in zip(self._names(), self.sticks, base, strict=True)
        ]
        worst = max(rows, key=lambda found: found.times)
        if worst.times > LIMIT:
            why = (
                "the model as it runs is not what its file says: compare them with porter verify or, of a "
                "bundle, look for changes in model.py"
            )
            return replace(worst, harmless=False, why=why)
        if worst.relative > SENSITIVE:
            return replace(worst, harmless=False)
        return replace(worst, kind="same" if worst.largest == 0 else "rounding", harmless=True)

    def _shortened(self) -> Finding:
        """What bfloat16 would make of the outputs: for information."""
        test = "if run in bfloat16"
        exact = [stick.exact for stick in self.sticks]
        short = run(self.graph, self.pool.of(self.base), "bfloat16")
        rows = [
            replace(self._finding(test, name, stick.measure(array), "precision"), harmless=True)
            for name, stick, array in zip(self._names(), self.sticks, short, strict=True)
        ]
        worst = max(rows, key=lambda found: found.relative)
        share = _agreeing(exact, short)
        choice = f"; the highest score is the same for {share:.0%} of the rows" if share is not None else ""
        why = f"for information: bfloat16 would put it off by {worst.relative:.1e} of the output's scale"
        return replace(worst, why=why + choice)

    def _found(
        self, test: str, base: Outputs, outputs: Outputs, rows: Sequence[int] | None = None
    ) -> Finding:
        """The worst of what two runs differ by, where they have rows in common."""
        rows = self.base if rows is None else rows
        shared = [(place, row) for place, row in enumerate(rows) if row < len(self.base)]
        places, names = [list(part) for part in zip(*shared, strict=True)], self._names()
        worst = Finding(test, "same", True)
        for k, (a, b, stick) in enumerate(zip(base, outputs, self.sticks, strict=True)):
            if self.rowwise[k] and self.pool.base:
                a, b = a[places[1]], b[places[0]]
            elif len(rows) != len(self.base):
                continue  # an output without rows: of another batch it is another
            found = self._judged(test, names[k], a, b, stick)
            worst = max(worst, found, key=lambda finding: finding.times)
        return worst

    def _judged(self, test: str, name: str, a: Array, b: Array, stick: Yardstick) -> Finding:
        if a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            return Finding(test, "same", True)
        exact = a.astype("float64") if a.dtype.kind == "f" else a
        distance = stick.without_arrays().with_exact(exact).measure(b)
        if distance.largest == 0 and not distance.problem:
            return Finding(test, "same", True)
        rounded = distance.times <= APART
        return self._finding(test, name, distance, "rounding" if rounded else "non-determinism")

    def _finding(self, test: str, name: str, distance: Distance, kind: Kind) -> Finding:
        return Finding(
            test,
            kind,
            kind in HARMLESS,
            name,
            distance.largest,
            distance.relative,
            distance.figures.ulps if distance.figures is not None else 0.0,
            distance.times,
            distance.where,
            why=distance.problem,
        )

    def _worst(self, findings: Sequence[Finding]) -> Finding:
        return max(findings, key=lambda finding: finding.times)

    def _names(self) -> list[str]:
        told = self.graph.output_names
        return list(told) if len(told) == len(self.graph.outputs) else [v.name for v in self.graph.outputs]

    def _yardsticks(self) -> list[Yardstick]:
        self.settings.tell("computing the reference")
        spacing = resolution(self.graph)
        known = references(self.graph, self.pool.of(self.base))
        pairs = zip(known, self.graph.outputs, strict=True)
        return [Yardstick(found.exact, found.rough, spacing, value.dtype) for found, value in pairs]

    def _worker(self, seed: int = SEEDS[0], threads: int = 1) -> Worker:
        job = replace(self.side.job(), seed=seed, threads=threads)
        return self.at_work.enter_context(start(job, self.settings.timeout))

    def _run(self, worker: Worker, sets: Sequence[Sequence[int]]) -> list[Outputs]:
        worker.feed([self.pool.of(rows) for rows in sets])
        ran = worker.result()
        count = len(self.graph.outputs)
        if any(len(outputs) != count for outputs in ran.outputs):
            raise RunError(f"{self.side.label} gave {len(ran.outputs[0])} output(s), its graph has {count}")
        self.environment = dict(ran.environment)
        return list(ran.outputs)

    def _begins(
        self, worker: Worker, one: Sequence[int], other: Sequence[int], *, exactly: bool
    ) -> Beginning | None:
        """The first layer whose outputs for the same rows differ."""
        self.settings.tell("looking for where it begins")
        inputs = self.pool.of(one), self.pool.of(other)
        shared = [(one.index(row), place) for place, row in enumerate(other) if row in one]
        return first_difference(worker, self.graph, inputs, shared, exactly=exactly)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:200] if text.strip() else ""


def _at(finding: Finding, begins: Beginning | None) -> Finding:
    return finding if begins is None else replace(finding, layer=begins.layer, layer_kind=begins.kind)


def _agreeing(exact: Sequence[Array], short: Sequence[Array]) -> float | None:
    """The share of rows whose highest score is of the same class, where outputs are scores."""
    scores = [(a, b) for a, b in zip(exact, short, strict=True) if a.ndim == 2 and a.shape[1] > 2]
    if not scores:
        return None
    return float(np.mean([np.mean(a.argmax(1) == b.argmax(1)) for a, b in scores]))
