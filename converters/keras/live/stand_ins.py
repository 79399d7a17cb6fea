"""While a live model is traced, its variables are symbolic tensors as well.

Otherwise what its code computes from variables alone (`ops.transpose(self.table.embeddings)`) would be
numbers, in which nobody could see the variable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from converters.keras.live.naming import HIDDEN
from converters.keras.live.records import Held


class StandIns:
    """Symbolic tensors in the place of the variables that layers hold as attributes.

    `made` gives the tensor for a variable in a layer, and the type in which that layer's code sees it.
    """

    def __init__(
        self, model: Any, is_variable: Callable[[Any], bool], made: Callable[[Any, Any], tuple[Any, str]]
    ) -> None:
        self.layers = list(model._flatten_layers(include_self=True, recursive=True))
        self.is_variable, self.made = is_variable, made
        self._made: dict[int, Any] = {}
        self._held: dict[int, Held] = {}

    def held(self, item: Any) -> Held | None:
        """What a stand-in, or a variable itself, stands for."""
        if self.is_variable(item):
            return self._entry(item, item.name.split(":")[0], None, _dtype(item))
        return self._held.get(id(item))

    @staticmethod
    def _entry(variable: Any, name: str, owner: Any, dtype: str) -> Held:
        shape = tuple(int(size) for size in variable.shape)
        return Held(variable, name, dtype, shape, bool(variable.trainable), owner)

    def _stand_in(self, variable: Any, name: str, layer: Any) -> Any:
        if id(variable) not in self._made:
            tensor, dtype = self.made(variable, layer)
            self._made[id(variable)] = tensor
            self._held[id(tensor)] = self._entry(variable, name, layer, dtype)
        return self._made[id(variable)]

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """In all layers of the model."""
        with self._in(self.layers, self._replaced):
            yield

    @contextmanager
    def not_in(self, layer: Any) -> Iterator[None]:
        """In all layers but one and those that it holds."""
        own = list(layer._flatten_layers(include_self=True, recursive=True))
        with self._in(own, self._restored):
            yield

    @contextmanager
    def _in(self, layers: Sequence[Any], change: Callable[[Any, str, Any], Any]) -> Iterator[None]:
        before: list[tuple[dict[str, Any], str, Any]] = []
        try:
            for layer in layers:
                held = vars(layer)
                for name, value in list(held.items()):
                    new = change(layer, name, value)
                    if new is not value:
                        before.append((held, name, value))
                        held[name] = new
            yield
        finally:
            for held, name, value in before:
                held[name] = value

    def _replaced(self, layer: Any, name: str, value: Any) -> Any:
        if HIDDEN.fullmatch(name):
            return value
        plain = name.lstrip("_")
        if self.is_variable(value):
            return self._stand_in(value, plain, layer)
        if isinstance(value, (list, tuple)) and any(self.is_variable(one) for one in value):
            parts = [self._replaced(layer, f"{plain}_{place}", one) for place, one in enumerate(value)]
            return tuple(parts) if isinstance(value, tuple) else parts
        if isinstance(value, dict) and any(self.is_variable(one) for one in value.values()):
            return {key: self._replaced(layer, f"{plain}_{key}", one) for key, one in value.items()}
        return value

    def _restored(self, layer: Any, name: str, value: Any) -> Any:
        if id(value) in self._held:
            return self._held[id(value)].variable
        if type(value) in (list, tuple) and any(id(one) in self._held for one in value):
            return type(value)(self._restored(layer, name, one) for one in value)
        if type(value) is dict and any(id(one) in self._held for one in value.values()):
            return {key: self._restored(layer, name, one) for key, one in value.items()}
        return value


def _dtype(variable: Any) -> str:
    return str(getattr(variable.dtype, "name", variable.dtype))
