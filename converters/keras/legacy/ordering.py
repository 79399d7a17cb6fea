"""Which way round images lie in a file of Keras 0 or 1: some layers do not write it down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

UNMARKED = re.compile(r"(UpSampling|ZeroPadding|Cropping)[23]D")
"""Layers that took their ordering from the settings of the machine."""

HINT = (
    "say which with --source-backend NAME:th (channels first) or NAME:tf (last), or give recorded inputs "
    "x0, ... and predictions y0, ... with --inputs FILE.npz"
)
MOST_CHANNELS = 4
"""What may be a number of channels at sight."""
LARGE = 1 << 30


def file_ordering(config: Any) -> tuple[str | None, str]:
    """The one ordering of a file, "th" or "tf", and how it is known; None where it is not and matters."""
    layers = list(_layers(config))
    told = {str(layer["config"].get("dim_ordering")) for layer in layers} & {"th", "tf"}
    if len(told) == 1:
        return told.pop(), ""
    unmarked = [
        layer
        for layer in layers
        if UNMARKED.fullmatch(layer["class_name"]) and "dim_ordering" not in layer["config"]
    ]
    if not unmarked:
        return "tf", ""
    if told:
        return None, f"its layers have both orderings, and {_name(unmarked[0])} does not say which one it has"
    return _by_shape(layers, unmarked[0])


def _by_shape(layers: list[dict[str, Any]], unmarked: dict[str, Any]) -> tuple[str | None, str]:
    """Images have few channels, and more rows and columns than that."""
    shapes = (_shape(layer["config"]) for layer in layers)
    shape = next((shape for shape in shapes if shape is not None and len(shape) > 3), None)
    name = _name(unmarked)
    found = _fewest(shape[1:]) if shape is not None else None
    if shape is None or found is None:
        return None, f"{name} does not say where its channels are, and neither does anything else in the file"
    place = "first" if found == "th" else "last"
    return found, (
        f"{name} does not say where its channels are; by its input's shape {tuple(shape[1:])} they are taken "
        f"to be {place} (dim_ordering {found!r})"
    )


def _fewest(sizes: list[int | None]) -> str | None:
    """The ordering by which the channels are few and fewer than all else; an unknown size is large."""
    known = [LARGE if size is None else size for size in sizes]
    for ordering, channels, others in (("th", known[0], known[1:]), ("tf", known[-1], known[:-1])):
        if channels <= MOST_CHANNELS and channels < min(others):
            return ordering
    return None


def _shape(config: dict[str, Any]) -> list[int | None] | None:
    batched, single = config.get("batch_input_shape"), config.get("input_shape")
    if isinstance(batched, list):
        return batched
    return [None, *single] if isinstance(single, list) else None


def _name(layer: dict[str, Any]) -> str:
    return f"layer {layer['config'].get('name')!r} ({layer['class_name']})"


def _layers(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str) and isinstance(value.get("config"), dict):
            yield value
        for item in value.values():
            yield from _layers(item)
    elif isinstance(value, list):
        for item in value:
            yield from _layers(item)
