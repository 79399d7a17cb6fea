"""Putting the right weights back: a bundle anew, with the source's numbers in layers that were at fault."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from porter import bundle
from porter.diagnosis.findings import Diagnosis, Mended
from porter.errors import RequestError
from porter.sides import Side
from porter.verification.settings import LayerPlan
from porter.weights.reading import stored_tensors
from porter.weights.tensor import Tensor


def mend(found: Diagnosis, b: Side, plan: LayerPlan | None, out: Path, *, force: bool) -> Mended:
    """Write `b` with the weights of faulty layers as they should be; what is wrong in code is told."""
    if b.manifest is None or plan is None or not plan.weights or b.converter is None:
        raise RequestError(
            f"{b.label}: --fix mends bundles that porter made, whose weights it can tell from the source; "
            "of anything else the diagnosis says what to change"
        )
    folder = Path(b.model["bundle"])
    if out.resolve() == folder.resolve():
        raise RequestError(
            f"{out}: a repaired bundle is never written over the original; name another folder"
        )
    weights = b.manifest["weights"]
    paths = {place.path for cause in found.causes if cause.kind == "weights" for place in cause.places}
    right = {key: w.tensor for key, w in plan.weights.items() if key.rpartition(".")[0] in paths}
    if weights["format"] not in b.converter.weights_formats:
        raise RequestError(f"{b.label}: its weights are not in a file that can be written by itself")
    write = b.converter.weights_formats[weights["format"]][1]
    with bundle.fresh_folder(out, force) as made:
        shutil.copytree(folder, made, dirs_exist_ok=True, ignore=shutil.ignore_patterns("report.*"))
        if right:
            kept: Mapping[str, Tensor] = stored_tensors(folder / weights["file"])
            write(made / weights["file"], {**kept, **right}, None)
    to_do = tuple(cause.text for cause in found.causes if cause.kind != "weights")
    return Mended(out, tuple(sorted(right)), to_do)
