"""Parameters of a node as entries of a target's weight file."""

from __future__ import annotations

from porter.graph.model import Node
from porter.weights.tensor import Tensor, moved
from porter.writing.forms import Weight


def weight(node: Node, name: str, move: str = "", **sizes: int) -> Weight:
    """The parameter `name` of a node, brought from the op's axes to the target's."""
    param = node.params[name]
    tensor: Tensor = moved(param.tensor, move, **sizes) if move else param.tensor
    return Weight(tensor, param.trainable, param.name)


def buffer(node: Node, name: str, move: str = "", **sizes: int) -> Weight:
    """A parameter of the op that is no parameter to the target: a statistic."""
    held = weight(node, name, move, **sizes)
    return Weight(held.tensor, False, held.name, buffer=True)


def weights(node: Node, **names: str) -> dict[str, Weight]:
    """Several parameters at once, `kernel="weight"`; absent ones are left out."""
    return {key: weight(node, name) for key, name in names.items() if name in node.params}
