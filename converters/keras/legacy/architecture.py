"""Whole models of Keras 0 and 1 in the structure of Keras 2: layers in a list, merges as layers of graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from porter.errors import SourceError, UnsupportedModel

JsonDict = dict[str, Any]
Reference = list[Any]

CONTAINERS = ("Sequential", "Graph", "Model")
SETTINGS = ("loss", "optimizer", "sample_weight_mode", "sample_weight_modes", "loss_weights", "class_mode")


def restructured(model: JsonDict) -> JsonDict:
    """`model`, in whichever shell Keras 0 or 1 wrote it, as `{"class_name": ..., "config": ...}`."""
    if "class_name" not in model:
        model = _shelled(model, _Names())
    _check(model)
    return _model(model)


def _some(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise SourceError(f"{what} are no list: {value!r:.120}")
    return value


def _check(value: Any) -> None:
    """Every layer has a class, and a config with its name."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check(item)
    if not isinstance(value, dict) or "class_name" not in value:
        return
    class_name, config = value["class_name"], value.get("config")
    if not isinstance(class_name, str) or not isinstance(config, (dict, list)):
        raise SourceError(f"a layer of class {class_name!r:.60} has no config: {value!r:.120}")
    named = isinstance(config, list) or isinstance(config.get("name", value.get("name")), str)
    if not named and class_name not in CONTAINERS:
        raise SourceError(f"a layer of class {class_name!r} has no name: {config!r:.120}")
    if isinstance(config, list) and class_name not in CONTAINERS:
        raise SourceError(f"a layer of class {class_name!r} has a list for a config: {config!r:.120}")


