"""Finding variables in files that mirror the tree of Python objects: `layers/conv2d_1/vars/0`.

A group is named after its layer's class and numbered within its container, not after the layer.
Newer files note the layer's name beside it; where those names are the model's own they decide,
else the order.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import field

from converters.keras.arrays import ArrayStore
from converters.keras.hdf5 import Hdf5
from converters.keras.spec import LayerSpec, ModelSpec, Slot
from converters.keras.upgrade import CLASS_RENAMES, SYNCHRONIZED
from porter.dataclass import dataclass
from porter.weights.tensor import Stored

CONTAINERS = ("layers", "_layer_checkpoint_dependencies", "_layers", "_self_tracked_trackables")
OPERATIONS = ("keras.src.ops", "keras.ops")
Path = tuple[str, ...]


def found_by_object(slots: Sequence[Slot], model: ModelSpec, store: ArrayStore) -> dict[Slot, Stored | None]:
    """The array for each slot, by the path of its object; None where the file has none."""
    if store.file is None:
        return dict.fromkeys(slots)
    tree = _Tree(model, store.file)
    return {slot: tree.stored(slot) for slot in slots}


def groups_of(model: ModelSpec, file: Hdf5, classes: Collection[str]) -> dict[Path, list[str]]:
    """By the path of each layer of these classes: the group of its object, then those of objects that may be
    the same one."""
    tree = _Tree(model, file)
    paths = [path for path, layer in _walk(model, ()) if layer.class_name in classes]
    steps = {path: [tree._step(each) for each in (path, *tree._twins(path))] for path in paths}
    return {path: [step[0] for step in found if step is not None] for path, found in steps.items()}


@dataclass
class _Tree:
    """The model's objects laid over the file's groups."""

    model: ModelSpec
    file: Hdf5
    children: dict[str, list[str]] = field(default_factory=dict)
    identities: dict[Path, str] = field(default_factory=dict)
    twins: dict[str, list[Path]] = field(default_factory=dict)
    places: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for group in self.file.groups:
            parent, _, name = group.rpartition("/")
            self.children.setdefault(parent, []).append(name)
        for path, layer in _walk(self.model, ()):
            self.identities[path] = _identity(layer)
            self.twins.setdefault(self.identities[path], []).append(path)

    def stored(self, slot: Slot) -> Stored | None:
        own = self._array(slot.layer, slot)
        if own is not None or self._has_variables(slot.layer):
            return own
        others = (self._array(path, slot) for path in self._twins(slot.layer))
        return next((array for array in others if array is not None), None)

    def _array(self, path: Path, slot: Slot) -> Stored | None:
        group = self._group(path, slot.attribute)
        return self.file.arrays.get(f"{group}/vars/{slot.index}") if group else None

    def _has_variables(self, path: Path) -> bool:
        step = self._step(path)
        return step is not None and any(key.startswith(f"{step[0]}/") for key in self.file.arrays)

    def _twins(self, path: Path) -> list[Path]:
        """Other paths of the same object, which is stored only where Keras met it first.

        Files do not say reliably which layers are one; one that was saved without variables and has
        the name, class and config of another can be nothing else.
        """
        found = []
        for length in range(1, len(path) + 1):
            same = self.twins.get(self.identities.get(path[:length], ""), [])
            found += [(*other, *path[length:]) for other in same if other != path[:length]]
        return found

    def _step(self, path: Path) -> tuple[str, LayerSpec] | None:
        """The group and the spec of the layer at a path of names, through models and wrappers."""
        model: ModelSpec | None = self.model
        layer: LayerSpec | None = None
        group = ""
        for depth, name in enumerate(path):
            if model is not None:
                layer = next((item for item in model.layers if item.name == name), None)
                group = self._placed(model, group, path[:depth]).get(name, "")
            elif layer is not None:
                key = next((key for key, item in _wrapped(layer) if item.name == name), None)
                layer = layer.config[key] if key else None
                group = self._child(group, key) if key else ""
            if layer is None or not group:
                return None
            model = layer.model
        return (group, layer) if layer is not None else None

    def _group(self, path: Path, attribute: Path) -> str:
        step = self._step(path)
        if step is None:
            return ""
        group, layer = step
        inner: object = layer
        for part in attribute:
            if part.isdigit() and isinstance(inner, list):
                group = f"{group}/{_numbered([snake(item.class_name) for item in inner])[int(part)]}"
                inner = inner[int(part)]
            else:
                group = self._child(group, part)
                inner = _member(inner, part) if isinstance(inner, LayerSpec) else None
        return group

    def _child(self, group: str, part: str) -> str:
        """An attribute's group; several attributes were private, or public, in other versions."""
        other = part[1:] if part.startswith("_") else f"_{part}"
        names = self.children.get(group, [])
        return f"{group}/{other if other in names and part not in names else part}"

    def _placed(self, model: ModelSpec, prefix: str, path: Path) -> dict[str, str]:
        """The group of each layer of `model`, whose own group is `prefix`."""
        if prefix not in self.places:
            self.places[prefix] = self._place(model, f"{prefix}/" if prefix else "", path)
        return self.places[prefix]

    def _place(self, model: ModelSpec, prefix: str, path: Path) -> dict[str, str]:
        container = next(
            (prefix + name for name in CONTAINERS if prefix + name in self.file.groups),
            prefix + CONTAINERS[0],
        )
        by_class: dict[str, list[LayerSpec]] = {}
        for layer in model.layers:
            if not (layer.module or "").startswith(OPERATIONS):
                by_class.setdefault(layer.class_name, []).append(layer)
        placed: dict[str, str] = {}
        for class_name, layers in by_class.items():
            names = self._names(container, class_name, layers, path)
            placed |= {layer: f"{container}/{name}" for layer, name in names.items()}
        return placed

    def _names(
        self, container: str, class_name: str, layers: Sequence[LayerSpec], path: Path
    ) -> dict[str, str]:
        """The groups of all layers of one class, by layer name."""
        base, groups = self._groups(container, class_name)
        names = [layer.name for layer in layers]
        said = self._said(container, groups)
        if groups and len(set(said)) == len(groups) and set(said) <= set(names):
            return dict(zip(said, groups, strict=True))
        if len(groups) == len(names):
            return dict(zip(names, groups, strict=True))
        # An object that was met before is not stored again, and in some versions takes no number.
        fresh = [
            layer.name
            for layer in layers
            if self.twins[self.identities[*path, layer.name]][0] == (*path, layer.name)
        ]
        if groups and len(groups) == len(fresh):
            return dict(zip(fresh, groups, strict=True))
        return dict(zip(names, _numbered([base] * len(names)), strict=True))

    def _groups(self, container: str, class_name: str) -> tuple[str, list[str]]:
        """What a class is called in the file, and its groups in the order of their numbers."""
        present = self.children.get(container, [])
        bases = _bases(class_name)
        base = next((item for item in bases if item in present), bases[0])
        found = [name for name in present if re.fullmatch(rf"{re.escape(base)}(_\d+)?", name)]
        return base, sorted(found, key=lambda name: int(name[len(base) + 1 :] or 0))

    def _said(self, container: str, groups: Sequence[str]) -> list[str]:
        """The layer names that newer files note beside the groups."""
        places = [f"{container}/{name}/vars" for name in groups]
        said = [self.file.text(place, "name") for place in places if place in self.file.groups]
        return [name for name in said if name is not None]


