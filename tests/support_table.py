"""The support table, made from the rule tables themselves."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from porter import frameworks
from porter.graph.ops.op import all_ops
from porter.rules import Rules, Unsupported

DOCUMENT = "docs/support.md"

HEAD = """# What porter supports

Made by `scripts/support_table` from the rule tables; a test holds it to them. A cell is a rule, or the
reason why not.
"""


def rules_of(framework: str) -> Rules:
    """The tables of a framework."""
    package = frameworks.BUILT_IN[framework]
    found: Rules = import_module(f"{package}.rules").rules
    return found


def targets() -> list[str]:
    """The frameworks that can be written."""
    return [name for name in frameworks.BUILT_IN if frameworks.converter(name).write is not None]


def support_table() -> str:
    """The text of the document."""
    return "\n".join([HEAD, *_layers(), "", *_functions(), "", *_ops(), ""])


def _layers() -> Iterator[str]:
    named = {name: rule for name, rule in rules_of("tf").reading.items() if isinstance(name, str)}
    table = {name: rule for name, rule in named.items() if "." not in name}  # the others are porter's own
    yield "## Keras layers that are read"
    yield ""
    yield from _grid(["layer", "read", "why not, and what to do"])
    for name, rule in sorted(table.items()):
        yield _row([f"`{name}`", *_cell(rule)])


def _functions() -> Iterator[str]:
    table = {name[1]: rule for name, rule in rules_of("tf").reading.items() if isinstance(name, tuple)}
    read = sorted(name for name, rule in table.items() if not isinstance(rule, Unsupported))
    yield "## Functions of `keras.ops` that are read as nodes of a model"
    yield ""
    yield ", ".join(f"`{name}`" for name in read)
    yield ""
    yield from _grid(["function", "why it is refused"])
    for name, rule in sorted(table.items()):
        if isinstance(rule, Unsupported):
            yield _row([f"`{name}`", rule.because])


def _ops() -> Iterator[str]:
    names = targets()
    tables = [rules_of(name).writing for name in names]
    yield "## Ops of the neutral graph, by target"
    yield ""
    yield from _grid(["op", *names])
    for op in sorted(all_ops(), key=lambda op: op.__name__):
        yield _row([f"`{op.__name__}`", *(" ".join(_cell(table.get(op))) for table in tables)])


def _cell(rule: Any) -> list[str]:
    if rule is None:
        return ["EMPTY", ""]
    if isinstance(rule, Unsupported):
        hint = f"; {rule.hint}" if rule.hint else ""
        return ["no", f"{rule.because}{hint}"]
    return ["yes", ""]


def _grid(heads: list[str]) -> Iterator[str]:
    yield _row(heads)
    yield _row(["---"] * len(heads))


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.strip().replace('|', chr(92) + '|') for cell in cells)} |"
