"""LSTM over sequences of images: a loop around two of torch's convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.torch.layers.convolution import flat_pads, plain, said
from converters.torch.layers.recurrent_activations import functions
from converters.torch.layers.weights import weights
from converters.torch.rules import rules
from porter.errors import UnsupportedModel
from porter.graph.model import Node
from porter.graph.ops.convolution import Pads
from porter.graph.ops.recurrent_convolution import ConvLstm
from porter.numerics.convolution import same_padding
from porter.source.code import Call, Expression, Name, Tuple, call, index
from porter.source.statements import Statement, assign
from porter.writing.forms import Expressions, Form, Layer, Names


@rules.writes(ConvLstm)
def write_conv_lstm(op: ConvLstm, node: Node) -> Form:
    pads = op.padding
    if pads == "same":
        raise UnsupportedModel(f"{node.origin}: the sizes of its images must be known")
    even = all(low == high for low, high in pads)
    settings, helpers = functions(
        node, activation=op.activation, recurrent_activation=op.recurrent_activation
    )
    keeping = op.state_padding or tuple(same_padding(1, size, 1) for size in op.kernel)
    lopsided = None if all(low == high for low, high in keeping) else keeping
    make = call(
        "ConvLSTM", _input_conv(op, node, pads if even else None), _recurrent_conv(op, lopsided), **settings
    )
    held = weights(
        node,
        **{
            "input_conv.weight": "weight_ih",
            "input_conv.bias": "bias",
            "recurrent_conv.1.weight" if lopsided else "recurrent_conv.weight": "weight_hh",
        },
    )

    def statements(inputs: Expressions, names: Names) -> Sequence[Statement]:
        own, x, *rest = inputs
        x = x if even else call("F.pad", x, flat_pads(pads))
        return _lines(op, own, [x, *rest], names)

    return Layer(make, held, helpers=(*helpers, "ConvLSTM"), statements=statements, shows=((0, 2, 3), (2, 3)))


def _input_conv(op: ConvLstm, node: Node, pads: Pads | None) -> Call:
    settings = said(
        kernel_size=plain(op.kernel),
        stride=plain(op.strides),
        dilation=plain(op.dilation),
        padding=plain([low for low, _ in pads]) if pads else 0,
        bias="bias" in node.params,
    )
    return call(f"nn.Conv{len(op.kernel)}d", op.inputs, 4 * op.units, **settings)


def _recurrent_conv(op: ConvLstm, pads: Pads | None) -> Call:
    """A convolution that keeps the size; an even kernel needs more cells behind than before."""
    kind, settings = f"nn.Conv{len(op.kernel)}d", {"kernel_size": plain(op.kernel), "bias": False}
    if pads is None:
        return call(kind, op.units, 4 * op.units, **settings, padding=plain([k // 2 for k in op.kernel]))
    pad = call(f"nn.ZeroPad{len(op.kernel)}d", flat_pads(pads))
    return call("nn.Sequential", pad, call(kind, op.units, 4 * op.units, **settings))


def _lines(op: ConvLstm, own: Expression, inputs: list[Expression], names: Names) -> list[Statement]:
    x, *rest = inputs
    settings: dict[str, Any] = {"mask": rest.pop(0)} if op.masked else {}
    if op.masked and op.gaps != "repeat":
        settings["gaps"] = op.gaps
    starts = [Tuple(tuple(rest))] if rest else []
    sequence, last, h, c = names
    from_sequence = bool(last and (sequence or h or not op.ends_in_state))
    first = sequence or (last if from_sequence else None)
    if not first:
        settings["sequence"] = False
    h = h or (None if from_sequence else last)
    ends = Tuple((Name(h or "_"), Name(c or "_"))) if h or c else Name("_")
    lines: list[Statement] = [assign([Tuple((Name(first or "_"), ends))], call(own, x, *starts, **settings))]
    if last and from_sequence:
        lines.append(assign(last, index(Name(first or "_"), slice(None), -1)))
    return lines
