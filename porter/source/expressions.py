"""Expressions as text on one line, with no more parentheses than Python needs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from porter.source.code import (
    PRECEDENCE,
    UNARY_PRECEDENCE,
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
    Name,
    Slice,
    Star,
    Tuple,
    Unary,
)

_ATOM = 15
_IF_ELSE = 1


def flat(expr: Expression) -> str:
    """The text on one line."""
    return _FLAT[type(expr)](expr)


def precedence(expr: Expression) -> int:
    """How tightly the expression's outermost operator binds."""
    if isinstance(expr, Binary):
        return PRECEDENCE[expr.op]
    if isinstance(expr, Unary):
        return UNARY_PRECEDENCE[expr.op]
    if isinstance(expr, IfElse):
        return _IF_ELSE
    negative = isinstance(expr, Literal) and flat(expr).startswith("-")
    return UNARY_PRECEDENCE["-"] if negative else _ATOM


def _within(expr: Expression, least: int) -> str:
    """The text of an operand, in parentheses where it binds less tightly than `least`."""
    return flat(expr) if precedence(expr) >= least else f"({flat(expr)})"


def owner(expr: Expression) -> str:
    """The text of what is called, indexed or asked for an attribute."""
    # `1.real` is a syntax error, so numbers get parentheses too.
    number = isinstance(expr, Literal) and isinstance(expr.value, int | float)
    return f"({flat(expr)})" if number else _within(expr, _ATOM)


def _literal(expr: Literal) -> str:
    if expr.display is not None:
        return flat(expr.display)
    return _SPELLINGS.get(type(expr.value), repr)(expr.value)


def _text(value: str | bytes) -> str:
    """A literal in double quotes, unless single ones save backslashes."""
    text = repr(value)
    prefix, body = ("b", text[2:-1]) if isinstance(value, bytes) else ("", text[1:-1])
    double, single = body.count('"'), body.count("'")
    if double > single:
        return text
    if double and single:
        # Here `repr` has escaped every single quote, and only these.
        body = body.replace("\\'", "'").replace('"', '\\"')
    return f'{prefix}"{body}"'


def _float(value: float) -> str:
    if not math.isfinite(value):
        return f'float("{value}")'
    return re.sub(r"e([-+]?)\+?0*(\d)", r"e\1\2", repr(value)).replace("e+", "e")


def arguments(expr: Call) -> list[tuple[str, Expression]]:
    """A call's arguments, each with what stands before it (`name=`)."""
    return [("", arg) for arg in expr.args] + [(f"{name}=", arg) for name, arg in expr.kwargs]


def _call(expr: Call) -> str:
    return f"{owner(expr.func)}({_joined(arguments(expr))})"


def _joined(items: Sequence[tuple[str, Expression]]) -> str:
    return ", ".join(prefix + flat(item) for prefix, item in items)


def _index(expr: Index) -> str:
    inside = ", ".join(subscript(item) for item in expr.items)
    comma = "," if len(expr.items) == 1 and isinstance(expr.items[0], Star) else ""
    return f"{owner(expr.obj)}[{inside}{comma}]"


def subscript(expr: Expression) -> str:
    """One item of an index; slices are spaced like an operator, if their ends are not simple."""
    expr = (expr.display or expr) if isinstance(expr, Literal) else expr
    if not isinstance(expr, Slice):
        return flat(expr)
    ends = [part for part in (expr.lower, expr.upper, expr.step) if part is not None]
    space = "" if all(map(_is_simple_end, ends)) else " "
    lower, upper, step = ("" if part is None else flat(part) for part in (expr.lower, expr.upper, expr.step))
    text = (lower and lower + space) + ":" + (upper and space + upper)
    return text + (upper and space) + ":" + space + step if step else text


def _is_simple_end(expr: Expression) -> bool:
    if isinstance(expr, Unary):
        return expr.op != "not" and _is_simple_end(expr.operand)
    if isinstance(expr, Literal):
        return expr.display is None
    return isinstance(expr, Name) and "." not in expr.path


def _slice(expr: Slice) -> str:
    ends = ("None" if end is None else flat(end) for end in (expr.lower, expr.upper, expr.step))
    return f"slice({', '.join(ends)})"


def operands(expr: Binary) -> tuple[str, str]:
    """Both sides of an operator, in parentheses where they need them."""
    level = PRECEDENCE[expr.op]
    if expr.op == "**":
        return _within(expr.left, level + 1), _within(expr.right, UNARY_PRECEDENCE["-"])
    chains = level == PRECEDENCE["=="]
    return _within(expr.left, level + chains), _within(expr.right, level + 1)


def _binary(expr: Binary) -> str:
    left, right = operands(expr)
    bare = left == flat(expr.left)
    hugs = expr.op == "**" and bare and _is_simple_power(expr.left) and _is_simple_power(expr.right)
    return f"{left}**{right}" if hugs else f"{left} {expr.op} {right}"


def _is_simple_power(expr: Expression) -> bool:
    if isinstance(expr, Unary):
        return expr.op == "-" and _is_simple_power(expr.operand)
    return isinstance(expr, Name) or (isinstance(expr, Literal) and isinstance(expr.value, int | float))


def _unary(expr: Unary) -> str:
    gap = " " if expr.op == "not" else ""
    # `-x**2` is legal, but reads wrongly.
    power = isinstance(expr.operand, Binary) and expr.operand.op == "**"
    least = _ATOM if power and not gap else UNARY_PRECEDENCE[expr.op]
    return f"{expr.op}{gap}{_within(expr.operand, least)}"


def _tuple(expr: Tuple) -> str:
    return f"({', '.join(map(flat, expr.items))}{',' * (len(expr.items) == 1)})"


def bare_tuple(expr: Tuple) -> str:
    """A tuple without its parentheses, unless it has less than two items."""
    return ", ".join(map(flat, expr.items)) if len(expr.items) > 1 else flat(expr)


def _if_else(expr: IfElse) -> str:
    above = _IF_ELSE + 1
    return f"{_within(expr.then, above)} if {_within(expr.test, above)} else {flat(expr.other)}"


def _each(expr: Each) -> str:
    return f"[{' '.join(clauses(expr))}]"


def target(expr: Expression) -> str:
    """An assignment's or loop's target: a tuple stands without parentheses."""
    return bare_tuple(expr) if isinstance(expr, Tuple) else flat(expr)


def clauses(expr: Each) -> list[str]:
    """The parts of a list comprehension, each of which may have a line."""
    return [flat(expr.element), f"for {target(expr.target)} in {_within(expr.items, 2)}"]


_SPELLINGS: dict[type, Callable[[Any], str]] = {
    str: _text,
    bytes: _text,
    float: _float,
    type(...): lambda _: "...",
}

_FLAT: dict[type, Callable[[Any], str]] = {
    Name: lambda expr: expr.path,
    Literal: _literal,
    Call: _call,
    Attr: lambda expr: f"{owner(expr.obj)}.{expr.name}",
    Index: _index,
    Slice: _slice,
    Binary: _binary,
    Compare: _binary,
    Unary: _unary,
    Tuple: _tuple,
    List: lambda expr: f"[{', '.join(map(flat, expr.items))}]",
    Dict: lambda expr: f"{{{', '.join(f'{flat(k)}: {flat(v)}' for k, v in expr.items)}}}",
    IfElse: _if_else,
    Star: lambda expr: f"*{_within(expr.value, PRECEDENCE['|'])}",
    Each: _each,
}
