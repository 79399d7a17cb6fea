"""The whole story: read, normalise, lay out, write, verify."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from porter import bundle, frameworks, report
from porter.compare import Comparison
from porter.dataclass import dataclass
from porter.errors import RequestError, WeightsError
from porter.graph.check import check
from porter.layout import LaidOut, lay_out
from porter.normalise import normalise
from porter.normalise.name_heads import name_heads
from porter.source_model import Converter, Extra, IoLayout, ReadRequest, SourceModel, Written

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Options:
    """How to convert; `convert` in `api.py` documents each."""

    io_layout: IoLayout = "native"
    weights_format: str | None = None  # None: the first that the target has
    force: bool = False
    also: tuple[str, ...] = ()  # files that are written on request


@dataclass(frozen=True)
class Converted:
    """A conversion done: where it lies, and everything that a verification needs."""

    path: Path
    source: SourceModel
    laid: LaidOut
    written: Written
    target: Converter
    manifest: Mapping[str, Any] = field(default_factory=dict)
    verification: Comparison | None = None


def write(source: SourceModel, target: Converter, options: Options) -> tuple[LaidOut, Written]:
    """The model in the target's order and words; no weight is read yet."""
    assert target.write is not None
    graph = check(normalise(source.graph), "normalising")
    if target.prepare is not None:
        graph = check(target.prepare(graph), "preparing")
    laid = lay_out(graph, target.orientation, options.io_layout)
    laid = replace(laid, graph=name_heads(laid.graph))  # heads among the channels of an image show only now
    check(laid.graph, "laying out")
    return laid, target.write(laid, _format(target, options))


def _format(target: Converter, options: Options) -> str:
    formats = target.weights_formats
    chosen = options.weights_format or next(iter(formats))
    if chosen not in formats:
        known = ", ".join(formats)
        raise RequestError(f"weights format {chosen!r} is not one that {target.title} has: {known}")
    return chosen


Verify = Callable[[Converted, str], Comparison | str]
"""Verifies a bundle before it takes its place, given the name that it will have; a string says why it
cannot be."""


def read(request: ReadRequest, told: str | None) -> tuple[Converter, SourceModel]:
    """The source model, by whichever framework recognises it."""
    found = frameworks.source(request.paths, told, request.factory)
    return found, found.read(request)


def convert(
    source: SourceModel,
    target: Converter,
    out: Path,
    options: Options,
    progress: Progress | None = None,
    verify: Verify | None = None,
) -> Converted:
    """Write `source` as a bundle of `target`. A failure leaves `out` as it was."""
    laid, written = write(source, target, options)
    extras, chosen = _extras(written, target, options), _format(target, options)
    file, write_weights = target.weights_formats[chosen]
    weights = {"file": file, "format": chosen}
    content = bundle.manifest(source, laid, written, target.name, weights, options.io_layout)
    _nothing_lost(content["ledger"], source)
    with bundle.fresh_folder(out, options.force) as folder:
        (folder / "model.py").write_text(written.source, encoding="utf-8")
        write_weights(folder / file, {key: w.tensor for key, w in written.weights.items()}, progress)
        for name, write_extra in extras.items():
            write_extra(folder / name)
        bundle.write_json(folder / bundle.MANIFEST, content)
        done = Converted(folder, source, laid, written, target, content)
        if verify is not None:
            done = _verified(done, verify(done, out.name))
    return replace(done, path=out)


def _extras(written: Written, target: Converter, options: Options) -> Mapping[str, Extra]:
    unknown = [name for name in options.also if name not in written.on_request]
    if unknown:
        raise RequestError(f"{target.title} bundles have no {unknown[0]}; leave it out, or convert to tf")
    return {**written.extras, **{name: written.on_request[name] for name in options.also}}


def _verified(done: Converted, outcome: Comparison | str) -> Converted:
    """The outcome on record in the bundle: in full as its report, and the verdict in its manifest."""
    if isinstance(outcome, str):
        content = {**done.manifest, "notices": [*done.manifest["notices"], f"not verified: {outcome}"]}
        bundle.write_json(done.path / bundle.MANIFEST, content)
        return replace(done, manifest=content)
    report.write(done.path, outcome)
    told = {"equivalent": outcome.equivalent, "verdict": outcome.verdict, "report": report.JSON}
    content = {**done.manifest, "verification": told}
    bundle.write_json(done.path / bundle.MANIFEST, content)
    return replace(done, manifest=content, verification=outcome)


def _nothing_lost(ledger: Sequence[Mapping[str, Any]], source: SourceModel) -> None:
    """Every array of the file is in the bundle, or its absence has a reason."""
    lost = [row["array"] for row in ledger if not row["becomes"] and "unused" not in row]
    used = {row.array.key: row.used_by for row in source.ledger}
    if lost:
        from porter.errors import Problem

        raise WeightsError(
            f"{len(lost)} array(s) of the source would not reach the target",
            [Problem(key, f"belongs to {', '.join(used.get(key, ())) or 'nothing'}") for key in lost],
        )
