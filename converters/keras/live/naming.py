"""What layers are called in the result: as their author named them, else by the attribute that holds them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from converters.keras.bind_objects import snake

HIDDEN = re.compile(
    r"_(self_.*|tracker|layers|metrics|losses|.*_nodes|operations.*|functional|parent_path|.*_fn)"
    r"|_.*trainable_(variables|weights)"
)
"""Attributes by which Keras itself keeps track of layers and variables."""


class Names:
    """Names of layers within the layer or model that calls them."""

    def __init__(self, layer_class: type) -> None:
        self.layer_class = layer_class
        self._held: dict[int, dict[int, str]] = {}

    def of(self, layer: Any, parent: Any) -> str:
        """The name of `layer` as `parent` uses it."""
        automatic = snake(type(layer).__name__)
        own = re.fullmatch(rf"{re.escape(automatic)}(_\d+)?", layer.name) is None
        if own:
            return str(layer.name)
        if id(parent) not in self._held:
            self._held[id(parent)] = {id(one): name for name, one in self._attributes(parent)}
        return self._held[id(parent)].get(id(layer), automatic)

    def _attributes(self, parent: Any) -> Iterator[tuple[str, Any]]:
        for name, value in reversed(list(vars(parent).items())):
            if not HIDDEN.fullmatch(name):
                yield from self._named(name.lstrip("_"), value)

    def _named(self, name: str, value: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(value, self.layer_class):
            yield name, value
        elif isinstance(value, (list, tuple)):
            for place, part in enumerate(value):
                yield from self._named(f"{name}_{place}", part)
        elif isinstance(value, Mapping):
            for key, part in value.items():
                yield from self._named(f"{name}_{key}", part)
