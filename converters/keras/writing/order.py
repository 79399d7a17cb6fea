"""In which order Keras lists the layers of a functional model: its weight files count classes by it.

Layers stand by their distance from the outputs, the furthest first; among those equally far, the one that is
met first when walking back from the outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from converters.keras.writing.config import Made, Model, Outputs, Tensor
from converters.keras.writing.operations import stem

Node = tuple[Made, int]


def ordered(model: Model) -> list[Made]:
    """Everything of the model in Keras's order."""
    finished, met = _walk(model)
    distance: dict[Node, int] = {}
    depths: dict[Made, int] = {}
    for node in reversed(finished):
        made = node[0]
        depth = max(distance.get(node, 0), depths.get(made, 0))
        depths[made] = distance[node] = depth
        for parent in _parents(node):
            distance[parent] = max(distance.get(parent, 0), depth + 1)
    for tensor in model.inputs:  # those that nothing needs
        if tensor.made not in depths:
            depths[tensor.made], met[tensor.made] = 0, -1
    return sorted(depths, key=lambda made: (-depths[made], met[made]))


def _walk(model: Model) -> tuple[list[Node], dict[Made, int]]:
    """All calls, each after those that it needs; and in which order layers are met on the way back."""
    finished: dict[Node, None] = {}
    met: dict[Made, int] = {}
    for output in model.outputs:
        stack: list[tuple[Node, Iterator[Node]]] = []
        _enter((output.made, output.call), stack, finished, met)
        while stack:
            node, parents = stack[-1]
            parent = next((one for one in parents if one not in finished), None)
            if parent is None:
                finished[node] = None
                stack.pop()
            else:
                _enter(parent, stack, finished, met)
    return list(finished), met


def _enter(
    node: Node, stack: list[tuple[Node, Iterator[Node]]], finished: dict[Node, None], met: dict[Made, int]
) -> None:
    if node not in finished:
        met.setdefault(node[0], len(met))
        stack.append((node, iter(_parents(node))))


def _parents(node: Node) -> list[Node]:
    """The calls whose outputs a call takes, in the order of its arguments; named ones by name."""
    made, call = node
    args, kwargs = made.calls[call]
    found: list[Node] = []
    for part in (args, *(kwargs[name] for name in sorted(kwargs))):
        found += _tensors(part)
    return found


def _tensors(value: Any) -> Iterator[Node]:
    if isinstance(value, Tensor | Outputs):
        yield value.made, value.call
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for part in value:
            yield from _tensors(part)


def groups(model: Model) -> dict[str, str]:
    """For each layer by name the group of a weight file that is its own: `conv2d_3`."""
    counts: dict[str, int] = {}
    found: dict[str, str] = {}
    for made in ordered(model):
        if made.is_layer:
            kind = stem(made.class_name)
            number = counts.get(kind, 0)
            counts[kind] = number + 1
            found[made.name] = f"{kind}_{number}" if number else kind
    return found
