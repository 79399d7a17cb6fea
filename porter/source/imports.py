"""Import statements in the order that `ruff` and `isort` give them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable

from porter.errors import GraphError
from porter.source.wrapping import Room

Alias = tuple[str, str | None]


def import_lines(statements: Iterable[str], width: int) -> list[str]:
    """All import statements, merged, sorted and with empty lines between the sections."""
    plain: set[Alias] = set()
    members: dict[str, set[Alias]] = {}
    for statement in statements:
        for node in _parsed(statement):
            aliases = {(alias.name, alias.asname) for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                members.setdefault("." * node.level + (node.module or ""), set()).update(aliases)
            else:
                plain |= aliases
    sections: dict[int, list[str]] = {}
    for alias in sorted(plain, key=lambda alias: (_natural(alias[0]), alias[1] or "")):
        sections.setdefault(_section(alias[0]), []).append(f"import {_text(alias)}")
    for module in sorted(members, key=_natural):
        rows = _from_lines(module, members[module], width)
        sections.setdefault(_section(module), []).extend(rows)
    lines: list[str] = []
    for section in sorted(sections):
        lines += [*([""] if lines else []), *sections[section]]
    return lines


def _parsed(statement: str) -> list[ast.Import | ast.ImportFrom]:
    try:
        tree = ast.parse(statement)
    except SyntaxError as error:
        raise GraphError(f"not one plain import statement: {statement!r}") from error
    nodes = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    if len(nodes) != 1 or ast.unparse(nodes[0]) != statement:
        raise GraphError(f"not one plain import statement: {statement!r}")
    return nodes


def _from_lines(module: str, aliases: set[Alias], width: int) -> list[str]:
    """One statement for all plain names, one for each renamed name, as isort has them."""
    ordered = sorted(aliases, key=lambda a: (_kind(a[0]), _natural(a[0]), a[1] or ""))
    plain = [alias for alias in ordered if alias[1] is None]
    groups = [[alias] for alias in ordered if alias[1] is not None]
    groups = sorted([*groups, plain] if plain else groups, key=lambda g: ordered.index(g[0]))
    lines = []
    for group in groups:
        head, names = f"from {module} import ", [_text(alias) for alias in group]
        text = head + ", ".join(names)
        if len(text) > width:
            text = Room(width, 0, 0).enclosed(f"{head}(", [f"{name}," for name in names], ")")
        lines.append(text)
    return lines


def _text(alias: Alias) -> str:
    name, renamed = alias
    return name if renamed is None else f"{name} as {renamed}"


def _natural(name: str) -> tuple[str, str]:
    return name.lower(), name


def _kind(name: str) -> int:
    """Constants, then classes, then the rest."""
    if name.isupper() and len(name) > 1:
        return 0
    return 1 if name[:1].isupper() else 2


def _section(module: str) -> int:
    """The future, the standard library, other packages, this package."""
    top = module.split(".")[0]
    if top == "__future__":
        return 0
    if not top:
        return 3
    return 1 if top in sys.stdlib_module_names else 2
