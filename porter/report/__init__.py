"""The report: what a comparison found, as `report.json` for programs and `report.html` for people.

The page is one file that needs nothing else: no server, no network, no fonts or scripts from elsewhere.
"""

from __future__ import annotations

import json
from pathlib import Path

from porter.compare import Comparison

JSON, HTML = "report.json", "report.html"


def write(folder: Path, comparison: Comparison) -> None:
    """Both files, into a folder that exists."""
    from porter.report.page import page  # the template engine is loaded where a page is made

    facts = comparison.to_dict()
    _write(folder / JSON, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    _write(folder / HTML, page(facts))


def _write(path: Path, text: str) -> None:
    # names from files may hold halves of surrogate pairs, which no encoding has
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
