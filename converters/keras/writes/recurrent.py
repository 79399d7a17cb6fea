"""Recurrent layers: Keras's own, with explicit masks and states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.keras.rules import rules
from converters.keras.writes.making import about, layer, op, policy_of, stored, used
from converters.keras.writing.activations import argument
from porter.errors import UnsupportedModel
from porter.graph.model import Node
from porter.graph.ops.op import Op
from porter.graph.ops.recurrent import AnyRecurrent, Gru, Lstm, SimpleRnn
from porter.graph.ops.recurrent_convolution import ConvLstm
from porter.source.code import Call, Expression, List, Name, Tuple, call, index
from porter.source.statements import Statement, assign
from porter.weights.tensor import Constant, Stacked, Summed, moved
from porter.writing.forms import Expressions, Form, Layer, Names, Ways, Weight
from porter.writing.weights import weight

KINDS: dict[type[Op], str] = {SimpleRnn: "SimpleRNN", Lstm: "LSTM", Gru: "GRU"}

MOVES: dict[type[Op], str] = {
    SimpleRnn: "",
    Lstm: "",
    Gru: "({r z n} u) -> ({z r n} u)",
}
"""From the op's order of gates to Keras's."""


@rules.writes(SimpleRnn, Lstm, Gru)
def write_recurrent(op_: AnyRecurrent, node: Node) -> Form:
    told, helpers = functions(op_, node)
    plan = Walk(op_, node)
    told |= plan.settings() | initial(node)
    told["use_bias"] = any(name.startswith("bias") for name in node.params)
    if isinstance(op_, Gru):
        told["reset_after"] = op_.reset_after
    kind = KINDS[type(op_)]
    if not op_.both:
        made = layer(kind, node, op_.units, **told)
        held = _weights(op_, node, "", "cell")
        return Layer(made, held, helpers=helpers, statements=plan.lines, shows=plan.shows)
    single = layer(kind, node, op_.units, **told)
    kept = [(name, value) for name, value in single.kwargs if name not in ("name", "trainable")]
    inner = Call(single.func, single.args, tuple(kept))
    make = call("layers.Bidirectional", inner, **about(node))
    held = {
        **_weights(op_, node, "", "forward_layer.cell"),
        **_weights(op_, node, "_reverse", "backward_layer.cell"),
    }
    return Layer(make, held, helpers=helpers, statements=plan.lines, shows=plan.shows)


def functions(op_: AnyRecurrent | ConvLstm, node: Node) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The activations as arguments, with the snippets that they need."""
    told: dict[str, Any] = {}
    helpers: tuple[str, ...] = ()
    keys = ("activation",) if isinstance(op_, SimpleRnn) else ("activation", "recurrent_activation")
    for key in keys:
        function = getattr(op_, key)
        found = argument(function)
        if found is None:
            raise UnsupportedModel(f"{node.origin}: Keras has no name for {function} in a recurrent layer")
        told[key] = _plain(found[0])
        helpers += found[1]
    return told, helpers


def initial(node: Node) -> dict[str, str]:
    """Keras's usual first numbers, which are replaced anyway, cannot be made in bfloat16."""
    return {"recurrent_initializer": "glorot_uniform"} if policy_of(node) == "bfloat16" else {}


def _plain(expression: Expression) -> Any:
    value = getattr(expression, "value", None)
    return value if isinstance(value, str) else expression


def _weights(op_: AnyRecurrent, node: Node, walk: str, place: str) -> dict[str, Weight]:
    kernels = [_matrix(op_, node, f"weight_{part}{walk}") for part in ("ih", "hh")]
    return stored([*kernels, _bias(op_, node, walk)], place)


def _matrix(op_: AnyRecurrent, node: Node, name: str) -> Weight:
    if isinstance(op_, Gru):
        return weight(node, name, "({r z n} u) c -> c ({z r n} u)", u=op_.units)
    return weight(node, name, "g c -> c g")


def _bias(op_: AnyRecurrent, node: Node, walk: str) -> Weight | None:
    """Keras has one bias; a GRU that resets after the product has one for the input and one for the state."""
    names = [f"bias_ih{walk}", f"bias_hh{walk}"]
    given = [name for name in names if name in node.params]
    if not given:
        return None
    if isinstance(op_, Gru) and op_.reset_after:
        return _both(op_, node, names)
    if len(given) == 1:
        move = MOVES[type(op_)]
        return weight(node, given[0], move, **({"u": op_.units} if move else {}))
    return _sum(op_, node, names)


