"""Calls of all members of a group in order, as one line or a loop."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from porter.dataclass import dataclass
from porter.source.code import Attr, Call, Expression, Name, call
from porter.source.names import Namer
from porter.source.statements import Assign, For, Statement


@dataclass(frozen=True)
class Run:
    """A group among the attributes: how it is reached, and its members in the order in which they may be
    called. `called`: the group can be called as a whole. `straight`: nobody looks at what passes between its
    members."""

    group: Expression
    members: tuple[Expression, ...]
    called: bool = False
    straight: bool = False


class _Entry(NamedTuple):
    """A line `target = member(...)`."""

    target: Expression
    made: Call

    @property
    def blank(self) -> Call:
        """The call, with a blank where the member stands."""
        return replace(self.made, func=Name("_"))

    def by(self, entry: Name) -> Assign:
        """The line, of the loop's own entry."""
        return Assign((self.target,), replace(self.made, func=entry))


def _entry(line: Statement) -> _Entry | None:
    if not isinstance(line, Assign) or len(line.targets) != 1 or not isinstance(line.value, Call):
        return None
    return _Entry(line.targets[0], line.value)


def rolled(lines: Sequence[Statement], runs: Sequence[Run], namer: Namer) -> list[Statement]:
    """The lines, with one loop or call where every member of a group is called in order; inner groups come
    last among `runs`.

    The last call of a loop may give its result a name of its own.
    """
    done = list(lines)
    names = _LoopNames(namer)
    for run in reversed(runs):
        done = _rolled(done, run, names)
    return done


class _LoopNames:
    """Names for the entries that loops go through; loops one after another may share one."""

    def __init__(self, namer: Namer) -> None:
        self.namer = namer
        self.known: dict[str, Name] = {}

    def of(self, items: Expression) -> Name:
        """`block` for `self.blocks`; what is no plural gives `block`, too."""
        name = items.name if isinstance(items, Attr) else ""
        one = name[:-1] if name.endswith("s") and not name.endswith("ss") else "block"
        if one not in self.known:
            self.known[one] = Name(self.namer.identifier(one, "block"))
        return self.known[one]


def _rolled(lines: Sequence[Statement], run: Run, names: _LoopNames) -> list[Statement]:
    done: list[Statement] = []
    size = len(run.members)
    place = 0
    while place < len(lines):
        found = [_entry(line) for line in lines[place : place + size]]
        entries = [one for one in found if one is not None]
        members = tuple(one.made.func for one in entries)
        short: list[Statement] = []
        if members == run.members:
            rest = lines[place + size :]
            short = _called(run, entries) if run.called else _looped(run, entries, names, rest)
        if not short:
            done.append(lines[place])
            place += 1
            continue
        done += short
        place += size
    return done


def _called(run: Run, entries: Sequence[_Entry]) -> list[Statement]:
    """The one line that calls them all, where each is given just what the one before made."""
    if not _handed_on(entries):
        return []
    return [Assign((entries[-1].target,), call(run.group, *entries[0].made.args))]


def _handed_on(entries: Sequence[_Entry]) -> bool:
    handed = all(one.made.args == (before.target,) for before, one in pairwise(entries))
    return handed and all(len(one.made.args) == 1 and not one.made.kwargs for one in entries)


def _looped(
    run: Run, entries: Sequence[_Entry], names: _LoopNames, rest: Sequence[Statement]
) -> list[Statement]:
    if run.straight and len(entries) > 1 and _handed_on(entries):
        (given,), target = entries[0].made.args, entries[-1].target
        entry = names.of(run.group)
        loop = For(entry, run.group, (Assign((target,), call(entry, target)),))
        return [loop] if given == target else [Assign((target,), given), loop]
    if len(entries) < 2 or [(one.target, one.blank) for one in entries] != list(_in_order(entries)):
        return []
    first, last = entries[0], entries[-1]
    entry = names.of(run.group)
    lines: list[Statement] = [For(entry, run.group, (first.by(entry),))]
    if last.target != first.target:
        if _read(first.target, rest):  # what the last but one made is wanted: a loop would write over it
            return []
        lines.append(Assign((last.target,), first.target))
    return lines


def _read(name: Expression, lines: Sequence[Statement]) -> bool:
    """Whether lines look at what a name stands for now."""
    assert isinstance(name, Name)
    word = re.compile(rf"\b{re.escape(name.path)}\b")
    for line in lines:
        plain = isinstance(line, Assign) and all(isinstance(target, Name) for target in line.targets)
        if word.search(repr(line.value if isinstance(line, Assign) and plain else line)):
            return True
        if isinstance(line, Assign) and name in line.targets:
            return False
    return False


def _in_order(entries: Sequence[_Entry]) -> Iterator[tuple[Expression, Call]]:
    """The lines that a loop would stand for."""
    yield from ((entries[0].target, entries[0].blank) for _ in entries[1:])
    yield entries[-1].target, entries[0].blank
