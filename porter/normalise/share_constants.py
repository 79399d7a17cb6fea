"""Numbers that a module holds twice, held once: the sines that queries and keys are both turned by."""

from __future__ import annotations

from dataclasses import replace

from porter.graph.model import Graph, Node, Value
from porter.graph.ops.sources import Constant
from porter.weights.tensor import Constant as Numbers


def share_constants(graph: Graph) -> Graph:
    """The graph with equal constants of one nested model as one."""
    kept: dict[object, Value] = {}
    renamed: dict[Value, Value] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        key = _key(node)
        if key is None:
            nodes.append(replace(node, inputs=tuple(renamed.get(value, value) for value in node.inputs)))
        elif key in kept:
            renamed[node.outputs[0]] = kept[key]
        else:
            kept[key] = node.outputs[0]
            nodes.append(node)
    outputs = tuple(renamed.get(value, value) for value in graph.outputs)
    return replace(graph, nodes=tuple(nodes), outputs=outputs) if renamed else graph


def _key(node: Node) -> object:
    """What equal constants have in common; None where a node is another thing."""
    if not isinstance(node.op, Constant):
        return None
    held = node.params["value"]
    if held.trainable or not isinstance(held.tensor, Numbers):
        return None
    return node.origin.scopes, node.op, held.tensor.array.tobytes()
