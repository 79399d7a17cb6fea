"""Arrays that a model uses as they are while a layer holds them, too: one parameter, as in the source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from porter.dataclass import dataclass
from porter.graph.model import Node
from porter.weights.tensor import identity
from porter.writing.forms import Form, Layer

Home = tuple[str, ...]


@dataclass(frozen=True)
class Tie:
    """Where an array lies already: the layer, and its name for it."""

    layer: Node
    name: str


def find_ties(forms: Mapping[Node, Form]) -> dict[Node, Tie]:
    """The nodes that give an array that is trained and that a layer holds as well."""
    held: dict[object, Tie] = {}
    bare: dict[Node, object] = {}
    for node, form in forms.items():
        for name, weight in form.weights.items() if isinstance(form, Layer) else ():
            if weight.trainable and not name:
                bare[node] = identity(weight.tensor)
            elif weight.trainable:
                held.setdefault(identity(weight.tensor), Tie(node, name))
    return {node: held[key] for node, key in bare.items() if key in held}


def home(node: Node) -> Home:
    """The nested model that a node belongs to."""
    return tuple(scope.name for scope in node.origin.scopes)


def opened(ties: Mapping[Node, Tie]) -> Iterator[Home]:
    """Nested models that use an array of a layer outside them: only what holds both can reach it."""
    for node, tie in ties.items():
        own, other = home(node), home(tie.layer)
        common = next((k for k, pair in enumerate(zip(own, other, strict=False)) if pair[0] != pair[1]), None)
        shared = min(len(own), len(other)) if common is None else common
        yield from (own[:depth] for depth in range(shared + 1, len(own) + 1))
