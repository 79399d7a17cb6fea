"""Which arrays of an old file make which variables.

Files of Keras 0 and 1 list arrays in Keras's own order, which is followed: layer by layer and, since Keras 1,
all arrays that training changes before those that it does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from converters.keras.arrays import ArrayStore
from converters.keras.legacy.recipes import Recipe, recipes, turned
from converters.keras.spec import LayerSpec, ModelSpec, Slot
from converters.keras.upgrade import Writer
from porter.dataclass import dataclass
from porter.errors import AxesError, Problem, SourceError, WeightsError
from porter.weights.tensor import Stored, Tensor

Path = tuple[str, ...]
Found = dict[Slot, Tensor | None]


@dataclass(frozen=True)
class _Leaf:
    """One layer that has weights: where it is, what it is, and the variables asked of it."""

    path: Path
    attribute: Path
    spec: LayerSpec
    slots: tuple[Slot, ...]

    @property
    def name(self) -> str:
        return "/".join((*self.path, *self.attribute))


@dataclass(frozen=True)
class _Wanted:
    """One array that a leaf should have in the file."""

    leaf: _Leaf
    array: str


def found_by_recipe(
    slots: Sequence[Slot], model: ModelSpec, store: ArrayStore, writer: Writer
) -> tuple[Found, dict[str, str]]:
    """The tensor for each slot, and the reasons of arrays that have no use, by their keys."""
    found: Found = dict.fromkeys(slots)
    idle: dict[str, str] = {}
    problems: list[Problem] = []
    leaves = _leaves(slots, model)
    groups = (
        _numbered(model, leaves, store, writer) if store.layout == "numbers" else _named(model, leaves, store)
    )
    for label, owned, arrays in groups:
        chosen = _fitting(owned, arrays, writer)
        if chosen is None:
            problems.append(_miscount(label, owned, arrays, writer))
            continue
        problems += _fill(found, idle, chosen, arrays, writer)
    if problems:
        raise WeightsError(f"{store.label}: the weights do not fit the model", problems)
    return found, idle


def turned_by_theano(found: Mapping[Slot, Stored | None], model: ModelSpec) -> Found:
    """What Keras 2 stored on Theano, with the kernels that lie turned round put right."""
    return {
        slot: turned(_spec_of(model, slot)[0], slot.name, array) if array is not None else None
        for slot, array in found.items()
    }


# -- the layers that have weights --------------------------------------------------------------------


def _leaves(slots: Sequence[Slot], model: ModelSpec) -> list[_Leaf]:
    """Leaves in the order in which their variables were asked for."""
    grouped: dict[tuple[Path, Path], list[Slot]] = {}
    specs: dict[tuple[Path, Path], LayerSpec] = {}
    for slot in slots:
        spec, attribute = _spec_of(model, slot)
        grouped.setdefault((slot.layer, attribute), []).append(slot)
        specs[slot.layer, attribute] = spec
    return [_Leaf(*key, specs[key], tuple(own)) for key, own in grouped.items()]


def _spec_of(model: ModelSpec, slot: Slot) -> tuple[LayerSpec, Path]:
    """The layer that a slot belongs to, and the part of the slot's attribute that leads to it."""
    spec = _at(model, slot.layer)
    taken: list[str] = []
    for part in slot.attribute:
        mirrored = part in ("forward_layer", "backward_layer")
        inner = spec.config.get("layer" if mirrored and part not in spec.config else part)
        if not isinstance(inner, LayerSpec):
            break
        spec = inner
        taken.append(part)
    return spec, tuple(taken)


def _at(model: ModelSpec, path: Path) -> LayerSpec:
    layers: Sequence[LayerSpec] = model.layers
    spec: LayerSpec | None = None
    for name in path:
        spec = next(layer for layer in layers if layer.name == name)
        layers = _children(spec)
    assert spec is not None
    return spec


def _children(spec: LayerSpec) -> Sequence[LayerSpec]:
    if spec.model is not None:
        return spec.model.layers
    return [item for item in spec.config.values() if isinstance(item, LayerSpec)]


# -- what the file has -------------------------------------------------------------------------------

Group = tuple[str, list[_Leaf], list[tuple[str, Stored]]]


def _numbered(
    model: ModelSpec, leaves: Sequence[_Leaf], store: ArrayStore, writer: Writer
) -> Iterator[Group]:
    """Keras 0: arrays have numbers only, in the order of the layers, whatever groups they are in."""
    arrays = [(key, array) for key, array in _in_number_order(store)]
    order = {layer.name: place for place, layer in enumerate(model.layers)}
    owned = sorted(leaves, key=lambda leaf: order[leaf.path[0]])
    yield "the model", owned, arrays


def _in_number_order(store: ArrayStore) -> Iterator[tuple[str, Stored]]:
    groups = [f"layer_{place}" for place in _layer_numbers(store)] if store.file else []
    for group in groups or ["graph"]:
        for place in count():
            key = f"{store.root}{group}/param_{place}"
            if key not in store.arrays:
                break
            yield key, store.arrays[key]


def _layer_numbers(store: ArrayStore) -> range:
    assert store.file is not None
    told = store.file.attribute(store.root.rstrip("/"), "nb_layers")
    return range(int(told)) if isinstance(told, int) else range(0)


def _named(model: ModelSpec, leaves: Sequence[_Leaf], store: ArrayStore) -> Iterator[Group]:
    """Keras 1: a group for each layer, with a list of its arrays."""
    listed = _listed(store)
    wanted = {layer.name: _in_keras_order(layer, (layer.name,), leaves) for layer in model.layers}
    wanted = {name: own for name, own in wanted.items() if own}
    pairs = {name: name for name in wanted}
    if set(wanted) != set(listed) and len(wanted) == len(listed):
        pairs = dict(zip(wanted, listed, strict=True))
    for name, own in wanted.items():
        yield name, own, listed.get(pairs[name], [])


