"""The graph of a Functional model: who is called with whose outputs, in Keras 2's and Keras 3's
spelling.

A layer that is called several times has one node per call. Files count the nodes of a nested
Functional model from one in some places and from zero in others (its own inputs and outputs once
made a node), so the count is settled from the references themselves, and by the writer's habit
only where they leave it open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from converters.keras.spec import Call, LayerSpec, ModelSpec, TensorRef
from converters.keras.upgrade import Writer
from converters.keras.values import decoded, flat, is_reference, mapped
from porter.dataclass import dataclass
from porter.errors import Problem, SourceError

JsonDict = dict[str, Any]
CONSTANT = "_CONSTANT_VALUE"
# These keep a list of one tensor a list; every other Keras 2 layer unpacks it before its call.
KEEPS_NEST = ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty")
RECURRENT = ("RNN", "SimpleRNN", "LSTM", "GRU", "CuDNNLSTM", "CuDNNGRU", "Bidirectional")
# By generation: the number of a nested model's first call, where references leave it open.
INSIDE = {2: {"Functional": 1, "Sequential": 1}, 3: {"Functional": 0, "Sequential": 0}}
AT_THE_ENDS = {2: {"Functional": 1, "Sequential": 1}, 3: {"Functional": 1, "Sequential": 0}}
RECURRENT_2D = ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")


@dataclass(frozen=True)
class Node:
    """A layer before its calls are known, and what the file says about them."""

    layer: LayerSpec
    inbound: Any


def wired(config: JsonDict, nodes: Sequence[Node], writer: Writer) -> ModelSpec:
    """The model of `config`, whose layers are `nodes`."""
    name = str(config.get("name", "model"))
    _refuse_duplicates(name, nodes)
    known = {node.layer.name for node in nodes}
    calls = {node.layer.name: _calls(node, known) for node in nodes}
    ends = {key: _ends(config.get(key), key, name) for key in ("input_layers", "output_layers")}
    counts = {node.layer.name: _count(node.layer, calls) for node in nodes}
    inside = [[call.args, dict(call.kwargs)] for of in calls.values() for call in of]
    inner = _Offsets.of(inside, nodes, counts, INSIDE[max(writer.generation, 2)])
    outer = _Offsets.of(list(ends.values()), nodes, counts, AT_THE_ENDS[max(writer.generation, 2)])
    layers = tuple(
        replace(node.layer, calls=tuple(inner.applied(call) for call in calls[node.layer.name]))
        for node in nodes
    )
    model = ModelSpec(
        kind="Functional",
        name=name,
        layers=layers,
        inputs=tuple(flat(outer.moved(ends["input_layers"]))),
        outputs=outer.moved(_single(ends["output_layers"], writer)),
        inputs_nest=outer.moved(ends["input_layers"]),
        trainable=bool(config.get("trainable", True)),
    )
    _check(model, counts)
    return model


def _refuse_duplicates(name: str, nodes: Sequence[Node]) -> None:
    names = [node.layer.name for node in nodes]
    twice = sorted({layer for layer in names if names.count(layer) > 1})
    if twice:
        raise SourceError(f"model {name!r} has several layers of one name: {', '.join(map(repr, twice))}")


def _count(layer: LayerSpec, calls: Mapping[str, Sequence[Call]]) -> int:
    return 1 if layer.class_name == "InputLayer" else len(calls[layer.name])


def _calls(node: Node, known: set[str]) -> list[Call]:
    inbound = node.inbound
    if inbound is None:
        return []
    if not isinstance(inbound, list):
        raise SourceError(f"layer {node.layer.name!r}: its inbound_nodes are not a list: {inbound!r:.120}")
    return [_call(node.layer, item, known) for item in inbound if item not in ([], None)]


def _call(layer: LayerSpec, data: Any, known: set[str]) -> Call:
    """One call, in the spelling of Keras 3 (a dict of args) or of Keras 2 (nested lists)."""
    if isinstance(data, dict) and "args" in data:
        args, kwargs = decoded(data["args"]), decoded(data.get("kwargs", {}))
        return Call(tuple(args), kwargs)
    nest, kwargs = _legacy(layer, data, known)
    return _with_states(layer, _with_slices(layer, Call((nest,), kwargs)))


def _legacy(layer: LayerSpec, data: Any, known: set[str]) -> tuple[Any, JsonDict]:
    found: list[JsonDict] = []

    def nest(value: Any) -> Any:
        if _is_leaf(value):
            if len(value) == 4 and isinstance(value[3], dict):
                found.append(value[3])
            return decoded(value[2]) if value[0] == CONSTANT else TensorRef(*value[:3])
        if isinstance(value, dict):
            return {key: nest(item) for key, item in value.items()}
        if isinstance(value, list):
            return [nest(item) for item in value]
        raise SourceError(f"layer {layer.name!r}: its inbound node {data!r:.160} is malformed")

    inputs = nest(data)
    if isinstance(inputs, list) and len(inputs) == 1 and layer.class_name not in KEEPS_NEST:
        inputs = inputs[0]
    kwargs = found[0] if found else {}
    return inputs, {key: _legacy_argument(value, known) for key, value in kwargs.items()}


def _is_leaf(value: Any) -> bool:
    if not isinstance(value, list) or len(value) not in (3, 4):
        return False
    return is_reference(value[:3]) or (value[0] == CONSTANT and value[1] == -1)


def _legacy_argument(value: Any, known: set[str]) -> Any:
    if is_reference(value) and value[0] in known:
        return TensorRef(*value)
    if isinstance(value, list):
        return [_legacy_argument(item, known) for item in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _legacy_argument(item, known) for key, item in value.items()}
    return decoded(value)


def _with_slices(layer: LayerSpec, call: Call) -> Call:
    """`x[1:3]` of TensorFlow's Keras stores its slices as bare dicts of start, stop and step."""
    if layer.class_name != "SlicingOpLambda":
        return call

    def sliced(value: Any) -> Any:
        if isinstance(value, dict) and set(value) == {"start", "stop", "step"}:
            if flat(value):  # ends that the model computes stay where references are found
                return value
            return slice(value["start"], value["stop"], value["step"])
        if isinstance(value, list):
            return [sliced(item) for item in value]
        return value

    return Call(call.args, {key: sliced(value) for key, value in call.kwargs.items()})


