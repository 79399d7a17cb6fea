"""Training on trial: the gradients of one loss on both sides, and what one step of training changes.

The truth is side b in double precision; how far side b as it is stays from that is the noise. Side a's
gradients are brought to the target's order by the axis strings of the ledger, as its weights were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from porter.compare.comparison import GradientRow
from porter.compare.difference import Yardstick
from porter.compare.figures import EPSILON
from porter.compare.verdict import LAYER_LIMIT, within_layer_limit
from porter.sides import Side, Turns, turned
from porter.verification.inputs import inverses
from porter.verification.settings import LayerPlan, Settings
from porter.weights.tensor import Joined, Moved, Recast, Rows, Tensor
from porter.workers import Learned, NotAvailable, Worker, start
from porter.writing.forms import Weight

Array = np.ndarray
Named = Mapping[str, Array]
Learn = Callable[[Sequence[Array], Sequence[Array]], Learned]


def compare_training(
    sides: tuple[Side, Side],
    workers: tuple[object, object],
    arrays: Sequence[Array],
    exact: Sequence[Array],
    settings: Settings,
) -> tuple[tuple[GradientRow, ...], str]:
    """Rows, or why there are none. `arrays` and `exact` are inputs and outputs in the common order."""
    (a, b), (worker_a, worker_b), plan = sides, workers, settings.layers
    learn_a, learn_b = getattr(worker_a, "learn", None), getattr(worker_b, "learn", None)
    if plan is None or not plan.weights:
        return (), "gradients were not compared: that needs a model and the bundle that porter made of it"
    if learn_a is None or learn_b is None:
        return (), "gradients were not compared: they cannot be asked of a recording"
    rng = np.random.default_rng(settings.seed)
    loss = [rng.standard_normal(array.shape) for array in exact]
    settings.tell("comparing gradients")
    try:
        given = turned(arrays, b.into), turned(loss, inverses(b.out_of))
        ours = learn_a(turned(arrays, a.into), turned(loss, inverses(a.out_of)))
        rough = _in_common(learn_b(*given), b.into)
        with ExitStack() as at_work:
            double: Worker = at_work.enter_context(
                start(replace(b.job(), precision="float64"), settings.timeout)
            )
            truth = _in_common(double.learn(*given), b.into)
    except NotAvailable as error:
        return (), f"gradients were not compared: {error.message}"
    rows, counted = _told_apart(list(_rows(ours, rough, truth, plan, a)), ours, truth, plan)
    return rows, counted


def _in_common(learned: Learned, into: Turns) -> Learned:
    """Gradients of inputs in the order of the inputs that everybody was given."""
    back = inverses(into) or (None,) * len(learned.inputs)
    inputs = tuple(
        None if array is None else turned([array], (turn,))[0]
        for array, turn in zip(learned.inputs, back, strict=True)
    )
    return replace(learned, inputs=inputs)


def _rows(ours: Learned, rough: Learned, truth: Learned, plan: LayerPlan, a: Side) -> Iterator[GradientRow]:
    names = [value.name for value in a.graph.inputs] if a.graph is not None else []
    triples = zip(names, ours.inputs, rough.inputs, truth.inputs, strict=True)
    inputs = [(name, x, y, z) for name, x, y, z in triples if y is not None and z is not None]
    least = _floor(z for *_, z in inputs)
    for name, x, y, z in inputs:
        yield _row(name, "input gradient", "", "", x, y, z, least)
    places = _places(ours, plan)
    for kind, part in (("weight gradient", "gradients"), ("after one step", "step")):
        theirs, found, exact = (getattr(one, part) for one in (ours, rough, truth))
        source = {key: theirs[name] for key, name in places.items() if name in theirs}
        least = _floor(exact.values())
        for key, weight in plan.weights.items():
            if key in found and key in exact and (weight.trainable or kind == "after one step"):
                known = _brought(weight.tensor, source)
                if known is not None:
                    label, axes = _origin(weight), " ".join(weight.tensor.steps)
                    yield _row(label, kind, key, axes, known, found[key], exact[key], least)


def _told_apart(
    rows: Sequence[GradientRow], ours: Learned, truth: Learned, plan: LayerPlan
) -> tuple[tuple[GradientRow, ...], str]:
    """Moving variances that differ by how rows are counted, and by nothing else, are no mistake of a port:
    some frameworks divide by n, others by n - 1. The rows, and a note that says so."""
    places = _places(ours, plan)
    found, counts = [], 0
    for row in rows:
        weight = plan.weights.get(row.key)
        if not row.equivalent and row.kind == "after one step" and weight is not None and weight.buffer:
            source = {key: ours.step[name] for key, name in places.items() if name in ours.step}
            change = _brought(weight.tensor, source)
            if change is not None and _one_less(change, truth.step[row.key], weight.tensor.read(), row.noise):
                row = replace(row, equivalent=True)
                counts += 1
        found.append(row)
    note = f"in training {counts} moving variance(s) divide by n - 1 on one side and by n on the other"
    return tuple(found), note if counts else ""


def _one_less(a: Array, b: Array, old: Array, noise: float) -> bool:
    """Whether b = m * (k * variance - old) where a = m * (variance - old), with k = n / (n - 1).

    Then b - a = (k - 1) * a + (k - 1) * m * old.
    """
    if a.ndim != 1 or a.shape != b.shape:
        return False
    for x, y in ((a, b), (b, a)):
        columns = np.stack([x, old.astype("float64")], axis=1)
        (less, part), *_ = np.linalg.lstsq(columns, y - x, rcond=None)
        left = float(np.abs(columns @ (less, part) - (y - x)).max())
        if 0 < less <= 1 and 0 < part <= less * (1 + 1e-3) and left <= LAYER_LIMIT * noise:
            return True
    return False


def _floor(gradients: object) -> float:
    """Noise that any of them has: rounding at the size of the largest."""
    sizes = [float(np.abs(array).max(initial=0.0)) for array in gradients]  # type: ignore[attr-defined]
    return EPSILON["float32"] * max(sizes, default=0.0)


def _row(
    name: str, kind: str, key: str, axes: str, a: Array | None, rough: Array, exact: Array, least: float
) -> GradientRow:
    stick = Yardstick(exact, rough, EPSILON["float32"], least=least)
    distance = None if a is None else stick.measure(a)
    b = stick.measure(rough)
    return GradientRow(
        name, kind, key, axes, stick.scale, stick.noise, distance, b, within_layer_limit(distance, b)
    )


def _origin(weight: Weight) -> str:
    return ", ".join(dict.fromkeys(origin.key for origin in weight.tensor.origins))


def _brought(tensor: Tensor, source: Named) -> Array | None:
    """A gradient of the source in the order of a weight; None where that is more than its source moved."""
    if len(tensor.origins) == 1 and not tensor.steps:
        return source.get(tensor.origins[0].key)
    if isinstance(tensor, Recast):
        return _brought(tensor.base, source)
    if isinstance(tensor, Moved):
        base = _brought(tensor.base, source)
        return None if base is None else tensor.move.apply(base, tensor.sizes)
    if isinstance(tensor, Rows):
        base = _brought(tensor.base, source)
        return None if base is None else base[tensor.start : tensor.stop]
    if isinstance(tensor, Joined):
        parts = [_brought(part, source) for part in tensor.bases]
        return None if any(part is None for part in parts) else np.concatenate(parts)  # type: ignore[arg-type]
    return None


def _places(learned: Learned, plan: LayerPlan) -> dict[str, str]:
    """By array of the source, its framework's name for the variable; told by name, else by numbers."""
    stored = {origin.key: origin for weight in plan.weights.values() for origin in weight.tensor.origins}
    found = {key: key for key in stored if key in learned.gradients or key in learned.step}
    if not learned.values:
        return found
    by_numbers: dict[tuple[object, ...], list[str]] = {}
    for name, array in learned.values.items():
        by_numbers.setdefault(_fingerprint(array), []).append(name)
    names = {_origin(weight): weight for weight in plan.weights.values()}
    for key, tensor in stored.items():
        alike = by_numbers.get(_fingerprint(tensor.read()), [])
        if len(alike) == 1:
            found[key] = alike[0]
        elif key in names:
            best = [name for name in alike if name.rpartition("/")[2] == names[key].name]
            if len(best) == 1:
                found[key] = best[0]
    return found


def _fingerprint(array: Array) -> tuple[object, ...]:
    return (array.shape, np.ascontiguousarray(array).astype("float32").tobytes())
