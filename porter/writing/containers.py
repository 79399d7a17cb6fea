"""Modules that the source groups, by numbers or names (`layer1.0`, `heads.left`): so does generated code.

A group is a list, a run of modules that are called one after another, or a table of names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Literal as OneOf
from typing import NamedTuple

from porter.dataclass import dataclass
from porter.source.code import (
    Call,
    Dict,
    Each,
    Expression,
    List,
    Literal,
    Name,
    Star,
    attr,
    call,
    express,
    index,
)
from porter.source.names import identifier

Kind = OneOf["list", "run", "table"]
Kinds = Mapping[str, Kind]
"""The groups of a module, by the paths of their names; "" where the module itself is one."""


@dataclass(frozen=True)
class Words:
    """What a framework calls groups of modules; nothing where its modules hold no modules."""

    listed: str = ""
    nothing: Expression = Literal(None)  # the member that does nothing
    # what does the same as an expression of `x`, which has so many axes, and can be a member
    entry: Callable[[Expression, int], Expression | None] = lambda made, rank: None
    run: str = ""  # called like a function; where there is none, a loop over a list serves
    table: str = ""  # members by name; where there is none, names are joined: `heads_left`
    reserved: frozenset[str] = frozenset()  # what no member of a group can be called


class Label(NamedTuple):
    """What the source calls a member of a module, and whether a group can hold it."""

    text: str
    listed: bool
    nested: bool = False  # a model of its own: a list of one is no nuisance


def member_names(
    labels: Sequence[Label], reserved: Collection[str], words: Words, *, itself: bool = False
) -> list[str]:
    """A name for each member: an attribute, or `layer1.0` for the first entry of the group `layer1`.

    Where groups cannot have names for their members, these make a list where they are numbered from 0
    without a gap. `itself`: the module is a group, and `0` is the name of its first member.
    """
    homes, groups = _Homes(reserved), _Groups(labels, words)
    names = []
    for label in labels:
        ahead = label.text.split(".")
        inside: list[str] = []
        if itself and ahead[0].isdigit() and groups.can_hold(label):
            ahead, inside = [], ahead
        while len(ahead) > 1 and groups.can_hold(label) and ".".join(ahead[:-1]) in groups.kept:
            inside.insert(0, ahead.pop())
        first = [homes.of(".".join(ahead))] if ahead and inside else []
        names.append(".".join((*first, *inside)) if inside else homes.new(label.text))
    return names


class _Groups:
    """The groups that labels speak of; `kept` are those that become groups of modules."""

    def __init__(self, labels: Sequence[Label], words: Words) -> None:
        self.words, self.counts = words, Counter(label.text for label in labels)
        self.owners = {text[:place] for text in self.counts for place, c in enumerate(text) if c == "."}
        self.nested: set[str] = set()
        self.members: dict[str, dict[str, None]] = {}
        for label in filter(self.can_hold, labels):
            steps = label.text.split(".")
            for depth in range(1, len(steps)):
                self.members.setdefault(".".join(steps[:depth]), {})[steps[depth]] = None
            if label.nested:
                self.nested.add(".".join(steps[:-1]))
        self.kept = {group for group in self.members if self._keeps(group)}

    def can_hold(self, label: Label) -> bool:
        """Whether a member can be in a group: it is a module, and nothing else has its name."""
        alone = self.counts[label.text] == 1 and label.text not in self.owners
        first, *steps = label.text.split(".")
        return label.listed and alone and first not in self.counts.keys() - {label.text} and all(
            is_entry(step, self.words.reserved) for step in steps
        )

    def _keeps(self, group: str) -> bool:
        if self.words.table:
            return True
        members = self.members[group]
        inner = [f"{group}.{entry}" for entry in members if f"{group}.{entry}" in self.members]
        listed = set(members) == set(map(str, range(len(members))))
        worth = len(members) > 1 or bool(inner) or group in self.nested
        return listed and worth and all(map(self._keeps, inner))


class _Homes:
    """Names of attributes, each handed out once; a group has one."""

    def __init__(self, reserved: Collection[str]) -> None:
        self.taken = set(reserved)
        self.homes: dict[str, str] = {}

    def new(self, text: str) -> str:
        name = identifier(text, self.taken)
        self.taken.add(name)
        return name

    def of(self, stem: str) -> str:
        if stem not in self.homes:
            self.homes[stem] = self.new(stem)
        return self.homes[stem]


def is_entry(step: str, reserved: Collection[str]) -> bool:
    """Whether a member of a group can have this name."""
    if step.isdigit():
        return str(int(step)) == step
    return step not in reserved and identifier(step) == step


def kinds(names: Sequence[str], runs: Collection[str]) -> dict[str, Kind]:
    """The groups that names speak of, outer ones first; those in `runs` are called as a whole."""
    members: dict[str, dict[str, None]] = {}
    for name in names:
        steps = name.split(".")
        for depth in range(0 if steps[0].isdigit() else 1, len(steps)):
            members.setdefault(".".join(steps[:depth]), {})[steps[depth]] = None
    found: dict[str, Kind] = {}
    for group in sorted(members, key=lambda group: group.count(".")):
        listed = set(members[group]) == set(map(str, range(len(members[group]))))
        found[group] = "run" if group in runs else "list" if listed else "table"
    return found


def member(owner: Expression, path: str, groups: Kinds | None = None) -> Expression:
    """`self.conv1.bias`, `self.layer1[0].conv1` for `layer1.0.conv1`."""
    walked = ""
    for step in path.split("."):
        named = groups is not None and groups.get(walked) == "table"
        owner = index(owner, step if named else int(step)) if step.isdigit() else attr(owner, step)
        walked = f"{walked}.{step}" if walked else step
    return owner


def gathered(
    attributes: Sequence[tuple[str, Expression]], words: Words, groups: Kinds | None = None
) -> Iterator[tuple[str, Expression]]:
    """The attributes, the members of a group together: `nn.ModuleList([Block(8), Block(16)])`."""
    known = groups if groups is not None else kinds([name for name, _ in attributes], ())
    tops: dict[str, list[tuple[str, Expression]]] = {}
    for name, made in attributes:
        top, _, rest = name.partition(".")
        tops.setdefault(top, []).append((rest, made))
    for top, inside in tops.items():
        yield top, _gathered(top, inside, words, known)


def _gathered(
    group: str, inside: Sequence[tuple[str, Expression]], words: Words, groups: Kinds
) -> Expression:
    if inside[0][0] == "":
        return inside[0][1]
    parts: dict[str, list[tuple[str, Expression]]] = {}
    for name, made in inside:
        first, _, rest = name.partition(".")
        parts.setdefault(first, []).append((rest, made))
    table = {part: _gathered(f"{group}.{part}", rows, words, groups) for part, rows in parts.items()}
    if groups[group] == "table":
        return call(words.table, _table(table))
    if groups[group] == "run" and words.run:
        return call(words.run, *run_arguments(table))
    return call(words.listed, _entries(_in_order(table)))


def run_arguments(made: Mapping[str, Expression]) -> list[Expression]:
    """What a run is made with: its entries, or, where they have names, a table of them."""
    if not all(name.isdigit() for name in made):
        return [Call(Name("OrderedDict"), (), tuple(made.items()))]
    entries = _in_order(made)
    alike = len(entries) > 1 and all(one == entries[0] for one in entries)
    return [Star(_entries(entries))] if alike else entries


def _in_order(made: Mapping[str, Expression]) -> list[Expression]:
    return [made[str(place)] for place in range(len(made))]


def _table(made: Mapping[str, Expression]) -> Expression:
    if any(name.isdigit() for name in made):
        return Dict(tuple((express(name), value) for name, value in made.items()))
    return Call(Name("dict"), (), tuple(made.items()))


def _entries(made: Sequence[Expression]) -> Expression:
    if len(made) > 1 and all(one == made[0] for one in made):
        return Each(made[0], Name("_"), call("range", Literal(len(made))))
    return List(tuple(made))
