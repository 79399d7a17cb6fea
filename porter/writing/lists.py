"""Modules that the source numbers, `layer1.0`, `layer1.1`, ...: a list in the generated code as well."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from porter.source.code import Attr, Call, Each, Expression, Index, List, Literal, Name, attr, call, index
from porter.source.names import Namer, identifier
from porter.source.statements import Assign, For, Statement

_NUMBERED = re.compile(r"(?P<stem>.+)\.(?P<place>0|[1-9]\d*)")


class Label(NamedTuple):
    """What the source calls a member of a module, and whether a list can hold it."""

    text: str
    listed: bool
    nested: bool = False  # a model of its own: a list of one is no nuisance


def attribute_names(labels: Sequence[Label], reserved: Collection[str]) -> list[str]:
    """A name for each member: an attribute, or `layer1.0` for the first entry of the list `layer1`.

    Members make a list where they are numbered from 0 without a gap.
    """
    found: dict[str, list[int]] = {}
    nested: set[str] = set()
    parts = [_NUMBERED.fullmatch(label.text) if label.listed else None for label in labels]
    for label, part in zip(labels, parts, strict=True):
        if part is not None:
            found.setdefault(part["stem"], []).append(int(part["place"]))
            nested |= {part["stem"]} if label.nested else set()
    whole = {stem for stem, places in found.items() if sorted(places) == list(range(len(places)))}
    lists = {stem for stem in whole if len(found[stem]) > 1 or stem in nested}
    taken = set(reserved)
    homes: dict[str, str] = {}
    names = []
    for label, part in zip(labels, parts, strict=True):
        stem = part["stem"] if part is not None else ""
        if part is None or stem not in lists:
            name = identifier(label.text, taken)
            taken.add(name)
        else:
            if stem not in homes:
                homes[stem] = identifier(stem, taken)
                taken.add(homes[stem])
            name = f"{homes[stem]}.{part['place']}"
        names.append(name)
    return names


def member(owner: Expression, path: str) -> Expression:
    """`self.conv1.bias`, `self.layer1[0].conv1` for `layer1.0.conv1`."""
    for step in path.split("."):
        owner = index(owner, int(step)) if step.isdigit() else attr(owner, step)
    return owner


def gathered(attributes: Sequence[tuple[str, Call]], kind: str) -> Iterator[tuple[str, Call]]:
    """The attributes, the entries of a list together: `nn.ModuleList([Block(8), Block(16)])`."""
    known = dict(attributes)
    lists: dict[str, list[str]] = {}
    for name in known:
        stem, _, place = name.partition(".")
        if place:
            lists.setdefault(stem, []).append(place)
    for name, made in attributes:
        stem, _, place = name.partition(".")
        if not place:
            yield name, made
        elif stem in lists:
            size = len(lists.pop(stem))
            yield stem, call(kind, _entries([known[f"{stem}.{k}"] for k in range(size)]))


def _entries(made: Sequence[Call]) -> Expression:
    if all(one == made[0] for one in made):
        return Each(made[0], Name("_"), call("range", Literal(len(made))))
    return List(tuple(made))


class _Entry(NamedTuple):
    """A line `target = items[place](...)`."""

    items: Expression
    place: int
    target: Expression
    made: Call  # the call, with a blank where the entry stands

    def by(self, entry: Name) -> Assign:
        """The line, of the loop's own entry."""
        return Assign((self.target,), replace(self.made, func=entry))


def _entry(line: Statement) -> _Entry | None:
    if not isinstance(line, Assign) or len(line.targets) != 1 or not is_entry_call(line.value):
        return None
    assert isinstance(line.value, Call)
    assert isinstance(line.value.func, Index)
    (place,) = line.value.func.items
    assert isinstance(place, Literal)
    assert isinstance(place.value, int)
    return _Entry(line.value.func.obj, place.value, line.targets[0], replace(line.value, func=Name("_")))


def is_entry_call(expression: Expression) -> bool:
    """Whether it is a call of an entry of a list, `self.blocks[0](x)`."""
    if not isinstance(expression, Call) or not isinstance(expression.func, Index):
        return False
    items = expression.func.items
    return len(items) == 1 and isinstance(items[0], Literal) and isinstance(items[0].value, int)


def rolled(lines: Sequence[Statement], sizes: Mapping[Expression, int], namer: Namer) -> list[Statement]:
    """The lines, with one loop where every entry of a list is called in order; `sizes` has the lists.

    The last call may give its result a name of its own.
    """
    done: list[Statement] = []
    place = 0
    while place < len(lines):
        first = _entry(lines[place])
        size = sizes.get(first.items, 0) if first is not None else 0
        run = [_entry(line) for line in lines[place : place + size]]
        last = run[-1] if len(run) == size > 1 else None
        if first is None or last is None or run != list(_in_order(first, last)):
            done.append(lines[place])
            place += 1
            continue
        entry = Name(namer.identifier(_one_of(first.items), "block"))
        done.append(For(entry, first.items, (first.by(entry),)))
        if last.target != first.target:
            done.append(Assign((last.target,), first.target))
        place += size
    return done


def _in_order(first: _Entry, last: _Entry) -> Iterator[_Entry]:
    """The lines that a loop would stand for."""
    yield from (first._replace(place=place) for place in range(last.place))
    yield first._replace(place=last.place, target=last.target)


def _one_of(items: Expression) -> str:
    """`block` for `self.blocks`; what is no plural gives `block`, too."""
    name = items.name if isinstance(items, Attr) else ""
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else "block"
