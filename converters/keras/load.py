"""Reading saved Keras files, recognised by content, into a ModelSpec and an index of arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from converters.keras.archive import Archive, content_of, open_hdf5, read_text, roots
from converters.keras.arrays import ArrayStore, layout_of
from converters.keras.assets import with_vocabularies
from converters.keras.backend import Backend, find_backend, told_by
from converters.keras.hdf5 import Hdf5
from converters.keras.legacy.opening import generation_by_spelling, opened, refuse_mixture, since_by_content
from converters.keras.legacy.remarks import remarks
from converters.keras.legacy.yaml_text import parsed_yaml
from converters.keras.models import Reading, read_model
from converters.keras.shells import object_of, parsed, shelled
from converters.keras.spec import ModelSpec, Origin
from converters.keras.upgrade import Writer
from porter.dataclass import dataclass
from porter.errors import RequestError, SourceError, UnsupportedModel

JsonDict = dict[str, Any]
KERAS_ROOTS = {
    *("model_config", "model_weights", "layer_names", "layer_names0"),
    *("layers", "_layer_checkpoint_dependencies", "vars", "nb_layers", "graph"),
}
YAML_KEYS = "backend|class_mode|class_name|config|input_config|keras_version|layers|name|node_config"
YAML_MODEL = re.compile(rf"^({YAML_KEYS}):( |$)", re.MULTILINE)


@dataclass(frozen=True)
class SavedModel:
    """A saved Keras model as plain values: what it is, where its numbers lie, and who wrote it."""

    model: ModelSpec
    arrays: ArrayStore
    origin: Origin
    writer: Writer
    backend: Backend


@dataclass(frozen=True)
class _Part:
    """What one file brings: an architecture, weights, or both."""

    label: str
    format: str
    config: JsonDict | None = None
    version: str | None = None
    backend: str | None = None
    arrays: ArrayStore | None = None
    archive: Archive | None = None


def load(
    paths: Sequence[Path], *, architecture_only: bool = False, source_backend: str | None = None
) -> SavedModel:
    """The model saved in `paths`: one whole-model file, or an architecture and its weights in any
    order.

    `architecture_only` allows a JSON file without weights, for looking at it. `source_backend` is the user's
    word on what an old file was trained on ("auto": the likelier one, where the file leaves it open).
    """
    parts = [_part(path) for path in _files(paths)]
    architecture = _architecture(parts)
    weights = _weights(parts, architecture, architecture_only)
    try:
        config, reading, backend = _understood(architecture, weights, source_backend)
        model = _with_assets(read_model(config, reading), architecture)
    except (SourceError, UnsupportedModel) as error:
        raise type(error)(f"{architecture.label}: {error.message}", error.problems) from error
    except RecursionError as error:
        raise SourceError(f"{architecture.label}: its layers are nested without end") from error
    used = [architecture] if weights in (None, architecture) else [architecture, weights]
    reading.notes += [*_on_backend(reading.writer, backend), *remarks(model, reading.writer)]
    origin = _origin([part for part in used if part], reading)
    return SavedModel(model, _store(weights), origin, reading.writer, backend)


def _with_assets(model: ModelSpec, part: _Part) -> ModelSpec:
    file = part.arrays.file if part.arrays is not None else None
    return model if part.archive is None or file is None else with_vocabularies(model, part.archive, file)


def _on_backend(writer: Writer, backend: Backend) -> list[str]:
    """On what an old file was written, and how that is known, where it matters."""
    silent = backend.certainty in ("irrelevant", "undecided") or (
        writer.generation > 1 and backend.name == "tensorflow"
    )
    if writer.generation > 2 or silent:
        return []
    strange = "; CNTK is read as TensorFlow is, which nobody has measured" if backend.name == "cntk" else ""
    return [backend.sentence + strange]


def _understood(
    architecture: _Part, weights: _Part | None, source_backend: str | None
) -> tuple[JsonDict, Reading, Backend]:
    """The architecture in the structure of Keras 2 or 3, who wrote it, and on what."""
    notes: list[str] = []
    told = told_by(source_backend)
    writer, config = _writer(architecture, weights), architecture.config or {}
    if writer.generation < 3:
        refuse_mixture(writer, _store(weights), weights.version if weights else None)
    if writer.generation < 2:
        config, writer, notes = opened(config, writer, _store(weights), told)
    said = architecture.backend or (weights.backend if weights else None)
    backend = find_backend(config, said, writer, _store(weights), told.backend)
    return config, Reading(replace(writer, backend=backend.name), notes), backend


def recognises(paths: Sequence[Path]) -> bool:
    """Whether all of `paths` look, by their content, like files that Keras writes."""
    try:
        files = _files(paths)
        return bool(files) and all(_looks_right(path) for path in files)
    except UnsupportedModel:
        return True
    except (SourceError, RequestError):
        return False


def _looks_right(path: Path) -> bool:
    return CHECKS[content_of(path)](path)


def _is_model_text(text: str) -> bool:
    if text.lstrip()[:1] in ("{", "[", '"'):
        return (
            '"class_name' in text or '\\"class_name' in text or '"layers"' in text or '"node_config"' in text
        )
    return len(YAML_MODEL.findall(text)) > 1


def _is_model_hdf5(path: Path) -> bool:
    """A damaged file is taken for a model, so that reading it says what is wrong with it."""
    try:
        return bool(KERAS_ROOTS & roots(path))
    except SourceError:
        return True


CHECKS: Mapping[str, Callable[[Path], bool]] = {
    "zip": lambda path: "config.json" in Archive(path).members,
    "hdf5": _is_model_hdf5,
    "text": lambda path: _is_model_text(read_text(path)),
    "unknown": lambda path: False,
}


def _files(paths: Sequence[Path]) -> list[Path]:
    if not paths:
        raise RequestError("no file was given to read a Keras model from")
    return [file for path in paths for file in _expanded(Path(path))]


def _expanded(path: Path) -> list[Path]:
    """The model files of a folder; a file stands for itself."""
    if not path.is_dir():
        if not path.exists():
            raise RequestError(f"{path}: there is no such file")
        return [path]
    if (path / "saved_model.pb").exists():
        raise UnsupportedModel(
            f"{path}: is a TensorFlow SavedModel, which holds a traced program instead of layers; "
            "load it where it was made and save it as .keras or .h5"
        )
    if (path / "porter.json").exists():
        raise SourceError(f"{path}: is a bundle written by porter, not a folder of Keras files")
    found = [file for file in sorted(path.iterdir()) if file.is_file() and _may_hold_model(file)]
    if not found:
        raise SourceError(f"{path}: the folder holds no Keras model (no HDF5, .keras or model JSON)")
    return found


def _may_hold_model(path: Path) -> bool:
    content = content_of(path)
    if content == "text":
        return path.suffix.lower() in (".json", ".yaml", ".yml") and _is_model_text(read_text(path))
    return content == "hdf5" or (content == "zip" and "config.json" in Archive(path).members)


def _part(path: Path) -> _Part:
    readers = {"zip": _archive, "hdf5": _hdf5, "text": _text, "unknown": _unknown}
    return readers[content_of(path)](path)


def _unknown(path: Path) -> _Part:
    size = path.stat().st_size
    raise SourceError(f"{path}: is neither HDF5, nor a .keras archive, nor JSON ({size:,} bytes)")


def _archive(path: Path) -> _Part:
    archive = Archive(path)
    if "config.json" not in archive.members:
        raise SourceError(f"{path}: is a zip archive, but holds no config.json and so no Keras model")
    config = parsed(archive.text("config.json"), f"{path}:config.json")
    metadata: JsonDict = {}
    if "metadata.json" in archive.members:
        metadata = object_of(archive.text("metadata.json"), f"{path}:metadata.json")
    if "model.weights.h5" not in archive.members:
        other = "; weights in .npz are not supported" if "model.weights.npz" in archive.members else ""
        raise SourceError(f"{path}: the archive holds no model.weights.h5{other}")
    store = _arrays(archive.hdf5("model.weights.h5"))
    version = metadata.get("keras_version") or config.get("keras_version")
    return _Part(str(path), "Keras archive (.keras)", config, version, arrays=store, archive=archive)


def _hdf5(path: Path) -> _Part:
    file = open_hdf5(path)
    text = file.text("", "model_config")
    root = "model_weights" if "model_weights" in file.groups else ""
    version = file.text("", "keras_version") or file.text(root, "keras_version")
    backend = file.text("", "backend") or file.text(root, "backend")
    store = _arrays(file)
    if text is None:
        return _Part(str(path), "HDF5 weights", None, version, backend, store)
    config = parsed(text, f"{path}: its model_config")
    return _Part(str(path), "whole-model HDF5", config, version, backend, store)


def _arrays(file: Hdf5) -> ArrayStore:
    layout = layout_of(file)
    if layout is None:
        raise SourceError(
            f"{file.label}: is HDF5, but holds neither a Keras model nor Keras weights "
            f"(found at its root: {', '.join(sorted(_roots(file))[:6]) or 'nothing'})"
        )
    if layout == "objects":
        file.part_at_backslashes()
    return ArrayStore(file, layout)


def _roots(file: Hdf5) -> set[str]:
    return {path.split("/")[0] for path in {*file.groups, *file.arrays} if path}


def _text(path: Path) -> _Part:
    text = read_text(path)
    yaml = text.lstrip()[:1] not in ("{", "[", '"', "'") and len(YAML_MODEL.findall(text)) > 1
    config = shelled(parsed_yaml(text, str(path)), str(path)) if yaml else parsed(text, str(path))
    version, backend = config.get("keras_version"), config.get("backend")
    return _Part(str(path), "YAML" if yaml else "JSON", config, version, backend)


def _architecture(parts: Sequence[_Part]) -> _Part:
    found = [part for part in parts if part.config is not None]
    plain = [part for part in found if part.arrays is None]
    if not found:
        names = ", ".join(part.label for part in parts)
        raise SourceError(
            f"{names}: holds weights without an architecture; give the model's JSON file as well"
        )
    # A whole-model file may serve as the weights of a JSON file: then the JSON is the architecture.
    chosen = plain if plain and len(plain) < len(found) else found
    if len(chosen) > 1:
        raise RequestError(
            "several files hold an architecture, give one: " + ", ".join(part.label for part in chosen)
        )
    return chosen[0]


def _weights(parts: Sequence[_Part], architecture: _Part, optional: bool) -> _Part | None:
    found = [part for part in parts if part.arrays is not None]
    if len(found) > 1:
        raise RequestError("several files hold weights, give one: " + ", ".join(part.label for part in found))
    if not found and not optional:
        raise SourceError(
            f"{architecture.label}: holds an architecture without weights; give the HDF5 file with "
            "its weights as well"
        )
    return found[0] if found else None


def _store(weights: _Part | None) -> ArrayStore:
    if weights is None or weights.arrays is None:
        return ArrayStore(None, "none")
    return weights.arrays


def _writer(architecture: _Part, weights: _Part | None) -> Writer:
    config = architecture.config or {}
    version = architecture.version
    if version is not None and not isinstance(version, str):
        raise SourceError(f"its keras_version is no text: {version!r:.60}")
    # Keras 3 leaves its version out of the JSON, but is the first to name modules there.
    if version is None and "module" in config:
        return Writer(3)
    if version is None and weights is not None:
        version = weights.version
    spelled = generation_by_spelling(config)
    if version is None:
        since = since_by_content(config, _store(weights)) if spelled else None
        return Writer(2 if spelled is None else spelled, since=since)
    major = re.match(r"\d+", version)
    if major is None or int(major[0]) > 3:
        raise UnsupportedModel(f"was written by Keras {version}; supported are Keras 0 to 3")
    return Writer(int(major[0]), version)


def _origin(parts: Sequence[_Part], reading: Reading) -> Origin:
    formats = [part.format for part in parts]
    versions = [part.version for part in parts if part.version]
    return Origin(
        format=" + ".join(formats),
        files=tuple(part.label for part in parts),
        keras_version=reading.writer.version or (versions[0] if versions else None),
        backend=reading.writer.backend,
        generation=reading.writer.generation,
        notes=tuple(reading.notes),
    )
