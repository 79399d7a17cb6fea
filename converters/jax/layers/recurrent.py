"""Recurrent layers: Flax's cells wherever they mean the same, in its loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from converters.jax.layers.callables import functions
from converters.jax.layers.dtypes import dtype_name, precision
from converters.jax.rules import rules
from porter.graph.model import Node
from porter.graph.ops.op import Op
from porter.graph.ops.recurrent import SIGMOID, TANH, AnyRecurrent, Gru, Lstm, SimpleRnn
from porter.graph.ops.recurrent_convolution import ConvLstm
from porter.source.code import Call, Expression, List, Name, Tuple, call, index
from porter.source.statements import Statement, assign
from porter.weights.tensor import Constant, Summed
from porter.writing.forms import Expressions, Form, Layer, Names, Ways, Weight
from porter.writing.weights import weight

INPUT, STATE = "dense_i", "dense_h"
"""What the cells call the product of the input and that of the state."""


@rules.writes(SimpleRnn, Lstm, Gru)
def write_recurrent(op: AnyRecurrent, node: Node) -> Form:
    cell, helpers = _cell(op, node)
    single = call("RNN", cell)
    make = call("Bidirectional", single, single) if op.both else single
    helpers = (*helpers, "RNN", *(["Bidirectional"] if op.both else []))
    places = ("forward_rnn.cell.", "backward_rnn.cell.") if op.both else ("cell.",)
    held: dict[str, Weight] = {}
    for walk, place in zip(("", "_reverse"), places, strict=False):
        held |= {place + key: one for key, one in _weights(op, node, walk).items()}

    def statements(inputs: Expressions, names: Names) -> Sequence[Statement]:
        return Lines(op, inputs, names).all()

    return Layer(make, held, helpers=helpers, statements=statements, shows=shown(op.STATES, op.walks))


def shown(states: int, walks: int = 1) -> Ways:
    """What the loop gives: the sequence alone, or after the states, which Flax has in its own order."""
    of_walk = [range(2 + walk * states, 2 + (walk + 1) * states) for walk in range(walks)]
    return (0,), (*(state for walk in of_walk for state in reversed(walk)), 0)


def _cell(op: AnyRecurrent, node: Node) -> tuple[Call, tuple[str, ...]]:
    gate = None if isinstance(op, SimpleRnn) else ("gate_fn", op.recurrent_activation, SIGMOID)
    told = (("activation_fn", op.activation, TANH), *([gate] if gate else []))
    settings, helpers = functions(node, told)
    kind = _kind(op, node)
    types = precision(node)
    if isinstance(op, SimpleRnn) and "param_dtype" in types:
        types["dtype"] = dtype_name(node.outputs[0].dtype)  # which it takes for float32 else
    own = () if kind.startswith("nnx.") else (kind,)
    return call(kind, op.inputs, op.units, **settings, **types), (*helpers, *own)


def _kind(op: AnyRecurrent, node: Node) -> str:
    if isinstance(op, SimpleRnn):
        return "nnx.SimpleCell"
    if isinstance(op, Lstm):
        return "nnx.OptimizedLSTMCell"
    if not op.reset_after:
        return "ResetBeforeGRUCell"
    return "GRUCell" if "bias_hh" in node.params else "nnx.GRUCell"


BIASES: Mapping[type[Op], str] = {SimpleRnn: INPUT, Lstm: STATE, Gru: INPUT}
"""Where Flax's cells have their one bias, whether the source has one or not."""


def _weights(op: AnyRecurrent, node: Node, walk: str) -> dict[str, Weight]:
    held = {
        f"{INPUT}.kernel": weight(node, f"weight_ih{walk}", "o i -> i o"),
        f"{STATE}.kernel": weight(node, f"weight_hh{walk}", "o i -> i o"),
    }
    place = f"{BIASES[type(op)]}.bias"
    extra = f"bias_hh{walk}"
    if f"bias_ih{walk}" in node.params:
        held[place] = weight(node, f"bias_ih{walk}")
    else:
        size = node.params[f"weight_ih{walk}"].tensor.shape[0]
        held[place] = Weight(Constant(np.zeros((size,), "float32")), False)
    if extra in node.params and isinstance(op, Gru):
        held[f"{STATE}.bias"] = weight(node, extra)
    elif extra in node.params:
        first, second = node.params[f"bias_ih{walk}"], node.params[extra]
        total = Summed((first.tensor, second.tensor))
        held[place] = Weight(total, first.trainable and second.trainable)
    return held


class Lines:
    """The lines of a forward pass for one use: the call, then what is taken from its results."""

    def __init__(self, op: AnyRecurrent | ConvLstm, inputs: Expressions, names: Names) -> None:
        self.states, self.units = op.STATES, op.units
        self.both = not isinstance(op, ConvLstm) and op.both
        self.own, self.x, *rest = inputs
        self.settings: dict[str, Any] = {}
        mask = rest.pop(0) if op.masked else None
        if rest:
            self.settings["initial_carry"] = self._carry(rest)
        if mask is not None:
            self.settings["mask"] = mask
            if op.gaps != "repeat":
                self.settings["gaps"] = op.gaps
        self.sequence, self.last, *self.ends = names

    def _carry(self, parts: Sequence[Expression]) -> Expression:
        """States in Flax's order (c before h), for each walk."""
        walks = [parts[k : k + self.states] for k in range(0, len(parts), self.states)]
        carries = [_one(list(reversed(walk))) for walk in walks]
        return _one(carries)

    def all(self) -> list[Statement]:
        if not any(self.ends):
            return self._outputs_only()
        carry = self._carry([Name(name or "_") for name in self.ends])
        sequence = self.sequence or self.last or "_"
        run = call(self.own, self.x, **self.settings, return_carry=True)
        lines: list[Statement] = [assign([Tuple((carry, Name(sequence)))], run)]
        if self.last:
            lines.append(assign(self.last, self._last(Name(sequence))))
        return lines

    def _outputs_only(self) -> list[Statement]:
        run = call(self.own, self.x, **self.settings)
        if self.sequence:
            lines: list[Statement] = [assign(self.sequence, run)]
            if self.last:
                lines.append(assign(self.last, self._last(Name(self.sequence))))
            return lines
        assert self.last is not None
        if not self.both:
            return [assign(self.last, self._last(run))]
        return [assign(self.last, run), assign(self.last, self._last(Name(self.last)))]

    def _last(self, sequence: Expression) -> Expression:
        """The output at each walk's last step; the reverse walk's stands at the start."""
        if not self.both:
            return index(sequence, slice(None), -1)
        ends = (
            index(sequence, slice(None), -1, slice(None, self.units)),
            index(sequence, slice(None), 0, slice(self.units, None)),
        )
        return call("jnp.concatenate", List(ends), axis=-1)


def _one(items: list[Expression]) -> Expression:
    return items[0] if len(items) == 1 else Tuple(tuple(items))
