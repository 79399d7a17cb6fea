"""Names for generated code: any text of an input file becomes a legal, readable, unique name."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable

# Longer names help nobody and would leave no room on a line; what is cut stays unique by number.
_LONGEST = 80

_RESERVED = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "self", "cls", "__debug__"})
_NUMBER_FIRST = re.compile(r"(\d+)_+([A-Za-z].*)")


def identifier(text: str, taken: Collection[str] = frozenset(), fallback: str = "layer") -> str:
    """A name for a variable or attribute: `conv2d/kernel:0` becomes `conv2d_kernel_0`."""
    name = _plain(text)
    if moved := _NUMBER_FIRST.fullmatch(name):
        name = f"{moved[2]}_{moved[1]}"
    if not name or name[0].isdigit():
        name = f"{fallback}_{name}".rstrip("_")
    if name in _RESERVED:
        name += "_"
    return _unique(name, taken, "{}{}" if name.endswith("_") else "{}_{}")


def class_name(text: str, taken: Collection[str] = frozenset(), fallback: str = "Model") -> str:
    """A name for a class: `res_net 50` becomes `ResNet50`."""
    name = ""
    for word in _plain(text).split("_"):
        between = "_" if name[-1:].isdigit() and word[:1].isdigit() else ""
        name += between + word[:1].upper() + word[1:]
    if not name or name[0].isdigit() or name in _RESERVED:
        name = fallback + name
    return _unique(name, taken, "{}_{}" if name[-1].isdigit() else "{}{}")


class Namer:
    """Hands out names in one scope, each of them once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)

    def identifier(self, text: str, fallback: str = "layer") -> str:
        """A new variable or attribute name after `text`."""
        return self._keep(identifier, text, fallback)

    def class_name(self, text: str, fallback: str = "Model") -> str:
        """A new class name after `text`."""
        return self._keep(class_name, text, fallback)

    def _keep(self, make: Callable[[str, Collection[str], str], str], *given: str) -> str:
        text, fallback = given
        name = make(text, self.taken, fallback)
        self.taken.add(name)
        return name


def _plain(text: str) -> str:
    """Only ASCII letters, digits and single underscores, the latter not at the ends.

    Leading underscores would clash with private attributes of the frameworks' base classes.
    """
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    kept = ascii_text if ascii_text.isidentifier() else re.sub(r"[^A-Za-z0-9]+", "_", ascii_text)
    return kept[:_LONGEST].strip("_")


def _unique(name: str, taken: Collection[str], pattern: str) -> str:
    unique, number = name, 1
    while unique in taken:
        number += 1
        unique = pattern.format(name, number)
    return unique
