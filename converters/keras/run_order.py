"""The order in which Keras 3 runs the calls of a Functional model.

It matters where one call changes what others see: a MultiHeadAttention takes the masks away from its inputs.
Calls run by depth, the farthest from the outputs first; those of one depth in the reverse of the order in
which a walk from the outputs back to the inputs leaves them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from converters.keras.spec import Call, ModelSpec, TensorRef

Key = tuple[str, int]
Parents = Mapping[Key, list[Key]]


def run_order(model: ModelSpec) -> list[Key]:
    """Every call on which an output depends, as layer and number of the call."""
    calls = {(layer.name, k): call for layer in model.layers for k, call in enumerate(layer.calls)}
    ends = {(ref.layer, ref.call) for ref in model.inputs}
    parents = {key: [] if key in ends else list(_feeding(call)) for key, call in calls.items()}
    depths: dict[Key, int] = {}
    of_layer: dict[str, int] = {}
    for key in reversed(_left(parents, [(ref.layer, ref.call) for ref in _refs(model.outputs)])):
        depth = max(depths.setdefault(key, 0), of_layer.get(key[0], 0))
        of_layer[key[0]] = depths[key] = depth
        for parent in parents.get(key, ()):
            depths[parent] = max(depth + 1, depths.get(parent, 0))
    return sorted(depths, key=lambda key: -depths[key])


def _left(parents: Parents, outputs: list[Key]) -> list[Key]:
    """The calls in the order in which a walk back from the outputs, depth first, leaves them."""
    order: dict[Key, None] = {}
    begun: set[Key] = set()
    for output in outputs:
        stack = [(output, iter(parents.get(output, ())))]
        while stack:
            key, rest = stack[-1]
            begun.add(key)
            following = next((parent for parent in rest if parent not in begun), None)
            if following is not None:
                stack.append((following, iter(parents.get(following, ()))))
            else:
                order.setdefault(stack.pop()[0])
    return list(order)


def _feeding(call: Call) -> Iterator[Key]:
    named = dict(call.kwargs)
    for ref in _refs((call.args, *(named[name] for name in sorted(named)))):
        yield ref.layer, ref.call


def _refs(nest: Any) -> Iterator[TensorRef]:
    if isinstance(nest, TensorRef):
        yield nest
    elif isinstance(nest, Mapping):
        for name in sorted(nest, key=str):
            yield from _refs(nest[name])
    elif isinstance(nest, (list, tuple)):
        for item in nest:
            yield from _refs(item)
