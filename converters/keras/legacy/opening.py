"""Recognising files of Keras 0 and 1, and bringing their architecture into today's structure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from converters.keras.arrays import ArrayStore
from converters.keras.backend import Told
from converters.keras.legacy.architecture import restructured
from converters.keras.legacy.ordering import HINT, file_ordering
from converters.keras.upgrade import Writer
from porter.errors import SourceError, UnsupportedModel, WeightsError

JsonDict = dict[str, Any]
OLD_WORDS = frozenset(
    "nb_filter border_mode dim_ordering inner_activation consume_less input_dtype W_regularizer b_constraint "
    "atrous_rate pool_length concat_axis dot_axes running_std nb_row".split()
)
"""Arguments that only Keras 0 and 1 had."""

NEW_WORDS = frozenset("units filters kernel_initializer bias_initializer data_format use_bias".split())
"""Arguments that only Keras 2 and later have."""

LATER_WORDS = frozenset({"gamma_regularizer", "beta_regularizer", "output_mask_type", "sparse"})
"""Arguments of Keras 1 that its versions before 1.0.8 did not have."""

BIASED = ("Dense", "Convolution1D", "Convolution2D", "Convolution3D")
"""Layers that write since 1.0.2 whether they have a bias."""

DEVIATIONS = (
    "the file has no keras_version: what batch normalization stored is read as deviations, as before "
    "Keras 1.0.7; if it is of 1.0.7 or 1.0.8, write that as keras_version into the architecture"
)
SHARING = {"PReLU": "alphas", "ParametricSoftplus": "alphas", "SReLU": "t_left"}
"""Layers with a number for each place, and one of their arrays."""

OLD_ARRAY = re.compile(r"_(W|U|b|running_std|alphas|betas)(_[a-z]+)?(:\d+)?$")


def generation_by_spelling(config: JsonDict) -> int | None:
    """0 or 1 where the architecture is in their words, else None."""
    if "class_name" not in config:
        return 0
    return 1 if OLD_WORDS & set(_words(config)) else None


def since_by_content(config: JsonDict, store: ArrayStore) -> tuple[int, ...] | None:
    """The version of Keras 1 from which files without one must be, where words or kernels show that.

    What wrote no version by itself was older than 1.0.5; later ones lose it when somebody saves
    `model.get_config()`.
    """
    later = LATER_WORDS & set(_words(config)) or any(_lies_as_later(item, store) for item in _layers(config))
    return (1, 1) if later else None


def _lies_as_later(layer: JsonDict, store: ArrayStore) -> bool:
    """Since 1.1 a one-dimensional kernel lies with its length in front, and before at the back."""
    told = layer["config"]
    length, filters = told.get("filter_length"), told.get("nb_filter")
    shape = _shape_of(f"{told.get('name')}_W", store) if length is not None else ()
    if len(shape) != 4:
        return False
    later = (shape[0], shape[1], shape[3]) == (length, 1, filters)
    return later and (shape[0], shape[2], shape[3]) != (filters, length, 1)


def _words(value: Any) -> Iterator[str]:
    """The arguments of all layers."""
    for layer in _layers(value):
        yield from map(str, layer["config"])


def _layers(value: Any) -> Iterator[JsonDict]:
    if isinstance(value, dict):
        if "class_name" in value and isinstance(value.get("config"), dict):
            yield value
        for item in value.values():
            yield from _layers(item)
    elif isinstance(value, list):
        for item in value:
            yield from _layers(item)


class UndecidedOrdering(UnsupportedModel):
    """A layer does not say which way round its images lie, and nothing else does."""


def opened(
    config: JsonDict, writer: Writer, store: ArrayStore, told: Told
) -> tuple[JsonDict, Writer, list[str]]:
    """The architecture in today's structure, the writer with its ordering, and remarks."""
    _refuse_mixed_words(config, writer)
    config = with_shared_axes(restructured(config), store)
    ordering, how = file_ordering(config)
    if ordering is None and told.ordering is None and not told.guessing:
        raise UndecidedOrdering(f"{how}; {HINT}")
    if told.ordering is not None:
        ordering, how = told.ordering, ""
    elif ordering is None:
        ordering = "th" if writer.release < (1, 1) else "tf"
        how = f"{how}; they are taken to lie as was usual then (dim_ordering {ordering!r})"
    notes = [how] if how else []
    return config, replace(writer, ordering=ordering), [*notes, *_on_deviations(config, writer)]


def _on_deviations(config: JsonDict, writer: Writer) -> list[str]:
    """Between 1.0.6 and 1.0.8 the meaning of `running_std` changed twice, and its name never.

    Layers that could have a "bias" and do not say so are older than that.
    """
    if writer.generation != 1 or writer.version is not None or writer.since:
        return []
    layers = list(_layers(config))
    norms = [layer["config"].get("name") for layer in layers if layer["class_name"] == "BatchNormalization"]
    older = any("bias" not in layer["config"] for layer in layers if layer["class_name"] in BIASED)
    return [f"{DEVIATIONS} ({norms[0]!r})"] if norms and not older else []


def _refuse_mixed_words(config: JsonDict, writer: Writer) -> None:
    """An architecture that calls itself Keras 1 and has words of Keras 2 was pieced together."""
    strange = sorted(NEW_WORDS & set(_words(config)))
    if strange:
        told = f"Keras {writer.version}" if writer.version else "Keras 0 or 1"
        raise SourceError(
            f"it is an architecture of {told}, but has words of Keras 2 ({', '.join(strange[:3])}); "
            "it mixes generations"
        )


def with_shared_axes(value: Any, store: ArrayStore) -> Any:
    """Configs of Keras 1 leave out along which axes an activation shares its numbers; its arrays show it."""
    if isinstance(value, list):
        return [with_shared_axes(item, store) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: with_shared_axes(item, store) for key, item in value.items()}
    array = SHARING.get(str(value.get("class_name")))
    config = value.get("config")
    if array is None or not isinstance(config, dict) or "shared_axes" in config:
        return value
    shape = _shape_of(f"{config.get('name')}_{array}", store)
    shared = [axis for axis, size in enumerate(shape, 1) if size == 1]
    return {**value, "config": {**config, "shared_axes": shared}}


def _shape_of(name: str, store: ArrayStore) -> tuple[int, ...]:
    found = (
        array.shape for key, array in store.arrays.items() if key.rpartition("/")[2].split(":")[0] == name
    )
    return next(found, ())


def refuse_mixture(writer: Writer, store: ArrayStore, version: str | None) -> None:
    """An architecture of one generation with weights of another is somebody's mistake."""
    found = _generation_of(store, version)
    if found is None or (writer.generation in found if found[-1] < 2 else writer.generation > 1):
        return
    told = f"Keras {writer.version}" if writer.version else f"Keras {writer.generation}"
    others = f"Keras {version}" if version else f"Keras {' or '.join(map(str, found))}"
    raise WeightsError(
        f"{store.label}: the architecture was written by {told}, the weights by {others}; "
        "give the two files that were saved together"
    )


def _generation_of(store: ArrayStore, version: str | None) -> tuple[int, ...] | None:
    """The generations that can have written these weights; None where nothing tells.

    Keras 0 numbered its arrays, Keras 1 named them.
    """
    if store.file is None or store.layout == "none":
        return None
    if version is not None and version[:1].isdigit():
        return (int(version[:1]),)
    if store.layout != "names":
        return (0,) if store.layout == "numbers" else (2, 3)
    names = [array.rpartition("/")[2] for array in store.arrays]
    return (1,) if any(OLD_ARRAY.search(name) for name in names) else None
