"""The nodes of a flat graph, put back into the nested models that they came from."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from porter.dataclass import dataclass
from porter.graph.model import Graph, Node, Scope, Value

Scopes = tuple[Scope, ...]


@dataclass(frozen=True, eq=False)
class Group:
    """One call of a nested model (the whole graph is one too), with what goes in and what comes out."""

    scopes: tuple[Scope, ...]
    items: tuple[Node | Group, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]

    @property
    def home(self) -> tuple[str, ...]:
        """The names of the models from the whole down to this one."""
        return tuple(scope.name for scope in self.scopes)

    def nodes(self) -> tuple[Node, ...]:
        """All nodes inside, however deep."""
        return tuple(
            node for item in self.items for node in ([item] if isinstance(item, Node) else item.nodes())
        )


def group(graph: Graph, merged: frozenset[tuple[str, ...]] = frozenset()) -> Group:
    """The tree of calls. Models named in `merged` are not kept apart: their nodes stand in the caller."""
    return _group(graph.nodes, (), graph.inputs, graph.outputs, merged)


def _group(
    nodes: Sequence[Node],
    scopes: tuple[Scope, ...],
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    merged: frozenset[tuple[str, ...]],
) -> Group:
    depth = len(_kept(scopes, merged))
    parts: dict[Scopes | int, list[Node]] = {}
    for place, node in enumerate(nodes):
        deeper = _kept(node.origin.scopes, merged)
        key: Scopes | int = deeper[depth] if len(deeper) > depth else place
        parts.setdefault(key, []).append(node)
    needed = set(outputs)
    users: dict[Value, set[Scopes | int]] = {}
    for key, members in parts.items():
        for node in members:
            for value in node.inputs:
                users.setdefault(value, set()).add(key)
    items: dict[Scopes | int, Node | Group] = {}
    for key, members in parts.items():
        if isinstance(key, int):
            items[key] = members[0]
            continue
        made = [value for node in members for value in node.outputs]
        inside = set(made)
        used = dict.fromkeys(value for node in members for value in node.inputs if value not in inside)
        leaving = [value for value in made if value in needed or users.get(value, set()) - {key}]
        items[key] = _group(members, key, tuple(used), leaving, merged)
    order = _sorted(items)
    if order is None:  # calls that are woven into one another cannot be kept apart
        woven = {tuple(scope.name for scope in key) for key in items if not isinstance(key, int)}
        return _group(nodes, scopes, inputs, outputs, merged | woven)
    return Group(scopes, tuple(order), tuple(inputs), tuple(outputs))


def _kept(scopes: Scopes, merged: frozenset[tuple[str, ...]]) -> list[Scopes]:
    """The nested calls, outermost first, that are kept apart; each as the whole way to it."""
    ways = [scopes[: depth + 1] for depth in range(len(scopes))]
    return [way for way in ways if tuple(scope.name for scope in way) not in merged]


def _sorted(items: dict[Scopes | int, Node | Group]) -> list[Node | Group] | None:
    """Items in an order in which everything is made before it is used; None where there is none.

    A line of layers is followed to its end before the next is begun, so that few values live at once.
    """
    listed = list(items.values())
    maker = {value: place for place, item in enumerate(listed) for value in item.outputs}
    waits = [
        {maker[value] for value in item.inputs if value in maker} - {place}
        for place, item in enumerate(listed)
    ]
    users: dict[int, list[int]] = {}
    for place, needs in enumerate(waits):
        for need in needs:
            users.setdefault(need, []).append(place)
    ready = [place for place, needs in enumerate(waits) if not needs]
    heapify(ready)
    done: list[Node | Group] = []
    follows: int | None = None
    while ready or follows is not None:
        place = heappop(ready) if follows is None else follows
        follows = None
        done.append(listed[place])
        for user in users.get(place, []):
            waits[user].discard(place)
            if waits[user]:
                continue
            if follows is None:
                follows = user
            else:
                heappush(ready, user)
    return done if len(done) == len(listed) else None
