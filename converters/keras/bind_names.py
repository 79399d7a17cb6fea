"""Finding variables in the older HDF5 files, which list layer names and, for each layer, weight
names.

A nested model's weights lie in one flat list under the outer layer. They are told apart by the
names in their paths; where names do not decide, by the order in which Keras writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from converters.keras.arrays import ArrayStore
from converters.keras.ledger_notes import reason_unused
from converters.keras.spec import LayerSpec, ModelSpec, Slot
from porter.errors import SourceError
from porter.weights.tensor import Stored

Found = dict[Slot, Stored | None]
Named = tuple[str, Stored]


def found_by_name(slots: Sequence[Slot], model: ModelSpec, store: ArrayStore) -> Found:
    """The array for each slot, by the lists of names; None where the file has none."""
    found: Found = dict.fromkeys(slots)
    wanted = _by_layer(slots, model)
    pairs = _paired(wanted, _listed(store))
    for layer, arrays in pairs.items():
        found |= _within(wanted[layer], arrays)
    return found


def _by_layer(slots: Sequence[Slot], model: ModelSpec) -> dict[str, list[Slot]]:
    """The slots of each outer layer, in the order of the model and, inside, in Keras's order."""
    wanted: dict[str, list[Slot]] = {}
    for layer in model.layers:
        own = [slot for slot in slots if slot.layer[0] == layer.name]
        trainable, fixed = _keras_order(layer, (layer.name,), own)
        if own:
            placed = [*trainable, *fixed]
            wanted[layer.name] = placed + [slot for slot in own if slot not in placed]
    return wanted


def _keras_order(
    layer: LayerSpec, path: tuple[str, ...], slots: Sequence[Slot]
) -> tuple[list[Slot], list[Slot]]:
    """The trainable and the other variables of a layer; those of a frozen layer are all "other"."""
    own = [slot for slot in slots if slot.layer == path]
    trainable = [slot for slot in own if slot.trainable]
    fixed = [slot for slot in own if not slot.trainable]
    inner = list(layer.model.layers) if layer.model else _wrapped(layer)
    for child in inner:
        more = _keras_order(child, (*path, child.name), slots)
        trainable += more[0]
        fixed += more[1]
    if layer.config.get("trainable", True) is False:
        return [], trainable + fixed
    return trainable, fixed


def _wrapped(layer: LayerSpec) -> list[LayerSpec]:
    return [item for item in layer.config.values() if isinstance(item, LayerSpec)]


def _listed(store: ArrayStore) -> dict[str, list[Named]]:
    """The parameters that the file lists for each layer that has any."""
    file, root = store.file, store.root
    if file is None:
        return {}
    listed: dict[str, list[Named]] = {}
    for layer in file.names(root.rstrip("/"), "layer_names") or []:
        if root + layer not in file.groups:
            raise SourceError(f"{file.label}: lists layer {layer!r}, but holds no group of that name")
        arrays = []
        for name in file.names(root + layer, "weight_names") or []:
            array = store.of(layer, name)
            if array is None:
                raise SourceError(
                    f"{file.label}: lists array {name!r} for layer {layer!r}, but does not hold it"
                )
            if not reason_unused(name):
                arrays.append((name, array))
        if arrays:
            listed[layer] = arrays
    return listed


def _paired(
    wanted: Mapping[str, Sequence[Slot]], listed: Mapping[str, list[Named]]
) -> dict[str, list[Named]]:
    """Which list of the file belongs to which layer: by name, else by order as Keras does."""
    needed = [
        layer
        for layer, slots in wanted.items()
        if layer in listed or not all(slot.optional for slot in slots)
    ]
    if set(needed) != set(listed) and len(needed) == len(listed):
        return dict(zip(needed, listed.values(), strict=True))
    return {layer: listed[layer] for layer in needed if layer in listed}


def _within(slots: Sequence[Slot], arrays: Sequence[Named]) -> Found:
    """Arrays for the slots of one outer layer: by name if that fits, else by order if that fits."""
    by_name = _matched_names(slots, arrays)
    if _complete(by_name, slots, arrays):
        return by_name
    for chosen in (slots, [slot for slot in slots if not slot.optional]):
        if len(chosen) == len(arrays):
            in_order: Found = {slot: array for slot, (_, array) in zip(chosen, arrays, strict=True)}
            if _complete(in_order, slots, arrays):
                return in_order
    return by_name


def _complete(found: Found, slots: Sequence[Slot], arrays: Sequence[Named]) -> bool:
    filled = [slot for slot in slots if found.get(slot) is not None]
    fits = all(_shape(found[slot]) == slot.shape for slot in filled)
    enough = all(slot.optional or found.get(slot) is not None for slot in slots)
    return fits and enough and len(filled) == len(arrays)


def _shape(array: Stored | None) -> tuple[int, ...]:
    return array.shape if array is not None else ()


def _matched_names(slots: Sequence[Slot], arrays: Sequence[Named]) -> Found:
    """Slots and arrays of one key (innermost layer and variable name), taken in order."""
    leaves = {slot.layer[-1] for slot in slots}
    waiting: dict[tuple[str, str], list[Stored]] = {}
    for name, array in arrays:
        waiting.setdefault(_key(name, leaves), []).append(array)
    found: Found = {}
    for slot in slots:
        leaf = slot.layer[-1] if len(leaves) > 1 else ""
        queue = waiting.get((leaf, slot.name), [])
        found[slot] = queue.pop(0) if queue else None
    return found


def _key(name: str, leaves: set[str]) -> tuple[str, str]:
    """`outer/dense_1/kernel:0` -> `("dense_1", "kernel")`, given the names that layers have."""
    *path, last = name.split("/")
    variable = last.split(":")[0]
    if len(leaves) == 1:
        return "", variable
    return next((part for part in reversed(path) if part in leaves), ""), variable