class _Names:
    """Layer names made unique as Keras does it: `dense_1`, `dense_2`. Keras 0 names were not."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def fresh(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self.taken:
            number += 1
            name = f"{wanted}_{number}"
        self.taken.add(name)
        return name


def _shelled(data: JsonDict, names: _Names) -> JsonDict:
    """A layer or model of Keras 0, whose settings lie beside its class, with its settings in a config."""
    class_name = data.get("name") if isinstance(data, dict) else None
    if not isinstance(class_name, str):
        raise SourceError(f"a layer without a class: {data!r:.120}")
    if class_name in CONTAINERS:
        return {"class_name": class_name, "config": _container(data, names)}
    config = {key: value for key, value in data.items() if key not in ("name", "custom_name")}
    config["name"] = names.fresh(str(data.get("custom_name") or class_name.lower()))
    for key in ("layers", "inputs"):
        if isinstance(config.get(key), list):
            config[key] = [_shelled(item, names) for item in config[key]]
    if isinstance(config.get("layer"), dict):
        config["layer"] = _shelled(config["layer"], names)
    return {"class_name": class_name, "config": config}


def _container(data: JsonDict, names: _Names) -> Any:
    if data["name"] == "Sequential":
        return [_shelled(layer, names) for layer in _some(data.get("layers"), "a Sequential model's layers")]
    config = {key: value for key, value in data.items() if key not in SETTINGS}
    nodes = data.get("nodes")
    if not isinstance(nodes, dict):
        raise SourceError("a Graph model without nodes")
    config["nodes"] = {key: _shelled(node, names) for key, node in nodes.items()}
    return config


def _model(data: JsonDict) -> JsonDict:
    """One model, with the models in it."""
    if data["class_name"] == "Graph":
        return {**data, "class_name": "Model", "config": _Drawing().graph(data["config"])}
    if data["class_name"] == "Sequential":
        layers = _listed(data["config"])
        if _starts_with_merge(layers):
            return {**data, "class_name": "Model", "config": _Drawing().merged(data, layers)}
        return {**data, "config": _with(data["config"], [_layer(layer) for layer in layers])}
    if data["class_name"] == "Model" and isinstance(data["config"], dict):
        layers = _listed(data["config"])
        return {**data, "config": {**data["config"], "layers": [_layer(layer) for layer in layers]}}
    return data


def _listed(config: Any) -> list[JsonDict]:
    layers = config.get("layers") if isinstance(config, dict) else config
    if not isinstance(layers, list) or not all(
        isinstance(layer, dict) and "class_name" in layer for layer in layers
    ):
        raise SourceError(f"a model without a list of layers: {config!r:.120}")
    return layers


def _with(config: Any, layers: list[JsonDict]) -> Any:
    return {**config, "layers": layers} if isinstance(config, dict) else layers


def _layer(data: JsonDict) -> JsonDict:
    """A layer with the models inside it restructured."""
    if data["class_name"] in CONTAINERS:
        return _model(data)
    config = data.get("config")
    if isinstance(config, dict) and isinstance(config.get("layer"), dict):
        return {**data, "config": {**config, "layer": _layer(config["layer"])}}
    return data


class _Drawing:
    """A graph of layers on the way from a chain or a Graph to a Functional model's config."""

    def __init__(self) -> None:
        self.layers: dict[str, JsonDict] = {}
        self.inputs: list[Reference] = []

    def config(self, name: str, outputs: Sequence[Reference]) -> JsonDict:
        return {
            "name": name,
            "layers": list(self.layers.values()),
            "input_layers": self.inputs,
            "output_layers": list(outputs),
        }

    # -- Sequential models that begin with a Merge of others --------------------------------------

    def merged(self, data: JsonDict, layers: Sequence[JsonDict]) -> JsonDict:
        output = self.chain(layers, None)
        config = data["config"]
        name = config.get("name") if isinstance(config, dict) else None
        return self.config(str(name or data.get("name") or "sequential"), [output])

    def chain(self, layers: Sequence[JsonDict], current: Reference | None) -> Reference:
        """`layers` one after the other; the first brings its own inputs where there is no `current`."""
        for layer in layers:
            config = layer.get("config")
            if layer["class_name"] == "Merge" and isinstance(config, dict) and config.get("layers"):
                current = self.merge(layer)
            elif layer["class_name"] == "Sequential" and (
                current is None or _starts_with_merge(_listed(config))
            ):
                current = self.chain(_listed(config), current)
            else:
                current = self.call(_layer(layer), [current] if current else [self.entry(layer)])
        if current is None:
            raise SourceError("a Sequential model without layers")
        return current

    def merge(self, layer: JsonDict) -> Reference:
        config = dict(layer["config"])
        branches = [self.branch(branch) for branch in _listed({"layers": config.pop("layers")})]
        return self.call({**layer, "config": config}, branches)

    def branch(self, layer: JsonDict) -> Reference:
        return self.chain(_listed(layer["config"]) if layer["class_name"] == "Sequential" else [layer], None)

    def entry(self, layer: JsonDict) -> Reference:
        """The input in front of a first layer, which holds its shape."""
        config = layer.get("config") or {}
        if layer["class_name"] in CONTAINERS:
            raise UnsupportedModel(
                f"a merge of a {layer['class_name']} inside a Sequential model is not carried"
            )
        if layer["class_name"] == "InputLayer" or config["name"] in self.layers:
            return self.call(layer, []) if config["name"] not in self.layers else self.again(config["name"])
        shape = config.get("batch_input_shape")
        if shape is None and isinstance(config.get("input_shape"), list):
            shape = [None, *config["input_shape"]]
        if layer["class_name"] == "Embedding" and config.get("batch_input_shape") is None:
            shape = [None, config.get("input_length")]
        dtype = config.get("input_dtype") or "float32"
        return self.put_input(f"{config['name']}_input", shape, dtype)

    def again(self, name: str) -> Reference:
        """The input of a first layer that two branches share."""
        inbound = self.layers[name]["inbound_nodes"]
        return list(inbound[0][0])

    def put_input(self, name: str, shape: Any, dtype: str) -> Reference:
        config = {"name": name, "batch_input_shape": shape, "input_dtype": dtype}
        self.layers[name] = {"class_name": "InputLayer", "name": name, "config": config, "inbound_nodes": []}
        self.inputs.append([name, 0, 0])
        return [name, 0, 0]

    def call(self, layer: JsonDict, inputs: Sequence[Reference | None]) -> Reference:
        """One more call of a layer; a layer met before under its name is the same one."""
        if layer["class_name"] == "InputLayer":
            name = layer["config"]["name"]
            if name not in self.layers:
                self.layers[name] = {**layer, "name": name, "inbound_nodes": []}
                self.inputs.append([name, 0, 0])
            return [name, 0, 0]
        config = layer["config"]
        name = layer.get("name") or (config.get("name") if isinstance(config, dict) else None)
        name = str(name or f"{layer['class_name'].lower()}_{len(self.layers) + 1}")
        known = self.layers.setdefault(name, {**layer, "name": name, "inbound_nodes": []})
        node = [list(reference) for reference in inputs if reference is not None]
        if node in known["inbound_nodes"]:
            return [name, known["inbound_nodes"].index(node), 0]
        known["inbound_nodes"].append(node)
        return [name, len(known["inbound_nodes"]) - 1, 0]

    # -- Graph models ------------------------------------------------------------------------------

    def graph(self, config: JsonDict) -> JsonDict:
        made: dict[str, Reference] = {}
        for item in _entries(config, "input_config"):
            shape = item.get("batch_input_shape") or [None, *(item.get("input_shape") or [])]
            dtype = "int32" if "int" in str(item.get("dtype", "")) else "float32"
            made[item["name"]] = self.put_input(item["name"], shape, dtype)
        for item in _entries(config, "node_config"):
            if item["name"] not in config["nodes"]:
                raise SourceError(f"the graph has no node {item['name']!r}")
            self.node(item, config["nodes"][item["name"]], made)
        outputs = [self.gathered(item, made) for item in _entries(config, "output_config")]
        return self.config(str(config.get("name", "graph")), outputs)

    def node(self, item: JsonDict, layer: JsonDict, made: dict[str, Reference]) -> None:
        if layer["class_name"] == "Siamese":
            made[item["name"]] = self.shared(item, layer, made)
        elif layer["class_name"] == "SiameseHead":
            made[item["name"]] = made[_source(item)]
        else:
            made[item["name"]] = self.call(
                {**_layer(layer), "name": item["name"]}, [self.gathered(item, made)]
            )

    def shared(self, item: JsonDict, layer: JsonDict, made: dict[str, Reference]) -> Reference:
        """One layer on each of several inputs, its outputs merged."""
        config = layer["config"]
        inner = _layer(config["layer"])
        outputs = [self.call(inner, [made[name]]) for name in item.get("inputs") or []]
        if config.get("merge_mode") in (None, "join"):
            raise UnsupportedModel(
                f"shared node {item['name']!r}: its outputs are not merged, which is not carried"
            )
        return self.joined(item["name"], config, outputs)

    def gathered(self, item: JsonDict, made: dict[str, Reference]) -> Reference:
        """What a node takes: one value, or several merged."""
        names = item.get("inputs") or []
        missing = [
            name for name in [*names, *([item["input"]] if item.get("input") else [])] if name not in made
        ]
        if missing:
            raise SourceError(
                f"node {item['name']!r} takes {missing[0]!r}, which the graph does not have before it"
            )
        if not names:
            return made[_source(item)]
        if len(names) == 1:
            return made[names[0]]
        return self.joined(f"{item['name']}_inputs", item, [made[name] for name in names])

    def joined(self, name: str, told: JsonDict, inputs: Sequence[Reference]) -> Reference:
        config = {
            "name": name,
            "mode": told.get("merge_mode", "concat"),
            "concat_axis": told.get("concat_axis", -1),
            "dot_axes": told.get("dot_axes", -1),
        }
        return self.call({"class_name": "Merge", "config": config}, inputs)


def _entries(config: JsonDict, key: str) -> list[JsonDict]:
    """The entries of a Graph under `key`, each with a name and a list of inputs or none."""
    found = _some(config.get(key), f"a Graph's {key}")
    for item in found:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            raise SourceError(f"an entry of a Graph's {key} has no name: {item!r:.120}")
        if not all(isinstance(name, str) for name in _some(item.get("inputs") or [], "its inputs")):
            raise SourceError(f"{item['name']!r} has inputs that are no names: {item!r:.120}")
    return found


def _source(item: JsonDict) -> str:
    told = item.get("input")
    if not isinstance(told, str):
        raise SourceError(f"node {item.get('name')!r} has no input")
    return told


def _starts_with_merge(layers: Sequence[JsonDict]) -> bool:
    if not layers or layers[0]["class_name"] != "Merge":
        return False
    return isinstance(layers[0]["config"], dict) and isinstance(layers[0]["config"].get("layers"), list)
