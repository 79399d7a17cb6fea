"""Where in a bundle's code a layer stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

MOST = 8


def lines_of(folder: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """The lines of `model.py` that make or use these modules, with their numbers."""
    file = folder / "model.py"
    if not file.is_file():
        return ()
    names = {path.split(".")[-1] for path in paths if path}
    wanted = re.compile("|".join(rf"\bself\.{re.escape(name)}\b" for name in names)) if names else None
    text = file.read_text(encoding="utf-8").splitlines()
    found = [
        f"model.py:{number}: {line.strip()}"
        for number, line in enumerate(text, 1)
        if wanted is not None and wanted.search(line)
    ]
    return tuple(found[:MOST])
