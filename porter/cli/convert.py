"""`porter convert`: one model to another framework, verified unless told not to."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from porter import api
from porter.cli.output import Output
from porter.cli.values import source
from porter.compare.table import lines


def run(told: argparse.Namespace, output: Output) -> int:
    """Converts, says what was written and how well it matches; 1 when it does not."""
    with output.progress() as progress:
        bundle = api.convert(
            source(told.source),
            to=told.to,
            from_=told.from_,
            out=told.out,
            io_layout=told.io_layout,
            dtype=told.dtype,
            weights_format=told.weights_format,
            custom=told.custom,
            inputs=told.inputs,
            input_shapes=dict(told.input_shapes),
            verify=told.verify,
            force=told.force,
            saved_model=told.saved_model,
            progress=progress,
            source_backend=told.source_backend,
            weights=told.weights,
            static_batch=told.static_batch,
        )
    return report(bundle, output)


def report(bundle: api.Bundle, output: Output) -> int:
    """Says what a bundle holds; the exit code follows its verdict."""
    for notice in bundle.notices:
        output.note(f"note: {notice}")
    output.result(bundle.summary(), _lines(bundle))
    checked = bundle.verification
    return 0 if checked is None or checked.equivalent else 1


def _lines(bundle: api.Bundle) -> Iterator[str]:
    yield str(bundle.path)
    left = bundle.summary().get("transposes", ())
    if left:
        yield f"transposes left: {len(left)} (porter.json says which and why)"
    checked = bundle.verification
    yield from lines(checked) if checked is not None else ["not verified"]
