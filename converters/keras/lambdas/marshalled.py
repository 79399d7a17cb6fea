"""Python's marshal format, read as plain data: a code object becomes a record of its parts.

Nothing here makes a code object that could run. The text says nowhere which Python wrote it, but the order of
a code object's parts does, up to a few versions (`Layout`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, Literal

from porter.dataclass import dataclass

Layout = Literal["2", "3.0", "3.8", "3.11"]
"""The Python since which code objects have this order of parts."""

DEEPEST, MOST_BYTES, MOST_ITEMS = 32, 1 << 18, 1 << 14
REFERENCE = 0x80

HEADS: Mapping[Layout, tuple[str, ...]] = {
    "2": ("argcount", "locals", "stack", "flags"),
    "3.0": ("argcount", "kwonly", "locals", "stack", "flags"),
    "3.8": ("argcount", "posonly", "kwonly", "locals", "stack", "flags"),
    "3.11": ("argcount", "posonly", "kwonly", "stack", "flags"),
}
_CLASSIC = (
    "code",
    "consts",
    "names",
    "varnames",
    "freevars",
    "cellvars",
    "filename",
    "name",
    "line",
    "lines",
)
BODIES: Mapping[Layout, tuple[str, ...]] = {
    "2": _CLASSIC,
    "3.0": _CLASSIC,
    "3.8": _CLASSIC,
    "3.11": (
        *("code", "consts", "names", "places", "kinds", "filename", "name", "qualname"),
        *("line", "lines", "exceptions"),
    ),
}
LOCAL, CELL, FREE = 0x20, 0x40, 0x80
"""Kinds of names since 3.11."""
STARRED, GENERATOR = 0x0C, 0x20
"""Kinds of functions, by their flags."""
SLASH, BACKSLASH = b"/\\"
"""On Windows, Keras writes the first for every byte that is the second, wherever it stands."""


class NotMarshalled(ValueError):
    """The bytes are not a marshalled code object of this layout."""


@dataclass(frozen=True)
class Code:
    """The parts of a code object that matter here."""

    layout: Layout
    code: bytes
    consts: tuple[Any, ...]
    names: tuple[str, ...]
    varnames: tuple[str, ...]  # arguments first
    closed: tuple[str, ...]  # names that bytecode reaches as cells, by its own numbering
    free: tuple[str, ...]  # those of them whose values came from outside
    shared: frozenset[str]  # names that are cells: from outside, or for functions within
    arguments: int
    keyword_only: int
    starred: bool
    generator: bool
    slashes: bool  # some byte of a number is a slash
    lines: bytes  # which instructions belong to which line; how that is told differs by version
    name: str
    filename: str
    line: int


def unmarshalled(data: bytes) -> list[Code]:
    """The code object in `data`, by every layout that fits (one, as a rule)."""
    if len(data) > MOST_BYTES:
        raise NotMarshalled(f"{len(data):,} bytes of bytecode are too many")
    found, reasons = [], []
    for layout in HEADS:
        try:
            value = _Reader(data, layout).whole()
        except (NotMarshalled, UnicodeError, TypeError, ValueError) as error:
            reasons.append(str(error))
            continue
        if isinstance(value, Code):
            found.append(value)
    if not found:
        raise NotMarshalled(reasons[0] if reasons else "it is no code object")
    return found


class _Reader:
    """One walk through the bytes."""

    def __init__(self, data: bytes, layout: Layout) -> None:
        self.data, self.place, self.layout = data, 0, layout
        self.references: list[Any] = []
        self.interned: list[str] = []
        self.items = 0
        self.slashes = False

    def whole(self) -> Any:
        value = self.value(0)
        if self.place != len(self.data):
            raise NotMarshalled("something follows the code object")
        return value

    def take(self, count: int) -> bytes:
        if count < 0 or self.place + count > len(self.data):
            raise NotMarshalled("it ends too early")
        piece = self.data[self.place : self.place + count]
        self.place += count
        return piece

    def number(self, form: str) -> Any:
        return struct.unpack("<" + form, self.take(struct.calcsize(form)))[0]

    def value(self, depth: int) -> Any:
        self.items += 1
        if depth > DEEPEST or self.items > MOST_ITEMS:
            raise NotMarshalled("it is nested or long beyond reason")
        byte = self.take(1)[0]
        kind, marked = chr(byte & ~REFERENCE), bool(byte & REFERENCE)
        if kind not in KINDS:
            raise NotMarshalled(f"type {kind!r} is not known")
        if not marked:
            return KINDS[kind](self, depth)
        slot = len(self.references)
        self.references.append(NotMarshalled)
        self.references[slot] = KINDS[kind](self, depth)
        return self.references[slot]

    # -- values by their kind ----------------------------------------------------------------------

    def constant(self, form: str) -> Any:
        """A number that the function computes with."""
        begin, value = self.place, self.number(form)
        self.slashes |= SLASH in self.data[begin : self.place]
        return value

    def long(self, depth: int) -> int:
        count: int = self.number("i")
        digits: list[int] = [self.constant("H") for _ in range(min(abs(count), 64))]
        if abs(count) > len(digits):
            raise NotMarshalled("an integer has too many digits")
        size = sum(digit << (15 * place) for place, digit in enumerate(digits))
        return -size if count < 0 else size

    def text(self, length: str, interned: bool = False) -> str:
        value = self.take(self.number(length)).decode("utf-8", "surrogatepass")
        if interned:
            self.interned.append(value)
        return value

    def string(self, depth: int) -> Any:
        """Bytes; in Python 2 also text."""
        return self.take(self.number("i"))

    def sequence(self, length: str, depth: int) -> tuple[Any, ...]:
        count = self.number(length)
        if not 0 <= count <= MOST_ITEMS:
            raise NotMarshalled(f"a sequence of {count} items")
        return tuple(self.value(depth + 1) for _ in range(count))

    def back_reference(self, depth: int) -> Any:
        return self._looked_up(self.references)

    def interned_reference(self, depth: int) -> Any:
        return self._looked_up(self.interned)

    def _looked_up(self, table: list[Any]) -> Any:
        place = self.number("i")
        if not 0 <= place < len(table) or table[place] is NotMarshalled:
            raise NotMarshalled("a reference leads nowhere")
        return table[place]

    def code(self, depth: int) -> Code:
        head = {name: self.number("i") for name in HEADS[self.layout]}
        body: dict[str, Any] = {}
        for name in BODIES[self.layout]:
            body[name] = self.number("i") if name == "line" else self.value(depth + 1)
        return _code(self.layout, head, body, self.slashes)


def _code(layout: Layout, head: Mapping[str, int], body: Mapping[str, Any], slashes: bool) -> Code:
    varnames, closed, free = _variables(layout, body)
    shared = closed
    if layout == "3.11":
        shared = tuple(name for name, kind in zip(closed, body["kinds"], strict=True) if kind & (CELL | FREE))
    arguments, keyword_only = head["argcount"], head.get("kwonly", 0)
    if not isinstance(body["code"], bytes) or not isinstance(body["consts"], tuple):
        raise NotMarshalled("its parts are of other types")
    if not 0 <= arguments + keyword_only <= len(varnames):
        raise NotMarshalled("it has fewer names than arguments")
    return Code(
        layout=layout,
        code=body["code"],
        consts=body["consts"],
        names=_texts(body["names"]),
        varnames=varnames,
        closed=closed,
        free=free,
        shared=frozenset(shared),
        arguments=arguments,
        keyword_only=keyword_only,
        starred=bool(head["flags"] & STARRED),
        generator=bool(head["flags"] & GENERATOR),
        slashes=slashes,
        lines=body["lines"] if isinstance(body["lines"], bytes) else b"",
        name=_text(body["name"]),
        filename=_text(body["filename"]),
        line=body["line"],
    )


def _variables(
    layout: Layout, body: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Names of variables, of cells, and of cells from outside."""
    if layout != "3.11":
        free = _texts(body["freevars"])
        return _texts(body["varnames"]), (*_texts(body["cellvars"]), *free), free
    names, kinds = _texts(body["places"]), body["kinds"]
    if not isinstance(kinds, bytes) or len(kinds) != len(names):
        raise NotMarshalled("its names lack their kinds")
    return names, names, tuple(name for name, kind in zip(names, kinds, strict=True) if kind & FREE)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, tuple):
        raise NotMarshalled("a list of names is something else")
    return tuple(_text(item) for item in value)


