"""What a recurrent layer does at each step: from the config of a cell (or of its layer) to op and weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from converters.keras.layer import LayerCall
from converters.keras.layers.activation import NAMED, activation_name
from converters.keras.rules import rules
from converters.keras.spec import LayerSpec
from porter.dataclass import dataclass
from porter.graph.builder import Builder
from porter.graph.dims import BATCH
from porter.graph.model import Param, Spec, Value
from porter.graph.ops.op import Op
from porter.graph.ops.recurrent import AnyRecurrent, Gru, Lstm, SimpleRnn
from porter.graph.ops.recurrent_convolution import ConvLstm
from porter.weights.tensor import Derived, Tensor, moved


@dataclass(frozen=True)
class Cell:
    """The op for one walk over the sequence, and its weights."""

    op: AnyRecurrent | ConvLstm
    params: Mapping[str, Param]


CellRule = Callable[[LayerCall, Value], Cell]


def function(layer: LayerCall, key: str, default: str, units: int) -> Op | None:
    """The activation under `key` of the config, as an op without parameters; None for identity."""
    told = layer.config.get(key, default)
    if isinstance(told, LayerSpec):
        return _layer_function(layer, told, units)
    name = activation_name(layer, told)
    if name not in NAMED:
        raise layer.refuse(
            f"its {key} {name!r} is a function of the writer's own", "map the layer with --custom FILE.py"
        )
    return NAMED[name]


def _layer_function(layer: LayerCall, told: LayerSpec, units: int) -> Op | None:
    """An activation that is a layer: what its rule adds, which must be one op without weights."""
    rule = rules.reading.get(told.class_name)
    aside = Builder()
    value = Value("x", Spec((BATCH, units)))
    if callable(rule):
        inner = layer.inner(told, "activation", [value])
        rule(replace(inner, context=replace(layer.context, builder=aside)))
    if not callable(rule) or len(aside.nodes) > 1 or any(node.params for node in aside.nodes):
        raise layer.refuse(f"its activation {told.class_name} is more than one function without weights")
    return aside.nodes[0].op if aside.nodes else None


def simple_rnn_cell(layer: LayerCall, x: Value) -> Cell:
    """SimpleRNN: one product for the input, one for the state."""
    inputs, units = layer.size(-1, x), int(layer.config["units"])
    params = {
        "weight_ih": layer.weight("kernel", (inputs, units), "c u -> u c"),
        "weight_hh": layer.weight("recurrent_kernel", (units, units), "h u -> u h"),
    }
    if layer.config.get("use_bias", True):
        params["bias_ih"] = layer.weight("bias", (units,))
    return Cell(SimpleRnn(inputs, units, function(layer, "activation", "tanh", units)), params)


def lstm_cell(layer: LayerCall, x: Value) -> Cell:
    """LSTM: Keras has the gates in torch's order, side by side."""
    inputs, units = layer.size(-1, x), int(layer.config["units"])
    params = {
        "weight_ih": layer.weight("kernel", (inputs, 4 * units), "c ({i f g o} u) -> ({i f g o} u) c"),
        "weight_hh": layer.weight(
            "recurrent_kernel", (units, 4 * units), "h ({i f g o} u) -> ({i f g o} u) h"
        ),
    }
    if layer.config.get("use_bias", True):
        params["bias_ih"] = layer.weight("bias", (4 * units,))
    return Cell(Lstm(inputs, units, **functions(layer, units)), params)


def gru_cell(layer: LayerCall, x: Value) -> Cell:
    """GRU: with `reset_after` it has a bias for the input and one for the state, as two rows."""
    inputs, units = layer.size(-1, x), int(layer.config["units"])
    after = bool(layer.config.get("reset_after", True))
    params = {
        "weight_ih": layer.weight("kernel", (inputs, 3 * units), "c ({z r n} u) -> ({r z n} u) c"),
        "weight_hh": layer.weight("recurrent_kernel", (units, 3 * units), "h ({z r n} u) -> ({r z n} u) h"),
    }
    order = "({z r n} u) -> ({r z n} u)"
    if layer.config.get("use_bias", True) and not after:
        params["bias_ih"] = layer.weight("bias", (3 * units,), order)
    elif layer.config.get("use_bias", True):
        both = layer.tensor("bias", (2, 3 * units))
        for place, name in enumerate(("bias_ih", "bias_hh")):
            params[name] = layer.param(part(both, place), order, name="bias")
    return Cell(Gru(inputs, units, **functions(layer, units), reset_after=after), params)


def functions(layer: LayerCall, units: int) -> dict[str, Any]:
    """The two activations of a cell with gates, as the op's attributes."""
    # what is missing was written before sigmoid became the default
    usual = "sigmoid" if layer.context.generation >= 3 else "hard_sigmoid_02"
    return {
        "activation": function(layer, "activation", "tanh", units),
        "recurrent_activation": function(layer, "recurrent_activation", usual, units),
    }


def part(tensor: Tensor, place: int) -> Tensor:
    """One of the rows of a tensor."""
    return Derived((tensor,), f"row {place}", tensor.shape[1:], tensor.dtype, _Row(place))


@dataclass(frozen=True)
class _Row:
    place: int

    def __call__(self, array: np.ndarray) -> np.ndarray:
        row: np.ndarray = array[self.place]
        return row


def cudnn_lstm_cell(layer: LayerCall, x: Value) -> Cell:
    """CuDNNLSTM: arrays as NVIDIA's library wants them, a bias for the input and one for the state."""
    return _cudnn(layer, Lstm(layer.size(-1, x), int(layer.config["units"])), "i f g o", "i f g o")


def cudnn_gru_cell(layer: LayerCall, x: Value) -> Cell:
    """CuDNNGRU: as `cudnn_lstm_cell`, and always reset after the product."""
    return _cudnn(layer, Gru(layer.size(-1, x), int(layer.config["units"])), "z r n", "r z n")


def _cudnn(layer: LayerCall, op: AnyRecurrent, told: str, wanted: str) -> Cell:
    """Each gate's kernel is stored under the shape of its transpose; each recurrent kernel transposed."""
    units, gates = op.units, len(told.split())
    kernel = layer.tensor("kernel", (op.inputs, gates * units))
    by_gate = moved(kernel, "a ({%s} b) -> {%s} (a b)" % (told, wanted), b=units)  # noqa: UP031
    params = {
        "weight_ih": layer.param(moved(by_gate, "g (u c) -> (g u) c", u=units), name="kernel"),
        "weight_hh": layer.weight(
            "recurrent_kernel",
            (units, gates * units),
            "u ({%s} h) -> ({%s} u) h" % (told, wanted),  # noqa: UP031
        ),
    }
    bias = layer.tensor("bias", (2 * gates * units,))
    rows = moved(bias, "(k g) -> k g", k=2)
    for place, name in enumerate(("bias_ih", "bias_hh")):
        order = "({%s} u) -> ({%s} u)" % (told, wanted)  # noqa: UP031
        params[name] = layer.param(part(rows, place), order, name="bias")
    return Cell(op, params)


CELLS: dict[str, CellRule] = {
    "SimpleRNN": simple_rnn_cell,
    "SimpleRNNCell": simple_rnn_cell,
    "LSTM": lstm_cell,
    "LSTMCell": lstm_cell,
    "GRU": gru_cell,
    "GRUCell": gru_cell,
    "CuDNNLSTM": cudnn_lstm_cell,
    "CuDNNGRU": cudnn_gru_cell,
}
"""By class name of a cell, or of a layer that is one cell; `recurrent_convolution` adds its own."""
