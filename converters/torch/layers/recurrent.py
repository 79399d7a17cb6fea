"""Recurrent layers: torch's own wherever they mean the same, else a loop over the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from converters.torch.layers.recurrent_activations import functions
from converters.torch.layers.weights import weight
from converters.torch.rules import rules
from porter.graph.model import Node
from porter.graph.ops.activation import LogSoftmax, Relu, Softmax, Sparsemax
from porter.graph.ops.op import Op
from porter.graph.ops.recurrent import SIGMOID, TANH, AnyRecurrent, Gru, Lstm, SimpleRnn
from porter.source.code import Call, Expression, List, Name, Tuple, call, index
from porter.source.statements import Statement, assign
from porter.weights.tensor import Constant, number_type
from porter.writing.forms import Expressions, Form, Layer, Names, Ways, Weight, method

LOOPS: Mapping[type[Op], str] = {SimpleRnn: "RNNLoop", Lstm: "LSTMLoop", Gru: "GRULoop"}


@rules.writes(SimpleRnn, Lstm, Gru)
def write_recurrent(op: AnyRecurrent, node: Node) -> Form:
    native = _native(op)
    make, held, helpers = _own(op, node, *native) if native else _loop(op, node)
    if op.masked and native:
        helpers = (*helpers, "masked", "masked_states")

    def statements(inputs: Expressions, names: Names) -> Sequence[Statement]:
        return _Lines(op, bool(native), inputs, names).all()

    shows = () if op.masked and native else shown(op)
    return Layer(make, held, helpers=helpers, statements=statements, shows=shows)


def shown(op: AnyRecurrent) -> Ways:
    """What the module gives: the sequence, unless it is not wanted, and of each kind of state those of all
    walks, one upon another. Not so where it gets the real steps alone, packed."""
    numbers = range(2, 2 + op.walks * op.STATES)
    states = tuple(tuple(numbers[kind :: op.STATES]) for kind in range(op.STATES))
    return (0, *states), states


def _native(op: AnyRecurrent) -> tuple[str, dict[str, Any]] | None:
    """torch's layer and the settings that are not its usual ones; None where it means something else."""
    if isinstance(op, SimpleRnn):
        if op.activation == TANH:
            return "nn.RNN", {}
        return ("nn.RNN", {"nonlinearity": "relu"}) if op.activation == Relu() else None
    if op.activation != TANH or op.recurrent_activation != SIGMOID:
        return None
    if isinstance(op, Gru):
        return ("nn.GRU", {}) if op.reset_after else None
    return "nn.LSTM", {}


Made = tuple[Call, dict[str, Weight], tuple[str, ...]]


def _own(op: AnyRecurrent, node: Node, kind: str, settings: dict[str, Any]) -> Made:
    """torch has two biases or none: one that the source lacks is zero, and is not trained."""
    held = {}
    for walk in ("", "_reverse")[: op.walks]:
        names = ["weight_ih", "weight_hh"]
        if "bias_ih" in node.params:
            names += ["bias_ih", "bias_hh"]
        for name in names:
            held[f"{name}_l0{walk}"] = _held(node, name + walk, f"bias_ih{walk}")
    if "bias_ih" not in node.params:
        settings["bias"] = False
    if op.both:
        settings["bidirectional"] = True
    return call(kind, op.inputs, op.units, batch_first=True, **settings), held, ()


def _held(node: Node, name: str, like: str) -> Weight:
    if name in node.params:
        return weight(node, name)
    tensor = node.params[like].tensor
    return Weight(Constant(np.zeros(tensor.shape, number_type(tensor.dtype))), False)


