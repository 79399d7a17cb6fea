"""Steps of a module that holds one array and no layer, in that module.

A module with a single weighted step (`x * self.gamma`) is read as a layer; where the array turns out to be no
layer's weight, the module is more than a holder of it:

    gamma (in ls1), ls1 = multiply(x, gamma)     becomes     gamma (in ls1), multiply(x, gamma) (in ls1)

Modules that are called several times stay as they are.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from porter.graph.model import Graph, Node, Origin, Scope
from porter.graph.ops.elementwise import Binary
from porter.graph.ops.sources import Constant


def fill_modules(graph: Graph) -> Graph:
    """The graph with such steps under their module's name."""
    users = graph.consumers()
    steps: dict[tuple[str, ...], list[Node]] = defaultdict(list)
    for node in graph.nodes:
        steps[node.origin.path].append(node)
    homes: dict[Node, tuple[Scope, ...]] = {}
    for held in graph.nodes:
        if not isinstance(held.op, Constant) or not held.origin.scopes:
            continue
        own = steps[tuple(scope.name for scope in held.origin.scopes)]
        taken = [node for node in users.get(held.outputs[0], ()) if node in own]
        if len(taken) == 1 and not any(node.params for node in own):
            homes.update((node, held.origin.scopes) for node in own)
    moved = {node: replace(node, origin=_inside(node, scopes)) for node, scopes in homes.items()}
    return replace(graph, nodes=tuple(moved.get(node, node) for node in graph.nodes))


def _inside(node: Node, scopes: tuple[Scope, ...]) -> Origin:
    kind = node.op.function if isinstance(node.op, Binary) else type(node.op).__name__.lower()
    return Origin(kind, kind, scopes, node.origin.source)
