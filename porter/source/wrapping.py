"""Long expressions over several lines: broken at brackets and operators, the way `black` does it.

The functions get the room that is taken before and after an expression and return text whose
further lines are already indented.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from porter.dataclass import dataclass
from porter.source.code import (
    PRECEDENCE,
    Attr,
    Binary,
    Call,
    Compare,
    Dict,
    Each,
    Expression,
    IfElse,
    Index,
    List,
    Literal,
    Star,
    Tuple,
    Unary,
)
from porter.source.expressions import (
    arguments,
    bare_tuple,
    clauses,
    flat,
    operands,
    owner,
    precedence,
    subscript,
)

TAB = 4


@dataclass(frozen=True)
class Room:
    """Where text goes: the block's indent, columns taken on the first line and after the last."""

    width: int
    indent: int
    lead: int
    tail: int = 0

    def holds(self, text: str) -> bool:
        """Whether the text fits on the line."""
        return self.lead + len(text) + self.tail <= self.width

    def holds_head(self, text: str) -> bool:
        """Whether the text fits where more follows on further lines."""
        return self.lead + len(text) <= self.width

    def inner(self, lead: int = 0, tail: int = 0) -> Room:
        """The room on a line of its own, one step further in."""
        indent = self.indent + TAB
        return Room(self.width, indent, indent + lead, tail)

    def after(self, text: str) -> Room:
        """The room that `text` leaves on the first line."""
        return replace(self, lead=self.lead + len(text))

    def enclosed(self, opening: str, rows: Sequence[str], closing: str) -> str:
        """Brackets with each of the rows on lines of its own between them."""
        step = "\n" + " " * (self.indent + TAB)
        return f"{opening}{step}{step.join(rows)}\n{' ' * self.indent}{closing}"


def fit(expr: Expression, room: Room) -> str:
    """The expression inside some brackets: on one line, or broken where it can be."""
    text = flat(expr)
    return text if room.holds(text) else _broken(expr, room)


def fit_alone(expr: Expression, room: Room) -> str:
    """The expression where no bracket stands around it: the whole may get parentheses."""
    text = flat(expr)
    if room.holds(text):
        return text
    if _breaks_itself(expr, room) and not _links(expr)[1:]:
        return _split_last(expr, room) if isinstance(expr, Binary) else _broken(expr, room)
    inside = fit(expr, room.inner())
    helps = ("\n" in inside or room.inner().holds(inside)) and room.holds_head("(")
    return room.enclosed("(", [inside], ")") if helps else text


def fit_bare(expr: Expression, room: Room) -> str:
    """As `fit_alone`, where a tuple needs no parentheses, as after `return`."""
    bare = isinstance(expr, Tuple) and expr.items and room.holds(bare_tuple(expr))
    return bare_tuple(expr) if bare and isinstance(expr, Tuple) else fit_alone(expr, room)


def fit_items(items: Sequence[str], opening: str, closing: str, room: Room) -> str:
    """Texts in brackets: all on the line, all on the next one, or each on its own."""
    text = ", ".join(items)
    if room.holds(opening + text + closing):
        return opening + text + closing
    if room.inner().holds(text):
        return room.enclosed(opening, [text], closing)
    # A comma after the only item of an index would make it a tuple.
    comma = "," if len(items) > 1 else ""
    return room.enclosed(opening, [item + comma for item in items], closing)


def _breaks_itself(expr: Expression, room: Room) -> bool:
    """Whether brackets of the expression's own are the best place to break."""
    if isinstance(expr, Binary):
        return (
            precedence(expr.right) > PRECEDENCE[expr.op]
            and not isinstance(expr.right, Attr)
            and (not isinstance(expr.left, Binary) or f"({flat(expr.left)})" == operands(expr)[0])
            and _breaks_itself(expr.right, room.after(f"{operands(expr)[0]} {expr.op} "))
        )
    if isinstance(expr, Attr | Unary | Star | Literal):
        part = _PART[type(expr)](expr)
        return part is not None and _breaks_itself(part, room)
    head = _HEADS.get(type(expr))
    if head is None or room.holds_head(head(expr)):
        return head is not None
    part = _PART[type(expr)](expr) if type(expr) in _PART else None
    return part is not None and _breaks_itself(part, room)


