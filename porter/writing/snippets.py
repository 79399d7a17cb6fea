"""Fixed text that generated code carries with it, picked by name with everything that it needs.

A framework keeps its snippets in `snippets*.py` beside its writer: functions and classes that are never
imported, only copied.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def snippets(package: str, names: Sequence[str]) -> list[str]:
    """The text of the snippets `names` of a package and of those they use, in the order of the files."""
    table = _all(package)
    wanted: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo += table[name][1]
    return [text for name, (text, _) in table.items() if name in wanted]


@cache
def constructor_arguments(package: str) -> dict[str, tuple[str, ...]]:
    """The names of the arguments with which the snippets that are classes are made."""
    found = {}
    for text in _files(package):
        for node in ast.parse(text).body:
            if not isinstance(node, ast.ClassDef):
                continue
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                    found[node.name] = tuple(arg.arg for arg in part.args.args[1:])
    return found


@cache
def _all(package: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Every function and class: its text, and the others that it uses."""
    texts = _files(package)
    found = [(node, text) for text in texts for node in ast.parse(text).body if isinstance(node, DEFINITIONS)]
    names = {node.name for node, _ in found}
    table = {}
    for node, text in found:
        used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} & names - {node.name}
        table[node.name] = (_source(text, node), frozenset(used))
    return table


def _source(text: str, node: ast.FunctionDef | ast.ClassDef) -> str:
    """A definition as it stands, with its decorators."""
    first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def _files(package: str) -> list[str]:
    listed = files(package).iterdir()
    chosen = [file for file in listed if file.name.startswith("snippets") and file.name.endswith(".py")]
    return [file.read_text(encoding="utf-8") for file in sorted(chosen, key=lambda file: file.name)]
