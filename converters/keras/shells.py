"""The shells around a model's architecture: JSON encoded twice, bare lists of layers, wrappers of others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from porter.errors import SourceError

JsonDict = dict[str, Any]
# Keras 0.x wrote its models without a shell: Sequential has layers, Graph has a node_config.
MODEL_KEYS = {"class_name", "layers", "node_config"}
WRITER_KEYS = ("keras_version", "backend")
DEEPEST = 3
"""Shells that other programs put around a model: TensorFlow.js has two."""


def parsed(text: str, label: str) -> JsonDict:
    """The JSON of a model, whatever shell it comes in."""
    return shelled(_decoded(text, label), label)


def shelled(value: Any, label: str) -> JsonDict:
    """A model's plain values in the shell that `model.to_json()` gives them."""
    if isinstance(value, list) and value and all(_is_layer(item) for item in value):
        return {"class_name": "Sequential", "config": value}
    if isinstance(value, dict) and "class_name" not in value and "input_layers" in value:
        # The JSON of `model.get_config()` lacks the outer shell of `model.to_json()`.
        return {"class_name": "Functional", "config": value}
    if not isinstance(value, dict) or not MODEL_KEYS & value.keys():
        return _only_model(value, label)
    return value


def object_of(text: str, label: str) -> JsonDict:
    """A JSON object that is no model."""
    value = _decoded(text, label)
    if not isinstance(value, dict):
        raise SourceError(f"{label}: should be a JSON object, but begins {value!r:.60}")
    return value


def _only_model(value: Any, label: str) -> JsonDict:
    """The one model that other programs keep among values of their own, often as a text."""
    found = list(_models_in(value, DEEPEST))
    if not found:
        raise SourceError(f"{label}: holds plain values, but not a Keras model: it begins {value!r:.60}")
    if len(found) > 1:
        raise SourceError(f"{label}: holds {len(found)} Keras models among other values, and not one")
    return found[0]


def _models_in(value: Any, depth: int) -> Iterator[JsonDict]:
    if not isinstance(value, Mapping) or not depth:
        return
    written = {key: value[key] for key in WRITER_KEYS if key in value}
    for item in value.values():
        inner = _perhaps_decoded(item)
        if _is_model(inner):
            yield {**written, **inner}
        else:
            yield from ({**written, **model} for model in _models_in(inner, depth - 1))


def _is_model(value: Any) -> bool:
    """A layer, an optimizer or a tokenizer has a class and a config too, but no layers in it."""
    if not isinstance(value, Mapping) or not isinstance(value.get("class_name"), str):
        return False
    config = value.get("config")
    return isinstance(config, list) or (isinstance(config, Mapping) and "layers" in config)


def _perhaps_decoded(value: Any) -> Any:
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _decoded(text: str, label: str) -> Any:
    """The value of a JSON text, also where it was encoded twice."""
    value: Any = text
    for _ in range(3):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except ValueError as error:
            raise SourceError(f"{label}: is not JSON ({error})") from error
        except RecursionError as error:
            raise SourceError(f"{label}: its JSON is nested without end") from error
    return value


def _is_layer(item: Any) -> bool:
    return isinstance(item, dict) and "class_name" in item and "config" in item
