"""What an archive keeps beside its weights: the vocabularies that its layers have learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from converters.keras.archive import Archive
from converters.keras.bind_objects import groups_of
from converters.keras.hdf5 import Hdf5
from converters.keras.spec import LayerSpec, ModelSpec
from porter.errors import SourceError

LEARNERS = ("IntegerLookup",)
Path = tuple[str, ...]


def with_vocabularies(model: ModelSpec, archive: Archive, file: Hdf5) -> ModelSpec:
    """The model whose layers say in their configs what the archive keeps of them as a list of its own."""
    if not any(name.startswith("assets/") for name in archive.members):
        return model
    found = {}
    for path, groups in groups_of(model, file, LEARNERS).items():
        names = [f"assets/{group}/vocabulary.txt" for group in groups]
        name = next((name for name in names if name in archive.members), None)
        if name is not None:
            found[path] = _whole_numbers(archive, name)
    return _filled(model, (), found)


def _whole_numbers(archive: Archive, name: str) -> list[int]:
    try:
        return [int(line) for line in archive.text(name).splitlines()]
    except ValueError as error:
        raise SourceError(f"{archive.path}: {name!r} is no list of whole numbers ({error})") from error


def _filled(model: ModelSpec, prefix: Path, found: Mapping[Path, list[int]]) -> ModelSpec:
    return replace(model, layers=tuple(_told(layer, (*prefix, layer.name), found) for layer in model.layers))


def _told(layer: LayerSpec, path: Path, found: Mapping[Path, list[int]]) -> LayerSpec:
    if layer.model is not None:
        return replace(layer, model=_filled(layer.model, path, found))
    if path in found and not layer.config.get("vocabulary"):
        return replace(layer, config={**layer.config, "vocabulary": found[path]})
    return layer
