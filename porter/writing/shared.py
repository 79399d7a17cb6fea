"""Arrays that several layers of the written model hold: one parameter under several names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

from porter.dataclass import dataclass
from porter.graph.model import Graph
from porter.source.statements import Assign, Statement
from porter.writing.forms import Weight
from porter.writing.program import Place, Program


@dataclass(frozen=True)
class Shared:
    """One such array: the key under which it is stored, its other names, the lines that make it one."""

    kept: str
    others: tuple[str, ...]
    lines: tuple[Statement, ...]


def shared(program: Program, order: Callable[[str], Any] = str) -> Sequence[Shared]:
    """The arrays that are shared; stored under the name that comes first by `order`."""
    return [_one(places, order) for places in program.shared]


def _one(places: Sequence[Place], order: Callable[[str], Any]) -> Shared:
    first, *rest = places
    kept, *others = sorted((place.key for place in places), key=order)
    return Shared(kept, tuple(others), tuple(Assign((one.reached,), first.reached) for one in rest))


def stored_once(weights: Mapping[str, Weight], found: Sequence[Shared]) -> dict[str, Weight]:
    """The weights without those that are stored under another name."""
    gone = {name for one in found for name in one.others}
    return {key: weight for key, weight in weights.items() if key not in gone}


def also(found: Sequence[Shared]) -> dict[str, tuple[str, ...]]:
    """By the key under which it is stored, the other names of an array."""
    return {one.kept: one.others for one in found}


def lines(found: Sequence[Shared]) -> Iterator[Statement]:
    """What makes them one."""
    for one in found:
        yield from one.lines


def parted(graph: Graph, weights: Mapping[str, Weight]) -> Iterator[str]:
    """What to know of arrays that are one parameter in the source and several in the bundle."""
    places: dict[tuple[str, str], int] = {}
    for weight in weights.values():
        origins = weight.tensor.origins
        if weight.trainable and len(origins) == 1 and prod(weight.tensor.shape) == prod(origins[0].shape):
            array = origins[0].file, origins[0].key
            places[array] = places.get(array, 0) + 1
    users: dict[tuple[str, str], dict[str, None]] = {}
    for node, _, param in graph.params():
        for origin in param.tensor.origins:
            users.setdefault((origin.file, origin.key), {})[node.origin.label] = None
    for array, count in places.items():
        if count > 1:
            shares = ", ".join(users.get(array, ()))
            apart = "each has its own in the bundle, training moves them apart"
            yield f"{array[1]} is shared by {shares}: {apart}"
