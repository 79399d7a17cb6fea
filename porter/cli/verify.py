"""`porter verify`: two models, the same inputs, one verdict."""

from __future__ import annotations

import argparse

from porter import api
from porter.cli.output import Output
from porter.cli.values import source
from porter.compare.table import lines
from porter.report.junit import write_junit


def run(told: argparse.Namespace, output: Output) -> int:
    """Compares A with B; 1 when they are not equivalent."""
    with output.progress() as progress:
        comparison = api.verify(
            source([told.a]),
            source([told.b]),
            inputs=told.inputs,
            tolerance=told.tolerance,
            per_layer=told.per_layer,
            report=told.report,
            progress=progress,
            source_backend=told.source_backend,
            gradients=told.gradients,
            memory=told.memory,
            seed=told.seed,
            preprocess=told.preprocess,
        )
    if told.junit is not None:
        write_junit(told.junit, f"{told.a} against {told.b}", comparison.to_dict())
    output.result(comparison.to_dict(), lines(comparison, per_layer=told.per_layer))
    return 0 if comparison.equivalent else 1
