"""What the rules share: making a layer, and the functions of `keras.ops`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.keras.writing.layers import DEFAULTS
from converters.keras.writing.nodes import KerasNode
from porter.errors import UnsupportedModel
from porter.graph.model import Node
from porter.source.code import Call, Expression, call
from porter.writing.forms import Weight

STATISTICS = frozenset({"mean", "variance"})
"""Parameters of ops that no framework trains."""


def layer(kind: str, node: Node, *args: object, **settings: Any) -> Call:
    """A stock layer with the node's name; what Keras assumes anyway is left out."""
    return beside(kind, node, "", *args, **settings)


def beside(kind: str, node: Node, suffix: str, *args: object, **settings: Any) -> Call:
    """A second layer for one node, with its name and something after it."""
    told = {name: settings[name] for name in DEFAULTS[kind] if name in settings}
    said = {name: value for name, value in told.items() if value != DEFAULTS[kind][name]}
    rest = {name: value for name, value in settings.items() if name not in DEFAULTS[kind]}
    return call(f"layers.{kind}", *args, **rest, **said, **about(node, suffix))


def own_layer(kind: str, node: Node, *args: object, **settings: Any) -> Call:
    """A layer that generated code defines."""
    return call(kind, *args, **settings, **about(node))


def about(node: Node, suffix: str = "") -> dict[str, Any]:
    """What every layer is told: whether it is trained, its type, its name."""
    told: dict[str, Any] = {}
    if node.params and not _trained(node):
        told["trainable"] = False
    policy = policy_of(node)
    if policy != "float32":
        told["dtype"] = policy
    return {**told, "name": node.origin.layer + suffix}


def _trained(node: Node) -> bool:
    held = {name: param.trainable for name, param in node.params.items() if name not in STATISTICS}
    flags = set(held.values())
    if len(flags) > 1:
        names = ", ".join(name for name, trained in held.items() if not trained)
        raise UnsupportedModel(
            f"{node.origin}: only some of its weights are trained ({names} not), and Keras freezes layers as "
            "a whole; train or freeze all of them"
        )
    return not flags or flags == {True}


def policy_of(node: Node) -> str:
    """In which types the layer computes and keeps its weights, as Keras names it."""
    held = [p.tensor.dtype for p in node.params.values() if "float" in p.tensor.dtype]
    kinds = [value.dtype for value in (*node.outputs, *node.inputs) if "float" in value.dtype]
    computed = kinds[0] if kinds else "float32"
    own = held[0] if held else computed
    if own == computed:
        return computed
    if own == "float32" and computed in ("float16", "bfloat16"):
        return f"mixed_{computed}"
    raise UnsupportedModel(f"{node.origin}: Keras has no policy for {own} weights and {computed} results")


def stored(weights: Sequence[Weight | None], place: str = "") -> dict[str, Weight]:
    """Weights under the keys of a layer's group, in Keras's order; absent ones have no number."""
    given = [one for one in weights if one is not None]
    lead = f"{place}." if place else ""
    return {f"{lead}vars.{number}": one for number, one in enumerate(given)}


def op(name: str, *args: object, **settings: object) -> Call:
    """A function of `keras.ops`."""
    return call(f"ops.{name}", *args, **settings)


def is_alone(node: Node) -> bool:
    """Whether the source's layer is this node and nothing else."""
    return isinstance(node, KerasNode) and node.alone


def is_reversible(node: Node) -> bool:
    """Whether a table of vectors is used backwards as well."""
    return isinstance(node, KerasNode) and node.reversible


def used(node: Node) -> tuple[bool, ...]:
    """Which of the node's outputs are used."""
    return node.used if isinstance(node, KerasNode) and node.used else tuple(True for _ in node.outputs)


MOST_AXES = 5
"""What TensorFlow's softmax takes on CPUs with oneDNN."""


def softmax(x: Expression, rank: int, **along: int) -> Call:
    """The softmax of a tensor with so many axes."""
    if rank <= MOST_AXES:
        return op("softmax", x, **along)
    return op("exp", op("log_softmax", x, **along))
