"""Verifying: two models run in processes of their own on the same inputs, held against the exact reference.

`of_conversion` verifies a bundle before it takes its place, `of_two` anything against anything; both describe
two sides (`porter.sides`) and leave the rest to one trial.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from porter import pipeline
from porter.compare.comparison import Comparison
from porter.compare.inputs import InputSet
from porter.errors import UnsupportedModel
from porter.layout import LaidOut
from porter.pipeline import Converted
from porter.sides import Side, bundle_side, converted_side, live_side, user_inputs
from porter.source_model import Converter, ReadRequest, Written
from porter.verification.aligning import modules_of
from porter.verification.pairs import Model, read_pair, read_side
from porter.verification.record import Recorded, record
from porter.verification.settings import LayerPlan, Progress, Settings, tolerance_of
from porter.verification.trial import verify
from porter.workers import NotAvailable

__all__ = [
    "Model",
    "Recorded",
    "Settings",
    "of_conversion",
    "of_live",
    "of_one",
    "of_two",
    "pair",
    "tolerance_of",
]


def of_conversion(
    request: ReadRequest, converter: Converter, inputs: Path | None, progress: Progress | None
) -> Callable[[Converted, str], Comparison | str]:
    """What verifies a conversion of these files before its bundle takes its place."""

    def run(done: Converted, name: str) -> Comparison | str:
        a = converted_side(request, converter, done.source)
        return _of_bundle(a, done, name, None if inputs is None else user_inputs(inputs), progress)

    return run


def of_live(converter: Converter, progress: Progress | None) -> Callable[[Converted, str], Comparison | str]:
    """What verifies a conversion of a live model, which runs in this process."""

    def run(done: Converted, name: str) -> Comparison | str:
        return _of_bundle(live_side(done.source, converter), done, name, None, progress)

    return run


def _of_bundle(
    a: Side, done: Converted, name: str, inputs: InputSet | None, progress: Progress | None
) -> Comparison | str:
    b = bundle_side(done.path, done.target, done.laid.graph, done.manifest, name)
    settings = Settings(layers=_plan(done.laid, done.written), progress=progress)
    try:
        return verify(a, b, inputs, settings, stand_in=False)
    except NotAvailable as error:
        return error.message


def of_two(first: Model, second: Model, inputs: Path | None, settings: Settings) -> Comparison:
    """Compares any two sides. Of files and a bundle, or a recording and a model, the latter is on trial."""
    a, b, settings = pair(first, second, inputs, settings)
    return verify(a, b, None if inputs is None else user_inputs(inputs), settings)


def pair(first: Model, second: Model, inputs: Path | None, settings: Settings) -> tuple[Side, Side, Settings]:
    """The original, what is on trial, and how the layers of the two answer to one another."""
    a, b = read_pair(first, second, inputs)
    if (a.is_bundle and not b.is_bundle) or b.recording is not None:
        a, b = b, a
    layers = _plan_of(a, b) or (_plan_of_bundle(b) if a.graph is None else None)
    return a, b, replace(settings, layers=layers)


def of_one(model: Model, out: Path, inputs: Path | None, settings: Settings, force: bool) -> Recorded:
    """Runs a model and keeps what it makes, layer by layer, for a comparison elsewhere."""
    given = None if inputs is None else user_inputs(inputs)
    return record(read_side(model, inputs), out, given, settings, force)


def _plan_of(a: Side, b: Side) -> LayerPlan | None:
    """How a bundle's modules answer to a model's layers, if it is as porter would write that model."""
    if a.is_bundle or a.source is None or b.manifest is None or b.converter is None:
        return None
    try:
        options = pipeline.Options(b.manifest["io_layout"])
        return _plan(*pipeline.write(a.source, b.converter, options))
    except UnsupportedModel:
        return None


def _plan_of_bundle(b: Side) -> LayerPlan | None:
    """A bundle beside something of which porter knows no layers: its modules by its own manifest."""
    if b.manifest is None or b.graph is None:
        return None
    return LayerPlan(b.graph, modules_of(b), counts=False)


def _plan(laid: LaidOut, written: Written) -> LayerPlan:
    modules = {path: node for path, node in written.modules.items() if path in written.shows}
    return LayerPlan(laid.graph, modules, written.weights, written.shows, code=written.source)