def _loop(op: AnyRecurrent, node: Node) -> Made:
    gate = {} if isinstance(op, SimpleRnn) else {"recurrent_activation": op.recurrent_activation}
    settings, helpers = functions(node, activation=op.activation, **gate)
    bias = "bias_ih" in node.params
    if isinstance(op, Gru) and isinstance(op.recurrent_activation, Softmax | LogSoftmax | Sparsemax):
        settings["recurrent_activation"] = call("EachGate", settings["recurrent_activation"])
        helpers = (*helpers, "EachGate")
    if isinstance(op, Gru) and op.reset_after:
        settings["reset_after"] = True
    if not bias:
        settings["bias"] = False
    single = call(LOOPS[type(op)], op.inputs, op.units, **settings)
    make = call("BothWays", single, single) if op.both else single
    helpers = (*helpers, LOOPS[type(op)], *(["BothWays"] if op.both else []))
    held = {}
    for walk, place in (("", "forward_layer."), ("_reverse", "backward_layer."))[: op.walks]:
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            if name + walk in node.params:
                key = "bias" if name == "bias_ih" and not isinstance(op, Gru) else name
                held[(place if op.both else "") + key] = weight(node, name + walk)
    return make, held, helpers


class _Lines:
    """The lines of a forward pass for one use: the call, then what is taken from its two results.

    The inputs are read in the first line only: the names of outputs may be those of inputs.
    """

    def __init__(self, op: AnyRecurrent, native: bool, inputs: Expressions, names: Names) -> None:
        self.op, self.native = op, native
        self.own, self.x, *rest = inputs
        self.mask = rest.pop(0) if op.masked else None
        self.starts = rest
        self.sequence, self.last, *ends = names
        # by kind of state (h, then c): the names for the forward and the reverse walk
        self.ends = [ends[kind :: op.STATES] for kind in range(op.STATES)]
        any_end = any(name for kind in self.ends for name in kind)
        self.from_sequence = bool(self.sequence or any_end or not op.ends_in_state)

    def all(self) -> list[Statement]:
        return [self._call(), *self._states(), *self._last()]

    def _call(self) -> Statement:
        sequence = self.sequence or (self.last if self.from_sequence else None) or "_"
        kinds = [next((name for name in kind if name), None) for kind in self.ends]
        if self.last and not self.from_sequence:
            kinds[0] = self.last
        if not any(kinds):
            states: Expression = Name("_")
        else:
            parts = tuple(Name(name or "_") for name in kinds)
            states = parts[0] if len(parts) == 1 else Tuple(parts)
        if sequence == "_" and self.native and self.mask is not None:
            return assign([states], self._run("masked_states"))
        return assign([Tuple((Name(sequence), states))], self._run("masked", sequence != "_"))

    def _run(self, through: str, sequence: bool = False) -> Expression:
        settings: dict[str, Any] = {}
        if self.mask is not None and self.op.gaps != "repeat" and through == "masked":
            settings["gaps"] = self.op.gaps
        if not self.native and not sequence:
            settings["sequence"] = False
        starts = [self._started()] if self.starts else []
        if self.native and self.mask is not None:
            return call(through, self.own, self.x, self.mask, *starts, **settings)
        masks = {} if self.mask is None else {"mask": self.mask}
        return call(self.own, self.x, *starts, **masks, **settings)

    def _started(self) -> Expression:
        """The initial states as torch wants them, with an axis for the walks in front."""
        kinds = []
        for kind in range(self.op.STATES):
            parts = self.starts[kind :: self.op.STATES]
            stacked = call("torch.stack", List(tuple(parts)))
            kinds.append(stacked if self.op.both else method(parts[0], "unsqueeze", 0))
        return kinds[0] if len(kinds) == 1 else Tuple(tuple(kinds))

    def _states(self) -> list[Statement]:
        lines: list[Statement] = []
        for names in self.ends:
            used = [(place, name) for place, name in enumerate(names) if name]
            if len(used) == 2:
                lines.append(assign([Tuple(tuple(Name(name) for _, name in used))], Name(used[0][1])))
            elif used:
                ((place, name),) = used
                lines.append(assign(name, index(name, place)))
        return lines

    def _last(self) -> list[Statement]:
        if not self.last:
            return []
        units = self.op.units
        if not self.from_sequence:
            source = Name(self.last)
            ends = [index(source, walk) for walk in range(self.op.walks)]
        else:
            source = Name(self.sequence or self.last)
            everything = slice(None)
            ends = [index(source, everything, -1)]
            if self.op.both:
                ends = [
                    index(source, everything, -1, slice(None, units)),
                    index(source, everything, 0, slice(units, None)),
                ]
        value = call("torch.cat", List(tuple(ends)), dim=1) if self.op.both else ends[0]
        return [assign(self.last, value)]
