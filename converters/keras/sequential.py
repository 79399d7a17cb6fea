"""A Sequential model as the chain of calls that it stands for, with its input made explicit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from converters.keras.spec import Call, LayerSpec, ModelSpec, TensorRef
from porter.errors import SourceError

JsonDict = dict[str, Any]


def chained(name: str, layers: Sequence[LayerSpec], shape: Any, trainable: bool) -> ModelSpec:
    """The model that calls `layers` one after the other; `shape` is its input's, if known."""
    if not layers:
        raise SourceError(f"model {name!r} is a Sequential without layers")
    _refuse_duplicates(name, layers)
    if layers[0].class_name != "InputLayer":
        layers = [_input_for(layers, shape), *layers]
    entry = TensorRef(layers[0].name)
    done, current = [layers[0]], entry
    for layer in layers[1:]:
        done.append(replace(layer, calls=(Call((current,)),)))
        current = TensorRef(layer.name)
    return ModelSpec(
        kind="Sequential",
        name=name,
        layers=tuple(done),
        inputs=(entry,),
        outputs=current,
        inputs_nest=entry,
        trainable=trainable,
    )


def _refuse_duplicates(name: str, layers: Sequence[LayerSpec]) -> None:
    names = [layer.name for layer in layers]
    twice = sorted({layer for layer in names if names.count(layer) > 1})
    if twice:
        raise SourceError(f"model {name!r} has several layers of one name: {', '.join(map(repr, twice))}")


def _input_for(layers: Sequence[LayerSpec], shape: Any) -> LayerSpec:
    first, taken = layers[0], {layer.name for layer in layers}
    name = f"{first.name}_input"
    while name in taken:
        name += "_"
    config = {"name": name, "batch_shape": _shape(first, shape), "dtype": _dtype(first)}
    return LayerSpec("InputLayer", name, config, module="keras.layers")


def _shape(first: LayerSpec, shape: Any) -> Any:
    """The first layer's own word, else a nested model's input, else what it was built with."""
    said = first.build_shapes.get("input_shape") if isinstance(first.build_shapes, dict) else None
    if said is None and first.model is not None:
        entry = first.model.inputs[0].layer
        inner = next(layer for layer in first.model.layers if layer.name == entry)
        said = inner.config.get("batch_shape")
    said = shape if said is None else said
    return list(said) if _is_shape(said) else None


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(size is None or isinstance(size, int) for size in value)


def _dtype(first: LayerSpec) -> str:
    if first.model is not None:
        entry = first.model.inputs[0].layer
        inner = next(layer for layer in first.model.layers if layer.name == entry)
        return str(inner.config.get("dtype") or "float32")
    dtype = first.config.get("dtype")
    plain = isinstance(dtype, str) and not dtype.startswith("mixed_")
    return str(dtype) if plain else "float32"
