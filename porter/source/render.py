"""Source values to the text of a file, laid out as `black` would: the only way to code text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from porter.dataclass import dataclass
from porter.source.code import Expression, Tuple
from porter.source.expressions import flat, target
from porter.source.imports import import_lines
from porter.source.statements import (
    Assign,
    Augment,
    Blank,
    Class,
    Comment,
    Expr,
    For,
    Function,
    If,
    Module,
    Param,
    Raw,
    Return,
    Statement,
    With,
)
from porter.source.wrapping import TAB, Room, fit_alone, fit_bare, fit_items

WIDTH = 100


def render(module: Module, width: int = WIDTH) -> str:
    """The text of a module."""
    page = _Page(width, 0)
    parts = ["\n".join(_docstring(module.doc, page))] if module.doc else []
    if module.imports:
        parts.append("\n".join(import_lines(module.imports, width)))
    head = "\n\n".join(parts)
    body = "\n".join(page.body(module.body))
    starts = next((s for s in module.body if not isinstance(s, Blank)), None)
    far = module.imports and _is_definition(starts)
    return ("\n\n\n" if far else "\n\n").join(filter(None, [head, body])) + "\n"


def _is_definition(statement: Statement | None) -> bool:
    raw = isinstance(statement, Raw) and statement.text.startswith(("def ", "class ", "@"))
    return raw or isinstance(statement, Function | Class)


def render_expression(expr: Expression) -> str:
    """One expression on one line, for messages and reports."""
    return flat(expr)


@dataclass(frozen=True)
class _Page:
    """Where statements are written: how wide the file is, and how far in."""

    width: int
    indent: int

    @property
    def pad(self) -> str:
        return " " * self.indent

    def inner(self) -> _Page:
        return _Page(self.width, self.indent + TAB)

    def room(self, before: str, after: str = "") -> Room:
        return Room(self.width, self.indent, self.indent + len(before), len(after))

    def line(
        self,
        before: str,
        expr: Expression,
        after: str = "",
        fit: Callable[[Expression, Room], str] = fit_alone,
    ) -> str:
        return f"{self.pad}{before}{fit(expr, self.room(before, after))}{after}"

    def statement(self, statement: Statement) -> list[str]:
        return _STATEMENTS[type(statement)](statement, self)

    def body(self, statements: Sequence[Statement]) -> list[str]:
        """The statements with the empty lines that definitions need around them."""
        lines: list[str] = []
        last: Statement | None = None
        gap = 0
        for statement in statements:
            if isinstance(statement, Blank):
                gap = 1
                continue
            if last is not None:
                lines += [""] * max(gap, self._gap(last, statement))
            lines += self.statement(statement)
            last, gap = statement, 0
        return lines

    def _gap(self, last: Statement, statement: Statement) -> int:
        # A comment right above a definition belongs to it.
        above = _is_definition(statement) and not isinstance(last, Comment)
        far = 1 if self.indent else 2
        return far if above or _is_definition(last) else 0

    def block(self, statements: Sequence[Statement], doc: str = "") -> list[str]:
        inner = self.inner()
        lines = _docstring(doc, inner) if doc else []
        lines += inner.body(statements)
        return lines or [f"{inner.pad}pass"]


def _docstring(text: str, page: _Page) -> list[str]:
    """The text as a docstring that no content can leave."""
    clean = ["".join(map(_shown, line)).rstrip() for line in textwrap.dedent(text).splitlines()]
    lines = "\n".join(clean).strip().replace('"""', '\\"\\"\\"').split("\n")
    if lines[-1].endswith('"'):
        lines[-1] = lines[-1][:-1] + '\\"'
    if lines[0].startswith('"'):
        lines[0] = " " + lines[0]
    if len(lines) == 1 and page.indent + len(lines[0]) + 6 <= page.width:
        return [f'{page.pad}"""{lines[0]}"""']
    rest = [page.pad + line if line else "" for line in lines[1:]]
    return [f'{page.pad}"""{lines[0]}', *rest, f'{page.pad}"""']


def _shown(character: str) -> str:
    if character == "\\":
        return "\\\\"
    return character if character.isprintable() else repr(character)[1:-1]


def _assign(statement: Assign, page: _Page) -> list[str]:
    left = target(Tuple(statement.targets)) if len(statement.targets) > 1 else None
    left = left or target(statement.targets[0])
    return [page.line(f"{left} = ", statement.value)]


def _augment(statement: Augment, page: _Page) -> list[str]:
    return [page.line(f"{flat(statement.target)} {statement.op}= ", statement.value)]


def _return(statement: Return, page: _Page) -> list[str]:
    if statement.value is None:
        return [f"{page.pad}return"]
    return [page.line("return ", statement.value, fit=fit_bare)]


def _comment(statement: Comment, page: _Page) -> list[str]:
    room = page.width - page.indent - 2
    lines = []
    for line in statement.text.splitlines():
        shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
        lines += textwrap.wrap(shown, room, break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{page.pad}# {line}".rstrip() for line in lines]


def _raw(statement: Raw, page: _Page) -> list[str]:
    text = textwrap.dedent(statement.text).strip("\n")
    return [page.pad + line if line else "" for line in text.split("\n")]


def _for(statement: For, page: _Page) -> list[str]:
    head = page.line(f"for {target(statement.target)} in ", statement.items, ":")
    return [head, *page.block(statement.body)]


def _if(statement: If, page: _Page) -> list[str]:
    lines = [page.line("if ", statement.test, ":"), *page.block(statement.body)]
    while len(statement.orelse) == 1 and isinstance(statement.orelse[0], If):
        statement = statement.orelse[0]
        lines += [page.line("elif ", statement.test, ":"), *page.block(statement.body)]
    if statement.orelse:
        lines += [f"{page.pad}else:", *page.block(statement.orelse)]
    return lines


def _with(statement: With, page: _Page) -> list[str]:
    name = f" as {statement.name}" if statement.name else ""
    return [page.line("with ", statement.context, f"{name}:"), *page.block(statement.body)]


def _function(statement: Function, page: _Page) -> list[str]:
    lines = [page.line("@", decorator) for decorator in statement.decorators]
    opening = f"def {statement.name}("
    closing = ")" + (f" -> {flat(statement.returns)}" if statement.returns else "") + ":"
    params = [_param(param) for param in statement.params]
    # Room for `fit_items` begins at the margin: the opening bracket is part of the text.
    lines.append(page.pad + fit_items(params, opening, closing, page.room("")))
    return [*lines, *page.block(statement.body, statement.doc)]


def _param(param: Param) -> str:
    annotation = f": {flat(param.annotation)}" if param.annotation else ""
    equals = " = " if annotation else "="
    return param.name + annotation + (equals + flat(param.default) if param.default else "")


def _class(statement: Class, page: _Page) -> list[str]:
    bases = ", ".join(map(flat, statement.bases))
    lines = [f"{page.pad}class {statement.name}{f'({bases})' if bases else ''}:"]
    body = page.block(statement.body, statement.doc)
    documented = len(_docstring(statement.doc, page.inner())) if statement.doc else 0
    if documented and len(body) > documented:
        body.insert(documented, "")
    return lines + body


_STATEMENTS: dict[type, Callable[[Any, _Page], list[str]]] = {
    Assign: _assign,
    Augment: _augment,
    Return: _return,
    Expr: lambda statement, page: [page.line("", statement.value)],
    Comment: _comment,
    Raw: _raw,
    For: _for,
    If: _if,
    With: _with,
    Function: _function,
    Class: _class,
}
