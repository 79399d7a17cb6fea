"""What would go wrong, without a word, if an old file were loaded as though today's Keras had written it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from converters.keras.backend import Backend
from converters.keras.legacy.conventions import TENSORFLOW, Conventions, conventions
from converters.keras.legacy.recipes import TURNED
from converters.keras.spec import LayerSpec, ModelSpec
from converters.keras.upgrade import Writer

Predicate = Callable[[LayerSpec, Conventions], bool]
GATED = ("GRU", "LSTM", "ConvLSTM2D")
ACTIVATIONS = ("activation", "recurrent_activation")


def _turned(layer: LayerSpec, ways: Conventions) -> bool:
    return ways.turned and layer.class_name in TURNED


def _padded(layer: LayerSpec, ways: Conventions) -> bool:
    same = layer.config.get("padding") == "same" and "Pooling" not in layer.class_name
    sizes, strides = (_numbers(layer.config.get(key, 1)) for key in ("kernel_size", "strides"))
    moved = any(size % 2 == 0 for size in sizes) or any(stride > 1 for stride in strides)
    return same and moved and ways.padding is not TENSORFLOW.padding


def _numbers(told: Any) -> list[int]:
    return [item for item in (told if isinstance(told, (list, tuple)) else [told]) if isinstance(item, int)]


def _pooled(layer: LayerSpec, ways: Conventions) -> bool:
    same = layer.config.get("padding") == "same"
    return same and "Pooling" in layer.class_name and ways.pooling is not TENSORFLOW.pooling


def _halved(layer: LayerSpec, ways: Conventions) -> bool:
    even = any(size % 2 == 0 for size in _numbers(layer.config.get("kernel_size", 1)))
    return even and ways.turned and layer.class_name == "Conv3D" and layer.config.get("padding") == "same"


def _steadied(layer: LayerSpec, ways: Conventions) -> bool:
    return "added_epsilon" in layer.config


def _hard(layer: LayerSpec, ways: Conventions) -> bool:
    return any(layer.config.get(key) == "hard_sigmoid_02" for key in ACTIVATIONS)


def _by_batch(layer: LayerSpec, ways: Conventions) -> bool:
    return layer.class_name.startswith("BatchNormalizationMode")


def _flattened(layer: LayerSpec, ways: Conventions) -> bool:
    return layer.class_name == "Flatten"


DIFFERENCES: tuple[tuple[str, Predicate], ...] = (
    ("kernels lie turned round in space", _turned),
    ("'same' convolutions put their zeros elsewhere", _padded),
    ("'same' pooling has its windows elsewhere", _pooled),
    ("batch normalization adds epsilon beside the root or the deviation", _steadied),
    ("batch normalization works by other statistics than the stored ones", _by_batch),
    ("hard_sigmoid is 0.2 x + 0.5, and not x / 6 + 0.5", _hard),
)
OF_GATES = "gates lie in the order i, c, f, o, in an array each"
OF_THEANO = (
    "where a 'same' convolution in three dimensions with an even kernel puts its zeros depended on Theano's "
    "version, which no file tells; it is read as with Theano 0.8 before Keras 1.2, and as with 0.9 since"
)
UNVERSIONED = {
    0: "written by Keras 0.x, which put a layer's settings beside its class and wrote no version",
    1: "written by Keras 1.0.0 to 1.0.4, which wrote no version, or its version was left out",
}
LATER = "written by Keras 1.1 or 1.2, as its words show; its version was left out"
ORDERINGS = {
    "channels_first": "images lie channels first (dim_ordering 'th')",
    "channels_last": "images lie channels last (dim_ordering 'tf')",
}
OTHERWISE = "loaded as if today's Keras had written it, it would compute something else"
OF_FLATTENING = "Flatten takes images channels first as they lie"


def remarks(model: ModelSpec, writer: Writer) -> list[str]:
    """One sentence on what the file means otherwise than it seems, unless today's Keras reads it right."""
    ways = conventions(writer)
    if writer.generation > 1 and ways == TENSORFLOW:
        return []
    layers = list(_layers(model))
    told = [
        f"{what} ({_named(found)})" for what, test in DIFFERENCES if (found := _found(layers, test, ways))
    ]
    if writer.generation < 2:
        gated = [layer for layer in layers if layer.class_name in GATED]
        told += [f"{OF_GATES} ({_named(gated)})"] if gated else []
        first = any(layer.config.get("data_format") == "channels_first" for layer in layers)
        flat = _found(layers, _flattened, ways) if first else []
        told += [f"{OF_FLATTENING} ({_named(flat)})"] if flat else []
    if not told:
        return []
    even = _found(layers, _halved, ways)
    doubt = [f"{OF_THEANO} ({_named(even)})"] if even else []
    return [*doubt, f"{OTHERWISE}: {'; '.join(told)}"]


def on_its_writer(model: ModelSpec, writer: Writer, backend: Backend) -> list[str]:
    """On what a file of Keras 0 or 1 was written, where it does not matter or shows only with weights, and
    which way round its images lie."""
    if writer.generation > 1:
        return []
    layers = list(_layers(model))
    formats = {
        str(layer.config["data_format"])
        for layer in layers
        if "data_format" in layer.config and layer.class_name != "Flatten"
    }
    undecided = backend.certainty == "undecided"
    told = []
    if writer.version is None:
        told.append(LATER if writer.since else UNVERSIONED[writer.generation])
    told += [backend.sentence] if undecided or backend.certainty == "irrelevant" else []
    if len(formats) == 1:
        told.append(ORDERINGS[formats.pop()])
    elif formats:
        told.append("some layers take images channels first, some channels last, each by its dim_ordering")
    if undecided:
        told += [f"if on Theano, {text}" for text in remarks(model, replace(writer, backend="theano"))]
    elif not remarks(model, writer):
        told.append("nothing that was looked for in it would mean something else to today's Keras")
    return told


def _found(layers: list[LayerSpec], test: Predicate, ways: Conventions) -> list[LayerSpec]:
    return [layer for layer in layers if test(layer, ways)]


def _named(layers: list[LayerSpec]) -> str:
    names = [layer.name for layer in layers]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _layers(model: ModelSpec) -> Iterator[LayerSpec]:
    for layer in model.layers:
        yield from _with_inner(layer)


def _with_inner(layer: LayerSpec) -> Iterator[LayerSpec]:
    yield layer
    if layer.model is not None:
        yield from _layers(layer.model)
    for item in layer.config.values():
        if isinstance(item, LayerSpec):
            yield from _with_inner(item)