def _split_last(expr: Binary, room: Room) -> str:
    head = f"{operands(expr)[0]} {expr.op} "
    return head + fit_alone(expr.right, room.after(head))


def _links(expr: Expression) -> list[tuple[Attr, Expression]]:
    """The method calls in a row: each attribute of a result, and what it leads to."""
    links = []
    end = node = expr
    while isinstance(node, Call | Index | Attr):
        inside = node.func if isinstance(node, Call) else node.obj
        if isinstance(node, Attr) and isinstance(inside, Call | Index):
            links.append((node, end))
            end = inside
        node = inside
    return links[::-1]


def _chain(links: Sequence[tuple[Attr, Expression]], room: Room) -> str:
    """A method call a line."""
    first = links[0][0].obj
    rows = [fit(first, replace(room, lead=room.indent))]
    for attribute, end in links:
        row = flat(end).removeprefix(flat(attribute.obj))
        if isinstance(end, Call) and not Room(room.width, 0, room.indent).holds(row):
            row = _bracketed(f".{attribute.name}(", arguments(end), ")", room)
        rows.append(row)
    return ("\n" + " " * room.indent).join(rows)


def _broken(expr: Expression, room: Room) -> str:
    if len(links := _links(expr)) > 1:
        return _chain(links, room)
    breaker = _BREAKERS.get(type(expr))
    return breaker(expr, room) if breaker else flat(expr)


def _call(expr: Call, room: Room) -> str:
    rest = flat(expr).removeprefix(owner(expr.func))
    if not room.holds_head(f"{owner(expr.func)}(") and _breaks_itself(expr.func, room):
        head = _broken_owner(expr.func, room)
        fits = replace(room, lead=len(head.rsplit("\n", 1)[-1])).holds(rest)
        return head + (rest if fits else _bracketed("(", arguments(expr), ")", room))
    return _bracketed(f"{owner(expr.func)}(", arguments(expr), ")", room)


def _index(expr: Index, room: Room) -> str:
    # Slices have no lines of their own inside, so the items are texts already.
    rest = flat(expr).removeprefix(owner(expr.obj))
    if not room.holds_head(f"{owner(expr.obj)}[") and _breaks_itself(expr.obj, room):
        return _broken_owner(expr.obj, room) + rest
    rows = [subscript(item) for item in expr.items]
    return fit_items(rows, f"{owner(expr.obj)}[", "]", replace(room, lead=room.width))


def _bracketed(opening: str, items: Sequence[tuple[str, Expression]], closing: str, room: Room) -> str:
    """Arguments: all on the next line, else each on its own."""
    text = ", ".join(prefix + flat(item) for prefix, item in items)
    if not items:
        return opening + closing
    if room.inner().holds(text):
        return room.enclosed(opening, [text], closing)
    if len(items) == 1:
        prefix, item = items[0]
        return room.enclosed(opening, [prefix + fit(item, room.inner(len(prefix)))], closing)
    return _listed(opening, items, closing, room)


def _listed(opening: str, items: Sequence[tuple[str, Expression]], closing: str, room: Room) -> str:
    """A display: each item on its own line."""
    comma = "," if len(items) > 1 or opening == "(" else ""
    tail = len(comma)
    rows = [prefix + fit(item, room.inner(len(prefix), tail)) + comma for prefix, item in items]
    return room.enclosed(opening, rows, closing) if rows else opening + closing


def _plain(items: Sequence[Expression]) -> list[tuple[str, Expression]]:
    return [("", item) for item in items]


