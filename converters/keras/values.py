"""Plain values from Keras's JSON: tuples, slices, arrays and more that JSON itself cannot say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from converters.keras.spec import TensorRef
from porter.errors import SourceError
from porter.weights.tensor import number_type

JsonDict = dict[str, Any]
# A mark that Keras puts on some objects that occur twice in a file; it means nothing by itself.
SHARED = "shared_object_id"


def decoded(value: Any) -> Any:
    """`value` with every wrapper that stands for a plain Python value replaced by that value."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    rule = WRAPPERS.get(value.get("class_name")) if _hashable(value.get("class_name")) else None
    if rule is not None:
        return rule(value)
    if value.get("type") == "ndarray" and set(value) == {"type", "value"}:
        return np.asarray(value["value"])
    return {key: decoded(item) for key, item in value.items() if key != SHARED}


def _hashable(name: Any) -> bool:
    return isinstance(name, str)


def _config(value: JsonDict) -> JsonDict:
    config = value.get("config", value)
    return config if isinstance(config, dict) else {}


def _tuple(value: JsonDict) -> Any:
    return tuple(decoded(item) for item in value.get("items", ()))


def _slice(value: JsonDict) -> Any:
    config = _config(value)
    return slice(*(decoded(config.get(key)) for key in ("start", "stop", "step")))


def _array(value: JsonDict) -> Any:
    config = _config(value)
    dtype = config.get("dtype")
    try:
        known = None if dtype is None else number_type(dtype)
        return np.asarray(config.get("value"), dtype=known)
    except (TypeError, ValueError) as error:
        raise SourceError(f"a constant of type {dtype!r} in the architecture is malformed") from error


def _bytes(value: JsonDict) -> Any:
    text = value.get("value", _config(value).get("value"))
    return str(text).encode()


def _shape(value: JsonDict) -> Any:
    items = value.get("items")
    return None if items is None else tuple(items)


def _keras_tensor(value: JsonDict) -> Any:
    config = _config(value)
    history: Any = config.get("keras_history")
    shape = config.get("shape")
    if not is_reference(history):
        raise SourceError(f"a tensor in the architecture does not say where it comes from: {config!r:.200}")
    dtype = config.get("dtype")
    return TensorRef(
        history[0],
        history[1],
        history[2],
        shape=tuple(shape) if isinstance(shape, list) else None,
        dtype=dtype if isinstance(dtype, str) else None,
    )


def is_reference(value: Any) -> bool:
    """Whether `value` is `[layer name, call, output]`."""
    return (
        isinstance(value, list)
        and len(value) == 3
        and isinstance(value[0], str)
        and all(isinstance(index, int) and not isinstance(index, bool) for index in value[1:])
    )


WRAPPERS: Mapping[str | None, Callable[[JsonDict], Any]] = {
    "__tuple__": _tuple,
    "__slice__": _slice,
    "__ellipsis__": lambda _: Ellipsis,
    "__numpy__": _array,
    "__tensor__": _array,
    "__bytes__": _bytes,
    "TensorShape": _shape,
    "__keras_tensor__": _keras_tensor,
}


def mapped(value: Any, change: Callable[[TensorRef], Any]) -> Any:
    """A nest with `change` applied to each tensor in it."""
    if isinstance(value, TensorRef):
        return change(value)
    if isinstance(value, (list, tuple)):
        return type(value)(mapped(item, change) for item in value)
    if isinstance(value, dict):
        return {key: mapped(item, change) for key, item in value.items()}
    return value


def flat(value: Any) -> list[TensorRef]:
    """The tensors of a nest, in Keras's order: dictionaries by sorted key."""
    if isinstance(value, TensorRef):
        return [value]
    if isinstance(value, Mapping):
        return [ref for key in sorted(value, key=str) for ref in flat(value[key])]
    if isinstance(value, (list, tuple)):
        return [ref for item in value for ref in flat(item)]
    return []
