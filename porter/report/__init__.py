"""The report: what was found, as `report.json` for programs and `report.html` for people.

The page is one file that needs nothing else: no server, no network, no fonts or scripts from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from porter.compare import Comparison

JSON, HTML = "report.json", "report.html"

Kind = Literal["verification", "diagnosis", "check", "preprocessing"]


def write(folder: Path, comparison: Comparison) -> None:
    """Both files of a comparison."""
    write_facts(folder, "verification", comparison.to_dict())


def write_facts(folder: Path, kind: Kind, facts: Mapping[str, Any]) -> None:
    """Both files of whatever was found."""
    from porter.report import findings, page  # the template engine is loaded where a page is made

    pages = {
        "verification": page.page,
        "diagnosis": findings.diagnosis,
        "check": findings.check,
        "preprocessing": findings.preprocessing,
    }
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / JSON, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    _write(folder / HTML, pages[kind](facts))


def _write(path: Path, text: str) -> None:
    # names from files may hold halves of surrogate pairs, which no encoding has
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
