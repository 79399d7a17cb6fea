"""Where in a bundle's code a layer stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
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


def changed_lines(folder: Path, right: str) -> tuple[str, ...]:
    """The lines of `model.py` that are not as porter writes them, each beside what porter writes."""
    file = folder / "model.py"
    if not file.is_file() or not right:
        return ()
    now, before = file.read_text(encoding="utf-8").splitlines(), right.splitlines()
    found = []
    for what, start, stop, first, last in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if what != "equal":
            told = " ".join(line.strip() for line in before[start:stop]) or "nothing"
            made = " ".join(line.strip() for line in now[first:last]) or "nothing"
            found.append(f"model.py:{first + 1}: {made}  (porter writes: {told})")
    return tuple(found[:MOST])
