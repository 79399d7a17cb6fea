"""`porter diagnose`: why do two models differ, and what would mend it?"""

from __future__ import annotations

import argparse

from porter import api
from porter.cli.output import Output
from porter.cli.values import source


def run(told: argparse.Namespace, output: Output) -> int:
    """Prints the causes; 1 where the models differ and were not mended."""
    with output.progress() as progress:
        found = api.diagnose(
            source([told.a]),
            source([told.b]),
            inputs=told.inputs,
            fix=told.fix,
            force=told.force,
            source_backend=told.source_backend,
            memory=told.memory,
            seed=told.seed,
            report=told.report,
            progress=progress,
        )
    output.result(found.to_dict(), found.lines())
    mended = found.mended is not None and found.mended.equivalent
    return 0 if found.equivalent or mended else 1
