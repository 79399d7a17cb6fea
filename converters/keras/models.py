"""From a model's JSON to its ModelSpec: layers in models and models in layers, to any depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from converters.keras.functional import Node, wired
from converters.keras.legacy.merging import name_merge
from converters.keras.legacy.spelling import respelled
from converters.keras.sequential import chained
from converters.keras.spec import LayerSpec, ModelSpec
from converters.keras.upgrade import RawLayer, Writer, upgraded, upgraded_module
from converters.keras.values import decoded
from porter.dataclass import dataclass
from porter.errors import SourceError, UnsupportedModel

JsonDict = dict[str, Any]
GRAPH_KEYS = ("layers", "input_layers", "output_layers")
# Config entries that hold layers even where a custom class left out the usual "trainable".
LAYER_KEYS = ("layer", "backward_layer", "forward_layer", "cell", "cells")


@dataclass
class Reading:
    """What holds for one whole file: who wrote it, and remarks gathered on the way."""

    writer: Writer
    notes: list[str] = field(default_factory=list)


def read_model(data: Any, reading: Reading) -> ModelSpec:
    """The ModelSpec of a model's JSON, which is `{"class_name": ..., "config": ...}`."""
    if not isinstance(data, dict) or "class_name" not in data or "config" not in data:
        raise SourceError("the JSON is not a Keras model: it has no class_name and config")
    model = _model_of(data, reading)
    if model is not None:
        return model
    class_name, config = data["class_name"], data["config"]
    if isinstance(config, dict) and {"units", "filters", "batch_shape"} & config.keys():
        raise SourceError(
            f"holds no layers: {class_name!r} is a single layer, or a subclassed model, which can only be "
            "read by running its code; rebuild it as a Functional or Sequential model"
        )
    raise UnsupportedModel(
        f"model of class {class_name!r} is a subclassed model; its file holds no architecture that "
        "can be read without running its code; rebuild it as a Functional or Sequential model"
    )


def _model_of(data: JsonDict, reading: Reading) -> ModelSpec | None:
    """The model that `data` describes, or None where it describes something else."""
    config = data["config"]
    if isinstance(config, list):
        config = {"layers": config}
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        return None
    if "input_layers" in config or "output_layers" in config:
        return _functional(config, reading)
    return _sequential(data, config, reading)


def _functional(config: JsonDict, reading: Reading) -> ModelSpec:
    nodes = [Node(read_layer(layer, reading), layer.get("inbound_nodes")) for layer in _layers(config)]
    return wired(config, nodes, reading.writer)


def _sequential(data: JsonDict, config: JsonDict, reading: Reading) -> ModelSpec:
    name = str(config.get("name") or data.get("name") or "sequential")
    layers = [read_layer(layer, reading) for layer in _layers(config)]
    built = data.get("build_config")
    shape = config.get("build_input_shape")
    if shape is None and isinstance(built, dict):
        shape = built.get("input_shape")
    model = chained(name, layers, decoded(shape), bool(config.get("trainable", True)))
    if model.layers[0].config.get("batch_shape") is None:
        reading.notes.append(f"the file does not say the input shape of Sequential model {name!r}")
    return model


def _layers(config: JsonDict) -> list[JsonDict]:
    for index, layer in enumerate(config["layers"]):
        if not isinstance(layer, dict) or not isinstance(layer.get("class_name"), str):
            raise SourceError(
                f"model {config.get('name', '')!r}: layer {index} has no class_name: {layer!r:.120}"
            )
    return list(config["layers"])


def read_layer(data: JsonDict, reading: Reading, held_as: str | None = None) -> LayerSpec:
    """The LayerSpec, still without calls, of one layer's JSON; `held_as` stands in for a name left out."""
    config = data.get("config")
    model = _model_of(data, reading) if config is not None else None
    if isinstance(config, list):
        config = {"layers": config}
    if not isinstance(config, dict):
        raise SourceError(f"layer {data.get('name')!r} of class {data['class_name']!r} has no config")
    plain = {key: value for key, value in config.items() if not (model and key in GRAPH_KEYS)}
    raw = RawLayer(data["class_name"], decoded(plain))
    respell = respelled if reading.writer.generation < 2 else name_merge  # which early Keras 2 still had
    raw = respell(raw, reading.writer)
    raw = upgraded(raw, reading.writer)
    built = decoded(data.get("build_config"))
    final = {key: _inside(key, value, reading) for key, value in raw.config.items()}
    shape = final.pop("batch_shape", None) if raw.class_name != "InputLayer" else None
    if built is None and shape is not None:
        built = {"input_shape": shape}
    name = data.get("name") or config.get("name") or (model.name if model else held_as)
    if not isinstance(name, str):
        raise SourceError(f"a layer of class {raw.class_name!r} has no name")
    return LayerSpec(
        class_name=raw.class_name,
        name=name,
        config=final,
        module=upgraded_module(_text(data.get("module"))),
        registered_name=_text(data.get("registered_name")),
        model=model,
        build_shapes=built,
        shared_id=data.get("shared_object_id"),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _inside(key: str, value: Any, reading: Reading) -> Any:
    """Layers in a config become LayerSpecs; everything else stays as it is."""
    if isinstance(value, list) and key == "cells":
        return [_inside(key, item, reading) for item in value]
    return read_layer(value, reading, key) if _is_layer(key, value) else value


def _is_layer(key: str, value: Any) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("class_name"), str):
        return False
    config = value.get("config")
    if isinstance(config, list):
        return key in LAYER_KEYS
    return isinstance(config, Mapping) and (key in LAYER_KEYS or ("name" in config and "trainable" in config))
