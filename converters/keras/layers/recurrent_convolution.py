"""ConvLSTM of every rank."""

from __future__ import annotations

from collections.abc import Sequence

from converters.keras.layer import LayerCall
from converters.keras.layers.convolution import numbers, orientation, padding
from converters.keras.layers.recurrent import read_recurrent
from converters.keras.layers.recurrent_cells import CELLS, Cell, functions
from converters.keras.legacy.conventions import TENSORFLOW
from converters.keras.rules import rules
from porter.graph.model import Spec, Value
from porter.graph.ops.convolution import Pads, split
from porter.graph.ops.recurrent_convolution import ConvLstm

NAMES = ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")


def conv_lstm_cell(layer: LayerCall, x: Value) -> Cell:
    """ConvLSTM: a convolution of the input, and one of the state that keeps its size."""
    rank, units = x.rank - 3, int(layer.config["filters"])
    _, sizes, channels = split(Spec((x.shape[0], *x.shape[2:])), orientation(layer))
    if not isinstance(channels, int):
        raise layer.refuse(f"the number of channels of its input must be known, got {channels}")
    kernel = numbers(layer.config["kernel_size"], rank)
    strides = numbers(layer.config.get("strides", 1), rank)
    dilation = numbers(layer.config.get("dilation_rate", 1), rank)
    pads = padding(layer, sizes, kernel, strides, dilation)
    gates = "({i f g o} u)"
    params = {
        "weight_ih": layer.weight("kernel", (*kernel, channels, 4 * units), f"*k c {gates} -> {gates} c *k"),
        "weight_hh": layer.weight(
            "recurrent_kernel", (*kernel, units, 4 * units), f"*k h {gates} -> {gates} h *k"
        ),
    }
    if layer.config.get("use_bias", True):
        params["bias"] = layer.weight("bias", (4 * units,))
    op = ConvLstm(
        channels,
        units,
        kernel,
        strides,
        dilation,
        pads,
        **functions(layer, units),
        orientation=orientation(layer),
        state_padding=state_padding(layer, kernel),
    )
    return Cell(op, params)


def state_padding(layer: LayerCall, kernel: Sequence[int]) -> Pads | None:
    """The zeros around the state where the writer put them otherwise than TensorFlow; None as usual."""
    usual = tuple(TENSORFLOW.padding(1, size, 1, 1) for size in kernel)
    own = tuple(layer.context.conventions.padding(1, size, 1, 1) for size in kernel)
    return None if own == usual else tuple(pad for pad in own if pad is not None)


for name in NAMES:
    CELLS[name] = conv_lstm_cell
    rules.reads(name)(read_recurrent)
