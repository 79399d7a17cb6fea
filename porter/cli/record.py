"""`porter record`: run a model here, to be compared with elsewhere."""

from __future__ import annotations

import argparse

from porter import api
from porter.cli.output import Output
from porter.cli.values import source


def run(told: argparse.Namespace, output: Output) -> int:
    """Records the run, and says where it lies."""
    with output.progress() as progress:
        made = api.record(
            source([told.model]),
            told.out,
            inputs=told.inputs,
            source_backend=told.source_backend,
            seed=told.seed,
            force=told.force,
            progress=progress,
        )
    kept = f"{made.label}: {made.sets} set(s) of inputs, {made.layers} layer outputs"
    output.result(made.to_dict(), [str(made.path), kept])
    return 0