def _walk(model: ModelSpec, prefix: Path) -> Iterator[tuple[Path, LayerSpec]]:
    for layer in model.layers:
        yield (*prefix, layer.name), layer
        for _, inner in _wrapped(layer):
            yield (*prefix, layer.name, inner.name), inner
            if inner.model is not None:
                yield from _walk(inner.model, (*prefix, layer.name, inner.name))
        if layer.model is not None:
            yield from _walk(layer.model, (*prefix, layer.name))


def _identity(layer: LayerSpec) -> str:
    """What a layer is, whatever calls it, and whether or not the file numbers the object."""
    config = {
        key: _identity(item) if isinstance(item, LayerSpec) else item for key, item in layer.config.items()
    }
    inner = layer.model.layers if layer.model is not None else ()
    parts = [f"{_identity(item)} {item.calls!r}" for item in inner]
    return f"{layer.class_name} {layer.name} {config!r} {parts!r}"


def _wrapped(layer: LayerSpec) -> Iterable[tuple[str, LayerSpec]]:
    return [(key, item) for key, item in layer.config.items() if isinstance(item, LayerSpec)]


def _member(layer: LayerSpec, attribute: str) -> object:
    """What an attribute of a layer holds, by the config; Bidirectional says both its layers as one."""
    as_told = "layer" if attribute in ("forward_layer", "backward_layer") else attribute
    return layer.config.get(attribute, layer.config.get(as_told))


def _numbered(names: Sequence[str]) -> list[str]:
    """Names made unique as Keras does it: `dense`, `dense_1`, `dense_2`."""
    used: dict[str, int] = {}
    result = []
    for name in names:
        count = used.get(name, 0)
        result.append(f"{name}_{count}" if count else name)
        used[name] = count + 1
    return result


def snake(class_name: str) -> str:
    """A class name as a group is called after it."""
    plain = re.sub(r"\W+", "", class_name.rpartition(">")[2])
    split = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", plain)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", split).lower()


def _bases(class_name: str) -> list[str]:
    """The group names of a class: today's, then those that older versions of the class had."""
    older = [old for old, new in CLASS_RENAMES.items() if new == class_name]
    if class_name == "BatchNormalization":
        older += SYNCHRONIZED
    return [snake(name) for name in (class_name, *older)]
