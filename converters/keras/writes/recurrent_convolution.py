"""LSTM over sequences of images."""

from __future__ import annotations

from typing import Any

from converters.keras.rules import rules
from converters.keras.writes.making import layer, stored
from converters.keras.writes.padding import word
from converters.keras.writes.recurrent import Walk, functions, initial
from porter.errors import UnsupportedModel
from porter.graph.model import Node
from porter.graph.ops.recurrent_convolution import ConvLstm
from porter.writing.forms import Form, Layer
from porter.writing.settings import plain
from porter.writing.weights import weight


@rules.writes(ConvLstm)
def write_conv_lstm(op: ConvLstm, node: Node) -> Form:
    told, helpers = functions(op, node)
    plan = Walk(op, node)
    padding = word(op.padding, node.inputs[0].shape[2:-1], op.kernel, op.strides, op.dilation)
    if padding is None:
        raise UnsupportedModel(f"{node.origin}: Keras's ConvLSTM has no padding of {op.padding}")
    if op.state_padding is not None:
        raise UnsupportedModel(f"{node.origin}: Keras's ConvLSTM has no state padding of {op.state_padding}")
    settings: dict[str, Any] = {
        "strides": plain(op.strides),
        "padding": padding,
        "dilation_rate": plain(op.dilation),
        "use_bias": "bias" in node.params,
    }
    rank = len(op.kernel)
    settings |= {**told, **plan.settings(), **initial(node)}
    make = layer(f"ConvLSTM{rank}D", node, op.units, plain(op.kernel), **settings)
    held = [
        weight(node, "weight_ih", "o i *s -> *s i o"),
        weight(node, "weight_hh", "o i *s -> *s i o"),
        weight(node, "bias") if "bias" in node.params else None,
    ]
    return Layer(make, stored(held, "cell"), helpers=helpers, statements=plan.lines, shows=plan.shows)
