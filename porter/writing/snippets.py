"""Fixed text that generated code carries with it, picked by name with everything that it needs.

A framework keeps its snippets in `snippets*.py` beside its writer: functions and classes that are never
imported, only copied. Parsing all of them would take longer than reading a small model: what lies where is
told by the formatting, and only what is picked is parsed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

BETWEEN = "\n\n\n"
"""Two empty lines part the definitions of a formatted file, and stand nowhere else."""

HEAD = re.compile(r"(?:@.*\n)*(?:def|class) (\w+)")
MADE_WITH = re.compile(r"^    def __init__(\(.*?\)):$", re.MULTILINE | re.DOTALL)


def snippets(package: str, names: Sequence[str]) -> list[str]:
    """The text of the snippets `names` of a package and of those they use, in the order of the files."""
    table = _all(package)
    wanted: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo += _words(table[name]) & table.keys()
    return [text for name, text in table.items() if name in wanted]


@cache
def constructor_arguments(package: str) -> dict[str, tuple[str, ...]]:
    """The names of the arguments with which the snippets that are classes are made."""
    found = {}
    for name, text in _all(package).items():
        made = MADE_WITH.search(text)
        if made is not None:
            (function,) = ast.parse(f"def made{made[1]}: ...").body
            assert isinstance(function, ast.FunctionDef)
            found[name] = tuple(argument.arg for argument in function.args.args[1:])
    return found


def _words(text: str) -> set[str]:
    """The names that a definition uses."""
    return {part.id for part in ast.walk(ast.parse(text)) if isinstance(part, ast.Name)}


@cache
def _all(package: str) -> dict[str, str]:
    """Every function and class of a package's snippets."""
    found = {}
    for folder in import_module(package).__path__:
        for file in sorted(Path(folder).glob("snippets*.py")):
            for part in file.read_text(encoding="utf-8").split(BETWEEN):
                head = HEAD.match(part)
                if head is not None:
                    found[head[1]] = part.rstrip("\n")
    return found
