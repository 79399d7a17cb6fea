"""The layers by which tf.keras 2 records calls of TensorFlow's functions in a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from converters.keras.layer import LayerCall
from converters.keras.layers.ops_indexing import indexed
from converters.keras.operation import OpCall
from converters.keras.rules import rules
from converters.keras.sizes import known_sizes, record
from porter.graph.dims import Dim
from porter.graph.model import Value
from porter.rules import Rule, Unsupported

VERSIONS = ("compat.v1.", "compat.v2.")
MODULES = ("", "math.", "nn.", "linalg.", "compat.v1.", "__operators__.")
"""A function may be recorded under any of its names."""


@rules.reads("TFOpLambda")
def read_tf_op_lambda(layer: LayerCall) -> Any:
    name = str(layer.config.get("function", ""))
    return rule_of(layer, name)(layer, layer.args, layer.kwargs)


def rule_of(layer: LayerCall, name: str) -> Rule:
    """The reading rule of a function of TensorFlow."""
    for rule in map(rules.reading.get, _names(name)):
        if isinstance(rule, Unsupported):
            raise layer.refuse(f"tf.{name}: {rule.because}", rule.hint)
        if rule is not None:
            return rule
    raise layer.refuse(f"the function tf.{name} is not known", "map the layer to ops with --custom FILE.py")


def _names(name: str) -> Iterable[tuple[str, str]]:
    plain = name
    for version in VERSIONS:
        plain = plain.removeprefix(version)
    last = plain.split(".")[-1]
    listed = [name, plain, *(module + plain for module in MODULES)]
    if plain.split(".")[0] in ("math", "nn", "linalg", "keras"):
        listed += [module + last for module in MODULES]
    return (("tf", each) for each in listed)


@rules.reads("SlicingOpLambda")
def read_slicing_op_lambda(layer: LayerCall) -> Any:
    """`x[...]`, and the reading of sizes from a shape."""
    name = str(layer.config.get("function", ""))
    if name.split(".")[-1] not in ("getitem", "boolean_mask", "_slice_helper"):
        return read_tf_op_lambda(layer)
    if name.endswith("boolean_mask"):
        raise layer.refuse(
            "how many cells a mask keeps depends on the numbers, so that the size is not known"
        )
    op = OpCall(**vars(layer))
    tensor, *rest = layer.args or (layer.kwargs.get("tensor"),)
    key = rest[0] if rest else layer.kwargs.get("slice_spec")
    return sliced(op, op.operand(tensor), key)


def sliced(op: OpCall, value: Value, key: Any) -> Value:
    """An index whose numbers may be sizes of the model's own tensors."""
    sizes = known_sizes(op, value)
    if sizes is not None:
        return _picked_sizes(op, value, sizes, key)
    parts = [_slice(part) for part in (key if isinstance(key, (list, tuple)) else [key])]
    axes = _axes(parts, value.rank)
    return indexed(op, value, [_plain(op, value, part, axis) for part, axis in zip(parts, axes, strict=True)])


def _axes(parts: Sequence[Any], rank: int) -> list[int]:
    """For each part of an index the axis that it is about (any, where it is about none)."""
    count = sum(part is not None and part is not ... for part in parts)
    axes, axis = [], 0
    for part in parts:
        axes.append(min(axis, rank - 1))
        axis += rank - count if part is ... else part is not None
    return axes


def _slice(part: Any) -> Any:
    """A slice whose ends are computed is still spelled as the file has it."""
    return slice(part["start"], part["stop"], part["step"]) if isinstance(part, dict) else part


def _plain(op: OpCall, value: Value, part: Any, axis: int) -> Any:
    """A slice that ends at the axis's own size is open."""
    if not isinstance(part, slice):
        return _number(op, part)
    stop = _number(op, part.stop)
    if not isinstance(stop, (int, type(None))) and stop == value.shape[axis]:
        stop = None
    return slice(_number(op, part.start), stop, _number(op, part.step))


def _number(op: OpCall, item: Any) -> Any:
    if not isinstance(item, Value):
        return item
    sizes = known_sizes(op, item)
    return item if sizes is None or item.rank else sizes[0]


def _picked_sizes(op: OpCall, value: Value, sizes: Sequence[Dim], key: Any) -> Value:
    key = key[0] if isinstance(key, (list, tuple)) and len(key) == 1 else key
    if not isinstance(key, (int, slice)):
        raise op.refuse(f"a shape is indexed by {key!r:.80}, which is not carried")
    result = indexed(op, value, [key])
    return record(op, result, sizes[key] if isinstance(key, slice) else [sizes[key]])
