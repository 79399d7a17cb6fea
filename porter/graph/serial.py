"""A graph as JSON and back: what `porter.json` keeps, so that a bundle can be read without any framework.

Parameters are not stored here but named: the key in the bundle's weight file and the move that brings it back
to the op's canonical axes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import porter.graph.ops  # noqa: F401  (makes every op known by name)
from porter.errors import SourceError
from porter.graph.dims import Dim, Sym
from porter.graph.model import Graph, Node, Origin, Param, Scope, Spec, Value
from porter.graph.ops.op import Op, op_named
from porter.graph.regroup import Kept

Json = dict[str, Any]


def to_json(graph: Graph, param: Callable[[Param], Json]) -> Json:
    """The graph; `param` says where a parameter's numbers lie."""
    numbers: dict[Value, int] = {}
    for value in (*graph.inputs, *(value for node in graph.nodes for value in node.outputs)):
        numbers.setdefault(value, len(numbers))
    return {
        "name": graph.name,
        "values": [_value(value, graph) for value in numbers],
        "inputs": [numbers[value] for value in graph.inputs],
        "outputs": [numbers[value] for value in graph.outputs],
        "output_names": list(graph.output_names),
        "nodes": [_node(node, numbers, param) for node in graph.nodes],
    }


def _value(value: Value, graph: Graph) -> Json:
    shape = [dim if isinstance(dim, int) else str(dim) for dim in value.shape]
    axes = {"axes": graph.axes[value]} if value in graph.axes else {}
    return {"name": value.name, "shape": shape, "dtype": value.dtype, **axes}


def _node(node: Node, numbers: Mapping[Value, int], param: Callable[[Param], Json]) -> Json:
    return {
        "op": type(node.op).__name__,
        "attributes": _attributes(node.op),
        "inputs": [numbers[value] for value in node.inputs],
        "outputs": [numbers[value] for value in node.outputs],
        "params": {name: {**param(held), "trainable": held.trainable} for name, held in node.params.items()},
        "origin": dataclasses.asdict(node.origin),
    }


def _attributes(op: Op) -> Json:
    return {field.name: _plain(getattr(op, field.name)) for field in dataclasses.fields(op)}


def _plain(value: Any) -> Any:
    if isinstance(value, Kept):
        return {"kept": value.axis}
    if isinstance(value, Sym):
        return {"sym": value.text}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, Op):
        return {"op": type(value).__name__, "attributes": _attributes(value)}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value


_SPECIAL: Mapping[str, Callable[[Any], Any]] = {"kept": Kept, "sym": Sym, "float": float}


def from_json(content: Json, param: Callable[[Json], Param]) -> Graph:
    """The graph again; `param` finds the numbers."""
    try:
        values = [
            Value(row["name"], Spec(tuple(map(_dim, row["shape"])), row["dtype"]))
            for row in content["values"]
        ]
        nodes = tuple(_read_node(row, values, param) for row in content["nodes"])
        axes = {v: row["axes"] for v, row in zip(values, content["values"], strict=True) if "axes" in row}
        inputs = tuple(values[number] for number in content["inputs"])
        outputs = tuple(values[number] for number in content["outputs"])
        return Graph(content["name"], inputs, outputs, nodes, axes, tuple(content["output_names"]))
    except (KeyError, IndexError, TypeError) as problem:
        raise SourceError(f"the graph in porter.json is damaged: {problem!r}") from problem


def _dim(told: int | str) -> Dim:
    return told if isinstance(told, int) else Sym(told)


def _read_node(row: Json, values: Sequence[Value], param: Callable[[Json], Param]) -> Node:
    told = row["origin"]
    scopes = tuple(Scope(**scope) for scope in told["scopes"])
    return Node(
        _read_op(row),
        tuple(values[number] for number in row["inputs"]),
        tuple(values[number] for number in row["outputs"]),
        {name: param(held) for name, held in row["params"].items()},
        Origin(told["layer"], told["kind"], scopes, told["source"]),
    )


def _read_op(row: Json) -> Op:
    attributes = {name: _read_plain(value) for name, value in row["attributes"].items()}
    return op_named(row["op"])(**attributes)


def _read_plain(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_read_plain(part) for part in value)
    if not isinstance(value, dict):
        return value
    if "op" in value:
        return _read_op(value)
    ((kind, inner),) = value.items()
    return _SPECIAL[kind](inner)