def _with_states(layer: LayerSpec, call: Call) -> Call:
    """Keras 2 lists a recurrent layer's initial states and constants after its input."""
    first = call.args[0]
    recurrent = layer.class_name in RECURRENT + RECURRENT_2D
    if not recurrent or not isinstance(first, list) or len(first) < 2:
        return call
    constants = int(layer.config.get("num_constants") or 0)
    end = len(first) - constants
    extra: JsonDict = {}
    if first[1:end]:
        extra["initial_state"] = first[1:end]
    if constants:
        extra["constants"] = first[end:]
    return Call((first[0],), {**call.kwargs, **extra})


def _ends(value: Any, key: str, name: str) -> Any:
    if value is None:
        raise SourceError(f"model {name!r} has no {key}: its JSON is not a whole Functional model")

    def nest(item: Any) -> Any:
        if is_reference(item):
            return TensorRef(*item)
        if isinstance(item, dict):
            return {inner: nest(part) for inner, part in item.items()}
        if isinstance(item, list):
            return [nest(part) for part in item]
        raise SourceError(f"model {name!r}: its {key} are malformed at {item!r:.120}")

    return nest(value)


def _single(outputs: Any, writer: Writer) -> Any:
    """Keras 2 lists a single output too, though its model returns the tensor itself."""
    lone = writer.generation < 3 and isinstance(outputs, list) and len(outputs) == 1
    return outputs[0] if lone else outputs


@dataclass(frozen=True)
class _Offsets:
    """From what number each nested model's calls are counted, in one kind of reference."""

    start: Mapping[str, int]

    @staticmethod
    def of(
        places: list[Any],
        nodes: Sequence[Node],
        counts: Mapping[str, int],
        habit: Mapping[str, int],
    ) -> _Offsets:
        used: dict[str, set[int]] = {}
        for place in places:
            for ref in flat(place):
                used.setdefault(ref.layer, set()).add(ref.call)
        start = {}
        for node in nodes:
            model, name = node.layer.model, node.layer.name
            if model is None or name not in used:
                continue
            if 0 in used[name]:
                start[name] = 0
            elif max(used[name]) >= counts[name]:
                start[name] = 1
            else:
                start[name] = habit[model.kind]
        return _Offsets(start)

    def moved(self, nest: Any) -> Any:
        return mapped(nest, lambda ref: replace(ref, call=ref.call - self.start.get(ref.layer, 0)))

    def applied(self, call: Call) -> Call:
        return Call(self.moved(call.args), self.moved(dict(call.kwargs)))


def _check(model: ModelSpec, counts: Mapping[str, int]) -> None:
    """Every reference must lead to a call, and no call may wait for itself."""
    problems = [
        Problem(f"layer {layer.name!r}", problem)
        for layer in model.layers
        for ref in (ref for call in layer.calls for ref in flat([call.args, dict(call.kwargs)]))
        if (problem := _dangling(ref, counts))
    ]
    problems += [
        Problem(f"the {place} of model {model.name!r}", problem)
        for place, nest in (("inputs", model.inputs), ("outputs", model.outputs))
        for ref in flat(nest)
        if (problem := _dangling(ref, counts))
    ]
    if problems:
        raise SourceError(f"the graph of model {model.name!r} is broken", problems)
    _refuse_cycles(model)


def _dangling(ref: TensorRef, counts: Mapping[str, int]) -> str:
    if ref.layer not in counts:
        return f"takes an output of layer {ref.layer!r}, which the model does not have"
    if not 0 <= ref.call < counts[ref.layer]:
        times = counts[ref.layer]
        return f"takes call {ref.call} of layer {ref.layer!r}, which is called {times} times"
    return ""


def _refuse_cycles(model: ModelSpec) -> None:
    needs = {
        (layer.name, index): {(ref.layer, ref.call) for ref in flat([call.args, dict(call.kwargs)])}
        for layer in model.layers
        for index, call in enumerate(layer.calls)
    }
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        names = " -> ".join(repr(name) for name, _ in error.args[1])
        raise SourceError(f"the graph of model {model.name!r} runs in a circle: {names}") from error
