"""Writes a comparison as JUnit XML, the form in which CI systems show results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree


def write_junit(path: Path, title: str, comparison: Mapping[str, Any]) -> None:
    """One test case for the verdict and one per compared value; a failure carries its figures."""
    cases = [("verdict", bool(comparison["equivalent"]), str(comparison["verdict"]))]
    for kind in ("outputs", "layers"):
        cases += [_case(kind, row) for row in comparison.get(kind) or ()]
    failures = sum(not passed for _, passed, _ in cases)
    suite = ElementTree.Element(
        "testsuite", name=f"porter verify {title}", tests=str(len(cases)), failures=str(failures)
    )
    for name, passed, text in cases:
        case = ElementTree.SubElement(suite, "testcase", classname="porter.verify", name=name)
        if not passed:
            ElementTree.SubElement(case, "failure", message=text)
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def _case(kind: str, row: Mapping[str, Any]) -> tuple[str, bool, str]:
    figures = ", ".join(f"{key}={value}" for key, value in row.items() if key != "name")
    return f"{kind}: {row['name']}", bool(row.get("equivalent", True)), figures
