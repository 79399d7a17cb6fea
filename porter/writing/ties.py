"""Weights that a model uses in several places: one parameter, as in the source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile

from porter.dataclass import dataclass
from porter.graph.model import Node
from porter.weights.tensor import identity
from porter.writing.forms import Form, Layer

Home = tuple[str, ...]


@dataclass(frozen=True)
class Tie:
    """Where an array lies already: the layer, and its name for it; none where the layer itself is meant."""

    layer: Node
    name: str = ""


def find_ties(forms: Mapping[Node, Form]) -> dict[Node, Tie]:
    """The nodes that give an array that is trained and that a layer holds as well, and those that are said
    by the layer of another."""
    held: dict[object, Tie] = {}
    bare: dict[Node, object] = {}
    owners: dict[object, Node] = {}
    lent: dict[Node, object] = {}
    for node, form in forms.items():
        if not isinstance(form, Layer):
            continue
        if form.lent:
            lent[node] = _whole(form)
            continue
        owners.setdefault(_whole(form), node)
        for name, weight in form.weights.items():
            if weight.trainable and not name:
                bare[node] = identity(weight.tensor)
            elif weight.trainable:
                held.setdefault(identity(weight.tensor), Tie(node, name))
    ties = {node: held[key] for node, key in bare.items() if key in held}
    return ties | {node: Tie(owners[key]) for node, key in lent.items() if key in owners}


def _whole(form: Layer) -> object:
    """What two layers have in common that are one."""
    held = tuple((name, identity(one.tensor), one.trainable) for name, one in form.weights.items())
    return repr(form.make), held


def home(node: Node) -> Home:
    """The nested model that a node belongs to."""
    return tuple(scope.name for scope in node.origin.scopes)


def opened(ties: Mapping[Node, Tie]) -> Iterator[Home]:
    """Nested models that use an array of a layer outside them: only what holds both can reach it."""
    for node, tie in ties.items():
        own, other = home(node), home(tie.layer)
        shared = common([own, other])
        yield from (own[:depth] for depth in range(shared + 1, len(own) + 1))


def common(homes: list[Home]) -> int:
    """How many models, from the whole down, hold all of these."""
    return sum(1 for _ in takewhile(lambda names: len(set(names)) == 1, zip(*homes, strict=False)))
