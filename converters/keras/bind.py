"""Which stored array fills which variable, with an account of every array in the file.

The layer rules say which variables they want (slots); this finds them, checks shapes, and names
all that is missing, left over or of another shape at once. What remains unused is listed with its
reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from converters.keras.arrays import ArrayStore
from converters.keras.bind_names import found_by_name
from converters.keras.bind_objects import found_by_object
from converters.keras.ledger_notes import reason_unused
from converters.keras.legacy.binding import found_by_recipe, turned_by_theano
from converters.keras.legacy.conventions import conventions
from converters.keras.load import SavedModel
from converters.keras.spec import ModelSpec, Slot
from porter.dataclass import dataclass
from porter.errors import Problem, WeightsError
from porter.weights.tensor import Stored, Tensor

Finder = Callable[[Sequence[Slot], ModelSpec, ArrayStore], dict[Slot, Stored | None]]


@dataclass(frozen=True)
class LedgerRow:
    """One array of the file: the slots that it fills, or the reason why it fills none."""

    array: Stored
    slots: tuple[Slot, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Binding:
    """The array for each slot that has one, and the account of all arrays in the file's order."""

    tensors: Mapping[Slot, Tensor]
    ledger: tuple[LedgerRow, ...]


def _nothing(slots: Sequence[Slot], model: ModelSpec, store: ArrayStore) -> dict[Slot, Stored | None]:
    return dict.fromkeys(slots)


FINDERS: Mapping[str, Finder] = {
    "objects": found_by_object,
    "names": found_by_name,
    "none": _nothing,
}


def bind(slots: Sequence[Slot], saved: SavedModel) -> Binding:
    """Fill `slots` from the arrays of `saved`, or raise WeightsError with every misfit."""
    store = saved.arrays
    found, idle = _found(slots, saved)
    tensors = {slot: array for slot, array in found.items() if array is not None}
    problems = [problem for slot in found if (problem := _misfit(slot, found[slot]))]
    ledger = _ledger(tensors, store, idle)
    problems += [_surplus(row) for row in ledger if not row.slots and not row.reason]
    if problems:
        raise WeightsError(_headline(store, found, tensors), problems)
    return Binding(tensors, ledger)


def _found(
    slots: Sequence[Slot], saved: SavedModel
) -> tuple[Mapping[Slot, Tensor | None], Mapping[str, str]]:
    """The tensor for each slot, and why some arrays have no use, by the manner of the file's writer."""
    store, model = saved.arrays, saved.model
    if saved.writer.generation < 2 and store.file is not None:
        return found_by_recipe(slots, model, store, saved.writer)
    found = FINDERS[store.layout](slots, model, store)
    return (turned_by_theano(found, model) if conventions(saved.writer).turned else found), {}


def _headline(store: ArrayStore, found: Mapping[Slot, Tensor | None], tensors: Mapping[Slot, Tensor]) -> str:
    fitting = sum(slot.shape == array.shape for slot, array in tensors.items())
    if found and not fitting:
        return f"{store.label}: none of its arrays fits; these are the weights of another model"
    return f"{store.label}: the weights do not fit the model"


def _misfit(slot: Slot, array: Tensor | None) -> Problem | None:
    where = f"layer {'/'.join(slot.layer)!r}"
    name = "/".join((*slot.attribute, slot.name))
    if array is None:
        missing = Problem(where, f"no array for {name!r} of shape {slot.shape}")
        return None if slot.optional else missing
    if array.shape != slot.shape:
        keys = " and ".join(repr(origin.key) for origin in array.origins)
        got = f"array {keys} for {name!r} has shape {array.shape}, wanted {slot.shape}"
        return Problem(where, got)
    return None


def _surplus(row: LedgerRow) -> Problem:
    return Problem(f"array {row.array.key!r}", f"of shape {row.array.shape} belongs to no layer")


def _ledger(
    tensors: Mapping[Slot, Tensor], store: ArrayStore, idle: Mapping[str, str]
) -> tuple[LedgerRow, ...]:
    users: dict[str, list[Slot]] = {}
    for slot, array in tensors.items():
        for origin in array.origins:
            users.setdefault(origin.key, []).append(slot)
    rows = []
    for key, array in store.arrays.items():
        slots = tuple(users.get(key, ()))
        known = idle.get(key) or reason_unused(key) or _outside(key, store) or _copied(array, users, store)
        reason = "" if slots else known
        rows.append(LedgerRow(array, slots, reason))
    return tuple(rows)


def _outside(key: str, store: ArrayStore) -> str:
    """Keras 2.0 on Theano gave optimizers' arrays names that begin at the root of the file."""
    elsewhere = store.layout == "names" and not key.startswith(store.root)
    return f"it lies outside {store.root}, where a model's weights lie" if elsewhere else ""


def _copied(array: Stored, users: Mapping[str, Sequence[Slot]], store: ArrayStore) -> str:
    """A wrapper that also holds its inner layer's variable stores it twice, number for number."""
    owner = array.key.rpartition("/vars/")[0]
    if store.layout != "objects" or not owner:
        return ""
    for key in users:
        other = store.arrays[key]
        same = (other.shape, other.dtype) == (array.shape, array.dtype)
        if key.startswith(f"{owner}/") and same and other.read().tobytes() == array.read().tobytes():
            return f"a second copy of {key}"
    return ""