def _listed(store: ArrayStore) -> dict[str, list[tuple[str, Stored]]]:
    file, root = store.file, store.root
    assert file is not None
    listed: dict[str, list[tuple[str, Stored]]] = {}
    for layer in file.names(root.rstrip("/"), "layer_names") or []:
        arrays = []
        for name in file.names(root + layer, "weight_names") or []:
            array = store.of(layer, name)
            if array is None:
                raise SourceError(
                    f"{file.label}: lists array {name!r} for layer {layer!r}, but does not hold it"
                )
            arrays.append((name, array))
        if arrays:
            listed[layer] = arrays
    return listed


def _in_keras_order(spec: LayerSpec, path: Path, leaves: Sequence[_Leaf]) -> list[_Leaf]:
    """The leaves of an outer layer in the order of their arrays."""
    own = [leaf for leaf in leaves if leaf.path == path]
    for child in _children(spec):
        own += _in_keras_order(child, (*path, child.name), leaves)
    return own


# -- bringing the two together -----------------------------------------------------------------------


def _fitting(
    leaves: Sequence[_Leaf], arrays: Sequence[tuple[str, Stored]], writer: Writer
) -> list[tuple[_Leaf, Recipe, dict[str, int]]] | None:
    """The first choice of recipes that asks for as many arrays, of the right shapes, as there are."""
    fitting: list[tuple[int, list[tuple[_Leaf, Recipe, dict[str, int]]]]] = []
    for variant in range(2):
        chosen = [(leaf, _variant(leaf, variant, writer)) for leaf in leaves]
        known = [(leaf, recipe) for leaf, recipe in chosen if recipe is not None]
        placed = _placed(known, by_leaf=writer.generation == 0)
        if len(known) == len(leaves) and sum(len(places) for places in placed) == len(arrays):
            agreeing = sum(_agreeing(places, arrays) for places in placed)
            fitting.append((agreeing, [(*row, places) for row, places in zip(known, placed, strict=True)]))
    return max(fitting, key=lambda row: row[0])[1] if fitting else None


def _agreeing(places: Mapping[str, int], arrays: Sequence[tuple[str, Stored]]) -> int:
    """How many arrays bear the names that they should."""
    names = ((name, arrays[place][0].split("/")[-1].split(":")[0]) for name, place in places.items())
    return sum(said.endswith(f"_{name}") for name, said in names)


def _variant(leaf: _Leaf, variant: int, writer: Writer) -> Recipe | None:
    ways = recipes(leaf.spec, writer)
    return ways[min(variant, len(ways) - 1)] if ways else None


def _placed(chosen: Sequence[tuple[_Leaf, Recipe]], by_leaf: bool) -> list[dict[str, int]]:
    """The place in the list of every array of every leaf."""
    places: list[dict[str, int]] = [{} for _ in chosen]
    number = count()
    if by_leaf:
        for (leaf, recipe), own in zip(chosen, places, strict=True):
            own.update({name: next(number) for name in _needed(leaf, recipe)})
        return places
    for fixed in (False, True):
        for (leaf, recipe), own in zip(chosen, places, strict=True):
            frozen = leaf.spec.config.get("trainable", True) is False
            for name in _needed(leaf, recipe):
                if (frozen or name in recipe.fixed) == fixed:
                    own[name] = next(number)
    return places


def _needed(leaf: _Leaf, recipe: Recipe) -> list[str]:
    """The arrays that this leaf has: a layer without bias has none for it."""
    asked = {slot.name for slot in leaf.slots}
    used = {name for variable, (names, _) in recipe.variables.items() if variable in asked for name in names}
    return [name for name in recipe.arrays if name in used or name in recipe.idle]


def _fill(
    found: Found,
    idle: dict[str, str],
    chosen: Sequence[tuple[_Leaf, Recipe, dict[str, int]]],
    arrays: Sequence[tuple[str, Stored]],
    writer: Writer,
) -> Iterator[Problem]:
    """Fills the slots; what lies otherwise than this version laid it comes back."""
    for leaf, recipe, places in chosen:
        held = {name: arrays[place][1] for name, place in places.items()}
        idle.update({held[name].key: reason for name, reason in recipe.idle.items() if name in held})
        for slot in leaf.slots:
            if slot.name not in recipe.variables:
                continue
            names, make = recipe.variables[slot.name]
            try:
                tensor = make(held)
                found[slot], _ = tensor, tensor.shape  # where the move does not fit there is no shape
            except AxesError as error:
                shapes = ", ".join(f"{arrays[places[name]][0]!r} {held[name].shape}" for name in names)
                yield Problem(
                    f"layer {leaf.name!r}",
                    f"{shapes}: that is not how {_version(writer)} stores a {leaf.spec.class_name}, "
                    f"another version wrote the weights ({error.message})",
                )


def _version(writer: Writer) -> str:
    return f"Keras {writer.version or ('0.x' if writer.generation == 0 else '1.0')}"


def _miscount(
    label: str, leaves: Sequence[_Leaf], arrays: Sequence[tuple[str, Stored]], writer: Writer
) -> Problem:
    told = ", ".join(f"{leaf.spec.class_name} {leaf.name!r}" for leaf in leaves[:4])
    ways = {
        sum(len(_needed(leaf, way)) for leaf in leaves if (way := _variant(leaf, v, writer)))
        for v in range(2)
    }
    wanted = " or ".join(map(str, sorted(ways)))
    return Problem(
        f"layer {label!r}" if label in {leaf.path[0] for leaf in leaves} else label,
        f"the file holds {len(arrays)} arrays for it, {_version(writer)} stores {wanted} ({told})",
    )