def _both(op_: Gru, node: Node, names: Sequence[str]) -> Weight:
    held = [
        moved(node.params[name].tensor, MOVES[Gru], u=op_.units) if name in node.params else None
        for name in names
    ]
    known = next(tensor for tensor in held if tensor is not None)
    empty = Constant(np.zeros(known.shape, known.dtype))
    trainable = all(node.params[name].trainable for name in names if name in node.params)
    return Weight(Stacked(tuple(empty if tensor is None else tensor for tensor in held)), trainable)


def _sum(op_: AnyRecurrent, node: Node, names: Sequence[str]) -> Weight:
    params = [node.params[name] for name in names]
    move = MOVES[type(op_)]
    sizes = {"u": op_.units} if move else {}
    first, second = (moved(p.tensor, move, **sizes) if move else p.tensor for p in params)
    return Weight(Summed((first, second)), all(p.trainable for p in params))


class Walk:
    """How one use of a layer is called, and what is taken from its results."""

    def __init__(self, op_: AnyRecurrent | ConvLstm, node: Node) -> None:
        self.op = op_
        self.both = not isinstance(op_, ConvLstm) and op_.both
        sequence, last, *ends = used(node)
        # the state that is the last output needs no asking for states
        self.by_state = bool(ends[0] and not any(ends[1:]) and not self.both and op_.ends_in_state)
        self.states = any(ends) and not self.by_state
        last = last or self.by_state
        # where sequence and last output are wanted, the last is taken from the sequence
        self.sequence = sequence or (last and op_.masked and op_.gaps == "zeros")
        # only of images: `masked_steps.py` has taken in the others
        if op_.masked and op_.gaps == "state" and (sequence or last):
            raise UnsupportedModel(
                f"{node.origin}: it shows its state at masked steps, which today's Keras has no layer for"
            )

    def settings(self) -> dict[str, Any]:
        """What the layer's constructor is told."""
        told: dict[str, Any] = {"return_sequences": self.sequence, "return_state": self.states}
        if self.op.masked and self.op.gaps == "zeros" and not self.both:
            told["zero_output_for_mask"] = True
        return told

    @property
    def shows(self) -> Ways:
        """What the layer gives: the sequence or the last output, and the states where they are asked for."""
        first = 0 if self.sequence else 1
        states = range(2, 2 + self.op.STATES * (2 if self.both else 1)) if self.states else ()
        return ((first, *states),)

    def lines(self, inputs: Expressions, names: Names) -> Sequence[Statement]:
        """The lines for one call."""
        own, x, *rest = inputs
        made: Expression = call(own, x, **self._given(rest))
        sequence, last, *ends = names
        lines: list[Statement] = []
        if self.by_state:
            last = last or ends[0]
        first = sequence or last
        if self.states:
            targets = tuple(Name(name or "_") for name in (first, *ends))
            lines.append(assign([Tuple(targets)], made))
            made = Name(first or "_")
        if first is None:
            return lines
        if self.sequence and self.op.masked:  # what follows is told its mask, or has none
            made = op("copy", made)
        if made != Name(first):
            lines.append(assign(first, made))
        if self.sequence and last is not None:
            lines.append(assign(last, self._last(Name(first))))
        if self.by_state and last and ends[0] and ends[0] != last:
            lines.append(assign(ends[0], Name(last)))
        return lines

    def _given(self, rest: list[Expression]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if self.op.masked:
            told["mask"] = rest[0]
        states = rest[1:] if self.op.masked else rest
        return {"initial_state": List(tuple(states)), **told} if states else told

    def _last(self, sequence: Expression) -> Expression:
        """The output at each walk's last step; the reverse walk's stands at the start."""
        if not self.both:
            return index(sequence, slice(None), -1)
        units = self.op.units
        ends = (
            index(sequence, slice(None), -1, slice(None, units)),
            index(sequence, slice(None), 0, slice(units, None)),
        )
        return op("concatenate", List(ends), axis=-1)
