"""The verdict: is the distance of a model from the exact reference of the size that any honest run has?

For each output, on each set of inputs, the graph is run exactly (float64) and once in the model's own
precision; the second run's distance from the first is the noise (`difference.py`: channel by channel). Then

    a side is true to the reference    if it is at most LIMIT times the noise away from it
    the models are equivalent          if both sides are true, for all outputs, on all inputs;
                                       and each compared layer is within LAYER_LIMIT times its own noise,
                                       and, of a bundle that porter made, the weights are the source's

A port that is wrong is orders of magnitude outside; the limit only has to allow for other orders of
summation and other polynomials for `exp` and `tanh`. Measured: of 741 saved models in PyTorch, the furthest
was 5 times the noise away (99 in 100 under 2.5) and the furthest layer 7 times; what genuine Keras 2 and 3
had recorded, 6 times. Mistakes as small as one weight off by 1e-3 were 100 times the noise away and more.
The source's own distance is held to the same limit: were it allowed to widen it, a file that porter misreads
would excuse every port of it.

It fails closed: other shapes or numbers of outputs, NaN or infinities in other places, nothing to compare,
and outputs that look the same whatever the model does are all "not equivalent", and the verdict says which.
With a tolerance of the user's own, `|a - b| <= atol + rtol * |b|` decides alone, on outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from porter.compare.comparison import Comparison, GradientRow, LayerRow, OutputRow, WeightRow
from porter.compare.difference import Distance, Yardstick, between
from porter.compare.figures import figures
from porter.compare.heat import heat_map
from porter.dataclass import dataclass

Array = np.ndarray

LIMIT = 32.0
LAYER_LIMIT = 64.0

Tolerance = tuple[float, float] | None


@dataclass(frozen=True)
class Case:
    """One output on one set of inputs, from everybody."""

    name: str
    inputs: str
    yardstick: Yardstick
    a: Array | None
    b: Array
    dtype: str
    image: tuple[int, int] | None = None  # the axes of height and width, where it is an image


def output_row(case: Case, tolerance: Tolerance = None) -> OutputRow:
    """The figures of one output, and whether they are those of an equivalent model."""
    stick = case.yardstick
    a = None if case.a is None else stick.measure(case.a)
    b = stick.measure(case.b)
    apart = None if case.a is None else between(case.a, case.b)
    problem = b.problem or (a.problem if a is not None else "")
    if tolerance is None:
        same = b.times <= LIMIT and (a is None or a.times <= LIMIT)
    else:
        same = not problem and _within(stick.exact if case.a is None else case.a, case.b, tolerance)
    right = stick.exact if case.a is None else case.a
    return OutputRow(
        name=case.name,
        inputs=case.inputs,
        shape=tuple(stick.exact.shape),
        dtype=case.dtype,
        scale=stick.scale,
        noise=stick.noise,
        a=a,
        b=b,
        between=apart,
        equivalent=same,
        problem=problem,
        apart=figures(case.b, right, case.dtype),
        heat=heat_map(case.b, stick.exact, case.image),
    )


def _within(a: Array, b: Array, tolerance: tuple[float, float]) -> bool:
    atol, rtol = tolerance
    return bool(np.allclose(b.astype("float64"), a.astype("float64"), atol=atol, rtol=rtol, equal_nan=True))


def within_layer_limit(*distances: Distance | None) -> bool:
    """Whether a layer is as near to the truth as rounding lets it be."""
    return all(distance is None or distance.times <= LAYER_LIMIT for distance in distances)


@dataclass(frozen=True)
class Sides:
    """What is compared, in words."""

    a: str
    b: str
    stand_in: str = ""  # why the reference stands in for a


@dataclass(frozen=True)
class Evidence:
    """Everything that the judge is shown."""

    outputs: tuple[OutputRow, ...]
    layers: tuple[LayerRow, ...] = ()
    weights: tuple[WeightRow, ...] = ()
    silent: tuple[str, ...] = ()  # outputs that would look the same whatever the models did
    problem: str = ""  # why outputs cannot even be put side by side
    notes: tuple[str, ...] = ()
    gradients: tuple[GradientRow, ...] = ()
    same_layers: bool = True  # the layers of b are those of a by construction, so each of them counts


def judge(
    sides: Sides, evidence: Evidence, environment: Mapping[str, object], tolerance: Tolerance = None
) -> Comparison:
    """The comparison."""
    evidence = _layers_of_the_culprit(evidence)
    begins = first_divergent(evidence.layers)
    fault = _fault(sides, evidence, tolerance)
    diverges = begins.name if begins is not None and (fault or evidence.same_layers) else ""
    notes = list(evidence.notes)
    notes += [f"output {name} says nothing: it is the same for all inputs" for name in evidence.silent]
    if sides.stand_in:
        notes.append(f"the reference stands in for {sides.a}: {sides.stand_in}")
    return Comparison(
        not fault,
        fault or _praise(sides, evidence),
        sides.a,
        sides.b,
        evidence.outputs,
        evidence.layers,
        evidence.weights,
        tuple(notes),
        environment,
        diverges,
        evidence.gradients,
    )


def _fault(sides: Sides, evidence: Evidence, tolerance: Tolerance) -> str:
    """The first reason against equivalence, in a sentence; or ''."""
    if evidence.problem:
        return f"not equivalent: {evidence.problem}"
    if not evidence.outputs:
        return "not equivalent: there is nothing to compare"
    if all(row.name in evidence.silent for row in evidence.outputs):
        return "not shown to be equivalent: the outputs are the same for all inputs, which says nothing"
    wrong = [row for row in evidence.outputs if not row.equivalent]
    if wrong:
        return "not equivalent: " + _why(sides, wrong[0]) + _begins(first_divergent(evidence.layers))
    if tolerance is not None:
        return ""
    first = first_divergent(evidence.layers)
    if first is not None and evidence.same_layers:
        return f"not equivalent: the outputs agree to rounding, but layer {_layer(first)}"
    if evidence.weights:
        row = evidence.weights[0]
        return (
            f"not equivalent: the outputs agree on these inputs, but weight {row.name} is not the source's "
            f"{row.origin}: {row.problem}"
        )
    return _of_training(evidence.gradients)


def _layers_of_the_culprit(evidence: Evidence) -> Evidence:
    """Where b is true to the reference and a is not, the layers are judged by what a makes of them."""
    wrong = [row for row in evidence.outputs if not row.equivalent]
    if not wrong or any(row.b.times > LIMIT or row.a is None for row in wrong):
        return evidence
    rows = tuple(replace(row, equivalent=within_layer_limit(row.a)) for row in evidence.layers)
    return replace(evidence, layers=rows)


def first_divergent(layers: Sequence[LayerRow]) -> LayerRow | None:
    """Where it begins: the first layer that makes something else of true inputs; where that is not known of
    any, the first whose output is off."""
    alone = (row for row in layers if not row.equivalent and not within_layer_limit(row.isolated))
    return next(alone, None) or next((row for row in layers if not row.equivalent), None)


def _layer(row: LayerRow) -> str:
    if row.isolated is not None and not within_layer_limit(row.isolated):
        before = f" (or one just before it, from {row.covers[0]} on)" if row.covers else ""
        return f"{row.name}{before} makes of true inputs what is {_size(row.isolated)}"
    assert row.b is not None
    return f"{row.name} is {_size(row.b)}"


def _begins(row: LayerRow | None) -> str:
    if row is None:
        return ""
    if row.isolated is None or within_layer_limit(row.isolated) or not row.covers:
        return f"; it begins at layer {row.name} ({row.kind})"
    if len(row.covers) == 1:
        return f"; it begins at layer {row.covers[0]} or {row.name} ({row.kind})"
    return f"; it begins between layers {row.covers[0]} and {row.name} ({row.kind})"


def _of_training(rows: Sequence[GradientRow]) -> str:
    wrong = next((row for row in rows if not row.equivalent), None)
    if wrong is None:
        return ""
    distance = wrong.a if wrong.a is not None and wrong.a.times > wrong.b.times else wrong.b
    what = TRAINED.get(wrong.kind, "{}").format(wrong.name)
    if distance.problem:
        return f"not equivalent in training: {what}: {distance.problem}"
    return (
        f"not equivalent in training: the outputs agree, but {what} is "
        f"{distance.largest:.1e} apart, {_times(distance)}"
    )


TRAINED = {
    "input gradient": "the gradient of input {}",
    "weight gradient": "the gradient of weight {}",
    "after one step": "the change of weight {} after one step",
}


def _praise(sides: Sides, evidence: Evidence) -> str:
    against = "the float64 reference" if sides.stand_in else sides.a
    worst = max(evidence.outputs, key=lambda row: row.b.relative)
    figure = f"{worst.b.relative:.1e} of the output's scale from the reference, {_times(worst.b)}"
    return f"equivalent: {sides.b} computes what {against} computes ({figure})"


def _why(sides: Sides, row: OutputRow) -> str:
    where = f"output {row.name} on {row.inputs} inputs"
    faulty = [(label, d) for label, d in ((sides.a, row.a), (sides.b, row.b)) if d is not None and d.problem]
    if faulty:
        return f"{where}: of {faulty[0][0]}, {faulty[0][1].problem}"
    off_a = row.a is not None and row.a.times > LIMIT
    off_b = row.b.times > LIMIT
    if off_a and not off_b:
        assert row.a is not None
        return f"{where}: {sides.b} agrees with the reference, but {sides.a} is {_size(row.a)}"
    if off_a and row.a is not None and row.between is not None:
        both = f"{sides.b} is {_size(row.b)} and {sides.a} is {_size(row.a)}"
        return f"{where}: {both}; they are {row.between:.1e} from one another"
    return f"{where}: {sides.b} is {_size(row.b)}"


def _size(distance: Distance) -> str:
    if distance.problem:
        return f"not comparable: {distance.problem}"
    return f"{distance.largest:.1e} away from the reference, {_times(distance)}"


def _times(distance: Distance) -> str:
    return f"{distance.times:.3g} times the rounding noise"