def _binary(expr: Binary, room: Room) -> str:
    """One operand a line, for all operators of the same strength in a row."""
    rows: list[str] = []
    rest: Expression = expr
    level = PRECEDENCE[expr.op]
    while isinstance(rest, Binary) and PRECEDENCE[rest.op] == level:
        rows.insert(0, f"{rest.op} {_operand(rest.right, operands(rest)[1], rest.op, room)}")
        left = operands(rest)[0]
        rest = rest.left
        if left.startswith("(") and left != flat(rest):
            break
    first = left if left != flat(rest) else fit(rest, replace(room, lead=room.indent))
    return ("\n" + " " * room.indent).join([first, *rows])


def _operand(expr: Expression, text: str, op: str, room: Room) -> str:
    inside = Room(room.width, room.indent, room.indent + len(op) + 1, room.tail)
    if text == flat(expr):
        return fit(expr, inside)
    return text if inside.holds(text) else room.enclosed("(", [fit(expr, room.inner())], ")")


def _if_else(expr: IfElse, room: Room) -> str:
    inner = room.inner()
    then, test, other = expr.then, expr.test, expr.other
    rows = [
        fit(then, inner) if precedence(then) > 1 else f"({flat(then)})",
        f"if {fit(test, inner.after('if '))}" if precedence(test) > 1 else f"if ({flat(test)})",
        f"else {fit(other, inner.after('else '))}" if precedence(other) > 1 else f"else {flat(other)}",
    ]
    return room.enclosed("(", rows, ")")


def _each(expr: Each, room: Room) -> str:
    return room.enclosed("[", [fit(expr.element, room.inner()), *clauses(expr)[1:]], "]")


def _attr(expr: Attr, room: Room) -> str:
    return f"{_broken_owner(expr.obj, room)}.{expr.name}"


def _broken_owner(expr: Expression, room: Room) -> str:
    """What is called, indexed or asked for an attribute, with parentheses where it needs them."""
    if isinstance(expr, Literal) or owner(expr) == flat(expr):
        return _broken(expr, room) if owner(expr) == flat(expr) else owner(expr)
    return room.enclosed("(", [fit(expr, room.inner())], ")")


def _star(expr: Star, room: Room) -> str:
    if flat(expr) == f"*{flat(expr.value)}":
        return "*" + _broken(expr.value, room.after("*"))
    return room.enclosed("*(", [fit(expr.value, room.inner())], ")")


def _unary(expr: Unary, room: Room) -> str:
    head, _, rest = flat(expr).rpartition(flat(expr.operand))
    if not rest:
        return head + _broken(expr.operand, room.after(head))
    return room.enclosed(head, [fit(expr.operand, room.inner())], rest)


def _literal(expr: Literal, room: Room) -> str:
    return flat(expr) if expr.display is None else _broken(expr.display, room)


_PART: dict[type, Callable[[Any], Expression | None]] = {
    Call: lambda expr: expr.func,
    Index: lambda expr: expr.obj,
    Attr: lambda expr: expr.obj,
    Unary: lambda expr: expr.operand,
    Star: lambda expr: expr.value,
    Literal: lambda expr: expr.display,
}

# What must fit on the first line if an expression is broken at its own bracket.
_HEADS: dict[type, Callable[[Any], str]] = {
    Call: lambda expr: f"{owner(expr.func)}(" if expr.args or expr.kwargs else flat(expr),
    Index: lambda expr: f"{owner(expr.obj)}[",
    Tuple: lambda _: "(",
    List: lambda _: "[",
    Dict: lambda _: "{",
    Each: lambda _: "[",
    IfElse: lambda _: "(",
}

_BREAKERS: dict[type, Callable[[Any, Room], str]] = {
    Call: _call,
    Index: _index,
    Tuple: lambda expr, room: _listed("(", _plain(expr.items), ")", room),
    List: lambda expr, room: _listed("[", _plain(expr.items), "]", room),
    Dict: lambda expr, room: _listed(
        "{", [(f"{flat(key)}: ", value) for key, value in expr.items], "}", room
    ),
    Each: _each,
    IfElse: _if_else,
    Binary: _binary,
    Compare: _binary,
    Attr: _attr,
    Unary: _unary,
    Star: _star,
    Literal: _literal,
}
