"""Which live variable fills which slot, and the account of all variables of a model.

A layer's own variables are asked for in the order in which Keras saves them, so that a slot means here what
it means in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from converters.keras.live.records import Held
from converters.keras.spec import Slot
from porter.errors import Problem, WeightsError
from porter.source_model import LedgerRow
from porter.weights.tensor import Stored

Numbers = Callable[[Any], np.ndarray]
UNUSED = "no part of what the model computes when it is called"
OF_CHANCE = "the state of a random generator"


class LiveVariables:
    """The variables of a live model. `live`: its layers, and lone variables, by their paths in the graph."""

    def __init__(self, model: Any, live: Mapping[tuple[str, ...], Any], numbers: Numbers) -> None:
        self.model, self.live, self.numbers = model, live, numbers
        self.stored: dict[int, Stored] = {}
        self.used: dict[int, list[str]] = {}
        self._alive: list[Any] = []
        self._keys: set[str] = set()
        self._saved: dict[int, Mapping[str, Any]] = {}
        for variable in model.weights:
            self._entry(variable, _path(variable))

    def _entry(self, variable: Any, wanted: str) -> Stored:
        if id(variable) not in self.stored:
            key, number = wanted, 0
            while key in self._keys:
                number += 1
                key = f"{wanted}_{number}"
            self._keys.add(key)
            self._alive.append(variable)
            shape = tuple(int(size) for size in variable.shape)
            dtype = str(getattr(variable.dtype, "name", variable.dtype))
            self.stored[id(variable)] = Stored(
                "live model", key, shape, dtype, lambda: self.numbers(variable)
            )
        return self.stored[id(variable)]

    def bind(self, slots: Sequence[Slot]) -> dict[Slot, Stored]:
        """The variable for each slot, or WeightsError with all that do not fit."""
        found: dict[Slot, Stored] = {}
        problems: list[Problem] = []
        for slot in slots:
            variable = self._variable(slot)
            name = "/".join((*slot.layer, *slot.attribute, slot.name))
            if variable is None:
                if not slot.optional:
                    what = f"the live layer has no such variable, of shape {slot.shape}"
                    problems.append(Problem(name, what))
                continue
            stored = self._entry(variable, name)
            self.used.setdefault(id(variable), []).append(name)
            found[slot] = stored
            if stored.shape != slot.shape:
                problems.append(Problem(name, f"has shape {stored.shape}, wanted {slot.shape}"))
        if problems:
            raise WeightsError("the variables of the live model are not those that its layers say", problems)
        return found

    def _variable(self, slot: Slot) -> Any:
        item = self._layer(slot.layer)
        if isinstance(item, Held):
            return item.variable
        for part in slot.attribute:
            item = _member(item, part)
        return None if item is None else self._own(item).get(str(slot.index))

    def _layer(self, path: tuple[str, ...]) -> Any:
        """The live layer at a path of names; wrapped models are found by their names."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.live:
                item = self.live[path[:length]]
                for name in path[length:]:
                    item = _inside(item, name)
                return item
        item = self.model
        for name in path:
            item = _inside(item, name)
        return item

    def _own(self, layer: Any) -> Mapping[str, Any]:
        """A layer's own variables by the keys under which Keras saves them."""
        if id(layer) not in self._saved:
            fixed = getattr(layer, "_non_trainable_variables", None)
            if fixed is None:
                fixed = getattr(layer, "_non_trainable_weights", [])
            trained = getattr(layer, "_trainable_variables", None)
            if trained is None:
                trained = getattr(layer, "_trainable_weights", [])
            plain = {str(place): variable for place, variable in enumerate([*trained, *fixed])}
            saved: dict[str, Any] = {}
            layer.save_own_variables(saved)
            self._saved[id(layer)] = plain if len(plain) == len(saved) else saved
            self._alive.append(layer)
        return self._saved[id(layer)]

    def ledger(self, left: Mapping[Slot, str]) -> tuple[LedgerRow, ...]:
        """Every variable, by what it is used or why it is not."""
        reasons = {"/".join((*slot.layer, *slot.attribute, slot.name)): why for slot, why in left.items()}
        rows = []
        for mark, stored in self.stored.items():
            users = tuple(self.used.get(mark, ()))
            told = [reasons[user] for user in users if user in reasons]
            reason = told[0] if told and len(told) == len(users) else "" if users else _why_not(stored.key)
            rows.append(LedgerRow(stored, users, reason))
        return tuple(rows)


def _why_not(key: str) -> str:
    return OF_CHANCE if "seed_generator" in key else UNUSED


def _path(variable: Any) -> str:
    return str(getattr(variable, "path", variable.name)).split(":")[0]


def _member(item: Any, part: str) -> Any:
    """A layer that another holds under this name, public or private."""
    if part.isdigit() and isinstance(item, (list, tuple)):
        return item[int(part)]
    return getattr(item, part, getattr(item, f"_{part}", None))


def _inside(item: Any, name: str) -> Any:
    """The layer of that name in a model or a wrapper."""
    held = getattr(item, "layers", None)
    held = [one for one in vars(item).values() if hasattr(one, "get_config")] if held is None else held
    return next((one for one in held if getattr(one, "name", None) == name), None)
