"""A diagnosis of two models as a user names them, and the repair of the second."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from porter.diagnosis.diagnose import diagnose
from porter.diagnosis.findings import Diagnosis
from porter.diagnosis.mend import by_hand, mend, mend_by_hand
from porter.sides import user_inputs
from porter.verification import Model, pair
from porter.verification.settings import Settings
from porter.verification.trial import verify


def of_two(
    first: Model, second: Model, inputs: Path | None, settings: Settings, fix: Path | None, *, force: bool
) -> Diagnosis:
    """Why the second differs from the first; and, with `fix`, a repaired copy of it there, verified."""
    a, b, settings = pair(first, second, inputs, settings)
    given = None if inputs is None else user_inputs(inputs)
    found = diagnose(a, b, given, settings)
    if fix is None or found.equivalent:
        return found
    if by_hand(b):
        mended = mend_by_hand(found, a, b, fix, force=force)
        (file,) = fix.resolve().iterdir()
        model = {**b.model, "weights": str(file)}
    else:
        mended = mend(found, b, settings.layers, fix, force=force)
        model = {**b.model, "bundle": str(fix.resolve())}
    again = replace(b, model=model, label=f"{b.label}, mended")
    comparison = verify(a, again, given, settings)
    told = replace(mended, equivalent=comparison.equivalent, verdict=comparison.verdict)
    return replace(found, mended=told)
