"""`porter inspect`: what a model holds and what would convert; loads no framework but that of code."""

from __future__ import annotations

import argparse

from porter import api
from porter.cli.output import Output
from porter.cli.values import source


def run(told: argparse.Namespace, output: Output) -> int:
    """Prints the inspection."""
    inspection = api.inspect(
        source(told.source),
        to=told.to,
        custom=told.custom,
        source_backend=told.source_backend,
        inputs=told.inputs,
        input_shapes=dict(told.input_shapes),
        weights=told.weights,
        static_batch=told.static_batch,
    )
    output.result(inspection.to_dict(), [inspection.text()])
    return 0
