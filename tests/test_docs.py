"""The documentation's commands and Python examples are run.

Commands are ```console blocks that follow a `<!-- run -->` line; Python is what stands after `>>>`.

In a console block a line that begins with `$ ` is a command, the lines after it are its output;
`...` stands for anything, and figures may differ. All blocks of a page run in one folder, in order.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

BLOCK = re.compile(r"^<!-- run -->\n```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIGURE = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Step:
    """One command of a page, and what it should say."""

    command: str
    output: str


def steps(page: str) -> list[Step]:
    found = []
    for block in BLOCK.findall(page):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append(Step(command, output))
    return found


def fits(shown: str, said: str) -> bool:
    """Whether what is shown, parted by `...`, stands in what was said, in order."""
    if "..." not in shown:
        return squeeze(shown) == squeeze(said)
    rest = squeeze(said)
    for part in map(squeeze, shown.split("...")):
        _, found, rest = rest.partition(part) if part else ("", "any", rest)
        if not found:
            return False
    return True


def squeeze(text: str) -> str:
    return FIGURE.sub("#", " ".join(text.split()))


def run(command: str, folder: Path) -> str:
    words = shlex.split(command)
    if words[0] == "porter":
        words = [sys.executable, "-m", "tests.warm", "porter", *words[1:]]  # its workers need not start
    elif words[0] == "python":
        words = [sys.executable, *words[1:]]
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_the_documentation(page: Path, tmp_path: Path) -> None:
    for step in steps(page.read_text(encoding="utf-8")):
        said = run(step.command, tmp_path)
        assert fits(step.output, said), f"$ {step.command}\n{said}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_of_the_documentation(page: Path) -> None:
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    failed, _ = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert not failed


@pytest.mark.parametrize(
    ("shown", "said", "expected"),
    [
        ("a 1.5 b\n", "a  27 b", True),
        ("a\n...\nz\n", "a b c z", True),
        ("a\n...\nz\n", "a b c", False),
        ("a\n", "a b", False),
        ("z\n...\na\n", "a z", False),
    ],
)
def test_loose_comparison(shown: str, said: str, expected: bool) -> None:
    assert fits(shown, said) is expected


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
