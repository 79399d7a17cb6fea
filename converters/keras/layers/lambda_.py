"""Lambda layers, and merges by a function: their bytecode is read symbolically, never executed."""

from __future__ import annotations

from converters.keras.lambdas.reading import read_function
from converters.keras.layer import LayerCall
from converters.keras.rules import rules
from porter.graph.model import Value


@rules.reads("Lambda")
def read_lambda(layer: LayerCall) -> tuple[Value, ...]:
    """A list of several inputs reaches the function as a list."""
    told = layer.args[0] if layer.args else None
    several = isinstance(told, (list, tuple))
    return read_function(layer, list(layer.inputs) if several else layer.value)


@rules.reads("LambdaMerge")
def read_lambda_merge(layer: LayerCall) -> tuple[Value, ...]:
    return read_function(layer, list(layer.inputs))
