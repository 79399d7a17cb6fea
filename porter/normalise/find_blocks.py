"""Repeated blocks of a flat model, found by the names that their layers share.

Keras builds deep networks from functions, and only the names remember it: `conv2_block1_1_conv`,
`conv2_block1_1_bn`, ..., `conv2_block2_1_conv`, ... . This step gives such layers a scope, so that
writers make one
class of them and use it many times. It only groups what was built at least twice alike; numbers don't change.

1. A block's name is the part of a layer's name before an underscore; its last word has a digit
(`block1`, `2a`, `3`).
2. Blocks are of one family if their names differ in digits only, and at least two of them are built alike.
3. A block has several weighted layers, and one value leaves it.
4. Of families that lie inside one another the smallest blocks win.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from porter.graph.model import Graph, Node, Origin, Scope, Value

FEWEST_WEIGHTED = 3
"""Blocks with fewer weighted layers read better in line."""

_NUMBER = re.compile(r"\d+[a-z]?(?![a-z])")

Scopes = tuple[Scope, ...]
Block = tuple[Scopes, str]  # the model that holds it, and its name there


class Chosen(NamedTuple):
    """How a block will be named, and its class."""

    name: str
    kind: str


def find_blocks(graph: Graph) -> Graph:
    """The graph with a scope around each repeated block."""
    members = _members(graph.nodes)
    users = graph.consumers()
    families: dict[tuple[tuple[str, ...], str], list[Block]] = defaultdict(list)
    for block, nodes in members.items():
        if _weighted(nodes) >= FEWEST_WEIGHTED and _leaving(nodes, users, graph) == 1:
            scopes, name = block
            families[tuple(scope.name for scope in scopes), _family(name)].append(block)
    chosen: dict[Block, Chosen] = {}
    for (_, family), blocks in families.items():
        built = Counter(_build(members[block], block[1]) for block in blocks)
        if max(built.values()) > 1:
            chosen.update((block, Chosen(_common(members[block], block), _kind(family))) for block in blocks)
    grouped = tuple(replace(node, origin=_grouped(node.origin, chosen)) for node in graph.nodes)
    return replace(graph, nodes=grouped)


def _common(nodes: Sequence[Node], block: Block) -> str:
    """The longest name that all layers of a block share: `up_2_block` where each is `up_2_block_...`."""
    scopes, name = block
    names = [_name_at(node.origin, len(scopes)).split("_") for node in nodes]
    count = len(name.split("_"))
    while all(len(words) > count + 1 and words[count] == names[0][count] for words in names):
        count += 1
    return "_".join(names[0][:count])


def _members(nodes: Sequence[Node]) -> dict[Block, list[Node]]:
    members: dict[Block, list[Node]] = defaultdict(list)
    for node in nodes:
        for block in _blocks_of(node.origin):
            members[block].append(node)
    return members


def _blocks_of(origin: Origin) -> Iterator[Block]:
    """Every block that a layer's name allows, in each model that holds it; larger ones first."""
    for depth in range(len(origin.scopes) + 1):
        words = _name_at(origin, depth).split("_")
        for count in range(1, len(words)):
            if re.search(r"\d", words[count - 1]) and any(words[count:]):
                yield origin.scopes[:depth], "_".join(words[:count])


def _name_at(origin: Origin, depth: int) -> str:
    return origin.scopes[depth].name if depth < len(origin.scopes) else origin.layer


def _family(name: str) -> str:
    return _NUMBER.sub("#", name)


def _kind(family: str) -> str:
    words = [word for word in re.split(r"[_#]+", family) if word]
    return words[-1] if words else "block"


def _weighted(nodes: Sequence[Node]) -> int:
    return sum(bool(node.params) for node in nodes)


def _leaving(nodes: Sequence[Node], users: Mapping[Value, Sequence[Node]], graph: Graph) -> int:
    inside = set(nodes)
    outputs = set(graph.outputs)
    made = [value for node in nodes for value in node.outputs]
    return sum(value in outputs or any(user not in inside for user in users.get(value, ())) for value in made)


def _build(nodes: Sequence[Node], name: str) -> tuple[tuple[str, str], ...]:
    """What two blocks built alike have in common."""
    return tuple((type(node.op).__name__, node.origin.label.removeprefix(name)) for node in nodes)


def _grouped(origin: Origin, chosen: Mapping[Block, Chosen]) -> Origin:
    found = [block for block in _blocks_of(origin) if block in chosen]
    if not found:
        return origin
    scopes, _ = found[-1]
    name, kind = chosen[found[-1]]
    depth = len(scopes)
    scope = Scope(name, kind)
    rest = _name_at(origin, depth)[len(name) + 1 :]
    inside = origin.scopes[depth:]
    if inside:
        inside = (replace(inside[0], name=rest), *inside[1:])
        return replace(origin, scopes=(*scopes, scope, *inside), source=origin.label)
    return replace(origin, layer=rest, scopes=(*scopes, scope), source=origin.label)
