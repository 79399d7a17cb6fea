"""`porter check`: does one model agree with itself?"""

from __future__ import annotations

import argparse

from porter import api
from porter.cli.output import Output
from porter.cli.values import source


def run(told: argparse.Namespace, output: Output) -> int:
    """Prints what was found; 1 where the model does not agree with itself, or two functions do not agree."""
    if told.preprocess is not None:
        one, two = told.preprocess
        differences = api.check_preprocessing(one, two, told.source, told.report)
        output.result(differences.to_dict(), differences.lines())
        return 0 if differences.same else 1
    with output.progress() as progress:
        found = api.check(
            source(told.source),
            inputs=told.inputs,
            both_ways=told.compiled,
            source_backend=told.source_backend,
            report=told.report,
            progress=progress,
        )
    output.result(found.to_dict(), found.lines())
    return 0 if found.consistent else 1
