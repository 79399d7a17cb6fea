"""Single operations of TensorFlow's graph, as tf.keras of TensorFlow 2.0 to 2.3 recorded them in a model.

Each is told by the definition of its node, with the constants among its inputs beside it. It is read as the
function of TensorFlow that makes such a node.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from converters.keras.layer import LayerCall
from converters.keras.layers.tf_graph_ops import DTYPES, RAW, Raw
from converters.keras.layers.tf_ops import rule_of, sliced
from converters.keras.operation import OpCall
from converters.keras.rules import rules
from converters.keras.sizes import wanted_sizes


@rules.reads("TensorFlowOpLayer")
def read_tensorflow_op_layer(layer: LayerCall) -> Any:
    node = layer.config.get("node_def")
    if not isinstance(node, Mapping):
        raise layer.refuse(
            "its node is saved as bytes, which is not carried", "save the model with TensorFlow 2.2"
        )
    inputs = _inputs(layer)
    name = str(node.get("op", ""))
    attributes = {key: _plain(value) for key, value in (node.get("attr") or {}).items()}
    if name in SPECIAL:
        return SPECIAL[name](layer, inputs, attributes)
    if name not in RAW:
        raise layer.refuse(
            f"the operation {name!r} of TensorFlow is not known", "map it with --custom FILE.py"
        )
    raw = RAW[name]
    kwargs = {ours: attributes[told] for told, ours in raw.attributes.items() if told in attributes}
    args, named = _bound(raw, inputs)
    return rule_of(layer, raw.function)(layer, args, {**raw.given, **named, **kwargs})


def _inputs(layer: LayerCall) -> list[Any]:
    """Tensors and constants in the order of the node."""
    first = layer.args[0] if layer.args else ()
    listed = list(first) if isinstance(first, (list, tuple)) else [first]
    constants = layer.config.get("constants") or {}
    for place in sorted(constants, key=int):
        listed.insert(int(place), constants[place])
    return listed


def _bound(raw: Raw, inputs: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
    if raw.inputs[0].startswith("*"):
        return [list(inputs)], {}
    if raw.inputs == ("",):
        return list(inputs[:1]), {}
    return [], dict(zip(raw.inputs, inputs, strict=False))


def _plain(value: Any) -> Any:
    """An attribute as JSON has it: `{"i": "1"}`, `{"type": "DT_FLOAT"}`, `{"list": {"i": [...]}}`, ..."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return value if not isinstance(value, Mapping) or value else None
    ((kind, told),) = value.items()
    if kind == "list":
        inner = dict(told) if isinstance(told, Mapping) else {}
        return [_plain({key: item}) for key, items in inner.items() for item in items]
    return KINDS[kind](told) if kind in KINDS else None


def _text(told: Any) -> str:
    try:
        return base64.b64decode(str(told), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return str(told)


KINDS: Mapping[str, Any] = {
    "b": bool,
    "f": float,
    "i": int,
    "s": _text,
    "type": lambda told: DTYPES.get(str(told), str(told)),
}


def _concat(layer: LayerCall, inputs: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
    *values, axis = inputs
    return rule_of(layer, "concat")(layer, [values], {"axis": axis})


def _einsum(layer: LayerCall, inputs: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
    return rule_of(layer, "einsum")(layer, [attributes.get("equation"), *inputs], {})


MASKS = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")


def _strided_slice(layer: LayerCall, inputs: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
    value, *ends = inputs
    op = OpCall(**vars(layer))
    begin, end, strides = (wanted_sizes(op, row) for row in ends)
    masks = {name: int(attributes.get(f"{name}_mask") or 0) for name in MASKS}
    key = [_part(place, row, masks) for place, row in enumerate(zip(begin, end, strides, strict=True))]
    return sliced(op, op.operand(value), key)


def _part(place: int, row: tuple[Any, Any, Any], masks: Mapping[str, int]) -> Any:
    def told(name: str) -> bool:
        return bool(masks[name] >> place & 1)

    start, stop, step = row
    if told("ellipsis"):
        return ...
    if told("new_axis"):
        return None
    if told("shrink_axis"):
        return start
    return slice(None if told("begin") else start, None if told("end") else stop, step)


def _resized(method: str) -> Any:
    def read(layer: LayerCall, inputs: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
        told = {name: bool(attributes.get(name)) for name in ("align_corners", "half_pixel_centers")}
        return rule_of(layer, f"compat.v1.image.resize_{method}")(layer, list(inputs), told)

    return read


SPECIAL: Mapping[str, Any] = {
    "ConcatV2": _concat,
    "Einsum": _einsum,
    "ResizeBilinear": _resized("bilinear"),
    "ResizeNearestNeighbor": _resized("nearest_neighbor"),
    "StridedSlice": _strided_slice,
}