def _text(value: Any) -> str:
    """A name, which Python 2 holds as bytes."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, str):
        raise NotMarshalled("a name is no text")
    return value


def _interned(reader: _Reader, depth: int) -> Any:
    return reader.text("i", interned=True)


Kind = Callable[[_Reader, int], Any]
KINDS: Mapping[str, Kind] = {
    "N": lambda reader, depth: None,
    "F": lambda reader, depth: False,
    "T": lambda reader, depth: True,
    ".": lambda reader, depth: Ellipsis,
    "i": lambda reader, depth: reader.constant("i"),
    "I": lambda reader, depth: reader.constant("q"),
    "l": _Reader.long,
    "g": lambda reader, depth: reader.constant("d"),
    "f": lambda reader, depth: float(reader.take(reader.number("B"))),
    "s": _Reader.string,
    "t": _interned,
    "u": lambda reader, depth: reader.text("i"),
    "a": lambda reader, depth: reader.text("i"),
    "A": lambda reader, depth: reader.text("i"),
    "z": lambda reader, depth: reader.text("B"),
    "Z": lambda reader, depth: reader.text("B"),
    "(": lambda reader, depth: reader.sequence("i", depth),
    ")": lambda reader, depth: reader.sequence("B", depth),
    "[": lambda reader, depth: list(reader.sequence("i", depth)),
    "<": lambda reader, depth: frozenset(reader.sequence("i", depth)),
    ">": lambda reader, depth: frozenset(reader.sequence("i", depth)),
    "r": _Reader.back_reference,
    "R": _Reader.interned_reference,
    "c": _Reader.code,
}
