"""Layers that the source runs one after another, `features.0`, `features.1`, ...: found again in the graph.

What such a run does between its layers (an activation, a pooling) can then be an entry of it as well, so that
the run is whole, its layers keep their places, and calling it is one line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from porter.dataclass import dataclass
from porter.graph.model import Graph, Node, Scope, Value
from porter.writing.containers import Words, is_entry

Scopes = tuple[Scope, ...]
Home = tuple[str, ...]

MOST_GAPS = 2
"""A run may have this many empty places for each entry; with more, its numbers mean something else."""


@dataclass(frozen=True)
class Chains:
    """The runs: what they are called in the nested model that holds them, and their entries by name.

    A run called "" is the nested model itself.
    """

    runs: Mapping[tuple[Home, str], tuple[str, ...]]
    steps: frozenset[Node]  # single nodes that are entries

    def of(self, home: Home) -> dict[str, tuple[str, ...]]:
        """The runs of one nested model."""
        return {stem: entries for (own, stem), entries in self.runs.items() if own == home}


def find_chains(graph: Graph, fits: Callable[[Node], bool], words: Words) -> Chains:
    """The runs of a graph; `fits` says of a single node whether it can be an entry.

    Where the framework has a module for runs, they may have names in place of numbers, lie in one another,
    and be nested models themselves.
    """
    finder = _Finder(graph, fits, words)
    calls: dict[tuple[Home, str], list[tuple[Scopes, str]]] = {}
    for scopes, stem in finder.table:
        calls.setdefault((tuple(scope.name for scope in scopes), stem), []).append((scopes, stem))
    runs = {place: finder.chain(own[0]) for place, own in calls.items() if all(map(finder.chain, own))}
    steps = frozenset(
        node
        for place in runs
        for key in calls[place]
        for entry, nodes in finder.table[key].items()
        for node in nodes
        if finder.is_leaf(key, entry, node)
    )
    return Chains({place: entries for place, entries in runs.items() if entries}, steps)


class _Finder:
    def __init__(self, graph: Graph, fits: Callable[[Node], bool], words: Words) -> None:
        self.fits, self.deep, self.reserved = fits, bool(words.run), words.reserved
        self.users, self.outputs = graph.consumers(), set(graph.outputs)
        self.table: dict[tuple[Scopes, str], dict[str, list[Node]]] = {}
        self.place = {node: place for place, node in enumerate(graph.nodes)}
        self.inside: Counter[Scopes] = Counter()
        self.known: dict[tuple[Scopes, str], tuple[str, ...]] = {}
        for node in graph.nodes:
            for depth in range(len(node.origin.scopes) + 1):
                self._note(node, depth)

    def _note(self, node: Node, depth: int) -> None:
        scopes = node.origin.scopes[:depth]
        self.inside[scopes] += 1
        first, *rest = _label(node, depth).split(".")
        stems = [".".join((first, *rest[:count])) for count in range(len(rest))]
        rows = list(zip(stems, rest, strict=True))
        if self.deep and first.isdigit():
            rows.append(("", first))
        for stem, entry in rows:
            self.table.setdefault((scopes, stem), {}).setdefault(entry, []).append(node)

    def is_leaf(self, key: tuple[Scopes, str], entry: str, node: Node) -> bool:
        """Whether a node of an entry is all that the entry does."""
        scopes, stem = key
        return node.origin.scopes == scopes and node.origin.layer == _joined(stem, entry)

    def chain(self, key: tuple[Scopes, str]) -> tuple[str, ...]:
        """The entries in order where they make a run; else none."""
        if key not in self.known:
            self.known[key] = self._chain(key)
        return self.known[key]

    def _chain(self, key: tuple[Scopes, str]) -> tuple[str, ...]:
        scopes, stem = key
        entries = self.table[key]
        order = sorted(entries, key=lambda entry: max(self.place[node] for node in entries[entry]))
        if not self._numbers_fit(order) or not all(self._is_whole(key, entry) for entry in order):
            return ()
        if not stem and sum(map(len, entries.values())) < self.inside[scopes]:
            return ()
        if not any(node.params for nodes in entries.values() for node in nodes):
            return ()
        before: Value | None = None
        for entry in order:
            given, made = self._ends(entries[entry])
            if len(given) != 1 or len(made) != 1 or (before is not None and given != [before]):
                return ()
            if before is not None and not self._all_use(before, entries[entry]):
                return ()
            (before,) = made
        return tuple(order)

    def _numbers_fit(self, order: Sequence[str]) -> bool:
        numbers = [int(entry) for entry in order if entry.isdigit() and str(int(entry)) == entry]
        if not numbers:
            return self.deep and all(is_entry(name, self.reserved) for name in order)
        gaps = numbers[-1] + 1 - len(numbers)
        return len(numbers) == len(order) and numbers == sorted(numbers) and gaps <= MOST_GAPS * len(numbers)

    def _is_whole(self, key: tuple[Scopes, str], entry: str) -> bool:
        """Whether an entry is one layer, one call of a nested model, or a run itself."""
        scopes, stem = key
        nodes, depth, label = self.table[key][entry], len(scopes), _joined(stem, entry)
        calls = {node.origin.scopes[: depth + 1] for node in nodes}
        if len(calls) == 1 and calls != {scopes} and _label(nodes[0], depth) == label:
            return True
        if len(nodes) == 1 and self.is_leaf(key, entry, nodes[0]):
            return self.fits(nodes[0])
        return self.deep and (scopes, label) in self.table and bool(self.chain((scopes, label)))

    def _ends(self, nodes: Sequence[Node]) -> tuple[list[Value], list[Value]]:
        made = dict.fromkeys(value for node in nodes for value in node.outputs)
        given = dict.fromkeys(value for node in nodes for value in node.inputs if value not in made)
        leaving = [value for value in made if value in self.outputs or not self._all_use(value, nodes)]
        return list(given), leaving

    def _all_use(self, value: Value, nodes: Sequence[Node]) -> bool:
        """Whether only these use a value."""
        return value not in self.outputs and set(self.users.get(value, ())) <= set(nodes)


def _label(node: Node, depth: int) -> str:
    scopes = node.origin.scopes
    return scopes[depth].name if depth < len(scopes) else node.origin.layer


def _joined(stem: str, entry: str) -> str:
    return f"{stem}.{entry}" if stem else entry
