"""LSTM over sequences of images: a cell of two convolutions in Flax's loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.jax.layers.callables import functions
from converters.jax.layers.convolution import named_padding
from converters.jax.layers.dtypes import precision
from converters.jax.layers.recurrent import Lines, shown
from converters.jax.module_names import CONV
from converters.jax.rules import rules
from porter.graph.model import Node
from porter.graph.ops.recurrent import SIGMOID, TANH
from porter.graph.ops.recurrent_convolution import ConvLstm
from porter.source.code import call
from porter.source.statements import Statement
from porter.writing.forms import Expressions, Form, Layer, Names
from porter.writing.settings import plain, said
from porter.writing.weights import weight, weights


@rules.writes(ConvLstm)
def write_conv_lstm(op: ConvLstm, node: Node) -> Form:
    chosen = (("activation_fn", op.activation, TANH), ("gate_fn", op.recurrent_activation, SIGMOID))
    settings, helpers = functions(node, chosen)
    sizes = node.inputs[0].shape[2:-1]
    given: dict[str, Any] = {
        "strides": plain(op.strides),
        "padding": named_padding(op.padding, sizes, op.kernel, op.strides, op.dilation),
        "kernel_dilation": plain(op.dilation),
        "use_bias": "bias" in node.params,
    }
    state = {"padding": op.state_padding or "SAME", "use_bias": False}
    convs = [
        call("nnx.Conv", features, 4 * op.units, kernel_size=op.kernel, **said(CONV, told), **precision(node))
        for features, told in ((op.inputs, given), (op.units, state))
    ]
    make = call("RNN", call("ConvLSTMCell", *convs, **settings))
    held = {
        "cell.input_conv.kernel": weight(node, "weight_ih", "o i *s -> *s i o"),
        "cell.recurrent_conv.kernel": weight(node, "weight_hh", "o i *s -> *s i o"),
        **weights(node, **{"cell.input_conv.bias": "bias"}),
    }

    def statements(inputs: Expressions, names: Names) -> Sequence[Statement]:
        return Lines(op, inputs, names).all()

    helpers = (*helpers, "RNN", "ConvLSTMCell")
    return Layer(make, held, helpers=helpers, statements=statements, shows=shown(op.STATES))
