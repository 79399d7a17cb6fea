"""A comparison as JUnit XML, the form in which CI systems show results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

Case = tuple[str, str, bool, str]

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, title: str, comparison: Mapping[str, Any]) -> None:
    """One test case for the verdict and one per compared value; a failure carries its figures."""
    cases = [("verdict", "verdict", bool(comparison["equivalent"]), str(comparison["verdict"]))]
    cases += list(_cases(comparison))
    failures = sum(not passed for _, _, passed, _ in cases)
    seconds = str(comparison["environment"].get("seconds", 0))
    suite = ElementTree.Element("testsuite", name=_plain(f"porter verify {title}"), time=seconds)
    suite.attrib |= {"tests": str(len(cases)), "failures": str(failures), "errors": "0"}
    for group, name, passed, text in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=f"porter.{group}", name=_plain(name))
        if not passed:
            ElementTree.SubElement(case, "failure", message=_plain(text), type="NotEquivalent")
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def _cases(comparison: Mapping[str, Any]) -> Iterator[Case]:
    for row in comparison["outputs"]:
        yield "outputs", f"{row['name']} on {row['inputs']} inputs", row["equivalent"], _figures(row)
    for row in comparison["layers"]:
        if row["b"] is not None:
            yield "layers", f"{row['name']} ({row['kind']})", row["equivalent"], _figures(row)
    for row in comparison["weights"]:
        yield "weights", row["name"], False, row["problem"]
    for row in comparison["gradients"]:
        yield "gradients", f"{row['kind']} of {row['name']}", row["equivalent"], _figures(row)


def _figures(row: Mapping[str, Any]) -> str:
    told = [f"shape {tuple(row['shape'])}"] if "shape" in row else []
    for side in ("a", "b", "isolated"):
        distance = row.get(side)
        if distance is not None:
            off = distance["times"]
            times = "not comparable" if off is None else f"{off:.3g} times the noise"
            told.append(f"{side}: {distance['problem'] or distance['largest']}, {times}")
    return "; ".join(told)


def _plain(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return NOT_XML.sub("\ufffd", text)
