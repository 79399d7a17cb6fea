"""The objects of a finished model, while it is planned: what each holds, and what its members are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from porter.dataclass import dataclass
from porter.source.code import Expression, Name
from porter.writing.body import Body
from porter.writing.containers import Kinds, Label, Words, kinds, member, member_names
from porter.writing.grouping import Group
from porter.writing.lists import Run
from porter.writing.settings import Usual


@dataclass(frozen=True)
class Dialect:
    """What the framework decides about classes."""

    reserved: frozenset[str]  # attribute names that its module class uses itself
    argument_names: Mapping[str, tuple[str, ...]]  # names of positional constructor arguments
    usual: Usual = field(default_factory=dict)  # what constructors assume
    imported: frozenset[str] = frozenset()  # names of the module that nothing else may take
    words: Words = Words()  # what groups of modules are called


@dataclass(eq=False)
class Member:
    """One attribute of an object: the source's word for it, how it is made, what of it is not trained."""

    label: Label
    made: Expression | Instance
    frozen: tuple[str, ...] = ()  # names of parameters; "" for the whole


@dataclass(eq=False)
class Instance:
    """One object of the finished model: the whole, or a nested model however often it is called."""

    path: tuple[str, ...]
    kind: str
    calls: list[Group] = field(default_factory=list)
    members: dict[object, Member] = field(default_factory=dict)
    names: dict[object, str] = field(default_factory=dict)
    groups: Kinds = field(default_factory=dict)
    orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # members of groups, in order
    straight: frozenset[str] = frozenset()  # groups whose members are called one after another
    body: Body | None = None
    attribute: str = ""

    def settle(self, dialect: Dialect, chains: Mapping[str, tuple[str, ...]]) -> None:
        """Give the members their names; `chains` are those that are called in order."""
        words = dialect.words
        self._fill(chains, words)
        labels = [one.label for one in self.members.values()]
        names = member_names(labels, dialect.reserved, words, itself="" in chains)
        runs = _runs(labels, names, chains)
        if "" in chains and "" not in runs:
            names = member_names(labels, dialect.reserved, words)
        self.names = dict(zip(self.members, names, strict=True))
        self.straight = frozenset(runs)
        self.groups = kinds(names, runs if words.run else ())
        self.orders = {group: runs.get(group, _numbers(group, names)) for group in self.groups}
        for key, one in self.members.items():
            if isinstance(one.made, Instance):
                one.made.attribute = self.names[key]

    def _fill(self, chains: Mapping[str, tuple[str, ...]], words: Words) -> None:
        """An entry that does nothing for each place that a run leaves empty."""
        for stem, entries in chains.items():
            places = {int(entry) for entry in entries if entry.isdigit()}
            for place in range(max(places, default=0)):
                label = Label(f"{stem}.{place}" if stem else str(place), listed=True)
                if place not in places:
                    self.members[label] = Member(label, words.nothing)

    @property
    def frozen(self) -> tuple[str, ...]:
        """What is not trained, `conv1` or `norm.bias`."""
        return tuple(
            f"{self.names[key]}.{name}".rstrip(".")
            for key, one in self.members.items()
            for name in one.frozen
        )

    def member(self, owner: Expression, key: object) -> Expression:
        """How a member of this object is reached, which is `owner`."""
        return member(owner, self.names[key], self.groups)

    def runs(self, owner: Expression) -> Iterator[Run]:
        """The groups whose members may be called in order."""
        for name, kind in self.groups.items():
            if kind == "table" or (not name and owner == Name("self")):
                continue
            whole = member(owner, name, self.groups) if name else owner
            paths = [f"{name}.{entry}" if name else entry for entry in self.orders[name]]
            members = tuple(member(owner, path, self.groups) for path in paths)
            yield Run(whole, members, kind == "run", name in self.straight)


def _runs(
    labels: Sequence[Label], names: Sequence[str], chains: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """The runs by the names of their groups, as far as all members are in the group."""
    found = {}
    for stem, entries in chains.items():
        ahead = f"{stem}." if stem else ""
        inside = {
            name.removesuffix(label.text[len(stem) :]) if name.endswith(label.text[len(stem) :]) else None
            for label, name in zip(labels, names, strict=True)
            if label.text.startswith(ahead)
        }
        group = inside.pop() if len(inside) == 1 else None
        if group is not None:
            found[group] = entries
    return found


def _numbers(group: str, names: Sequence[str]) -> tuple[str, ...]:
    """The members of a list, in order."""
    ahead = f"{group}." if group else ""
    found = {name.removeprefix(ahead).partition(".")[0] for name in names if name.startswith(ahead)}
    return tuple(sorted(found, key=lambda entry: (len(entry), entry)))
