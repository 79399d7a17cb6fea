"""Recurrent layers: a layer of several levels is several layers here, one on the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from converters.torch.call import OpCall
from converters.torch.reads.linear import linear
from converters.torch.rules import rules
from porter.axes import permutation
from porter.dataclass import dataclass
from porter.graph.model import Param, Value
from porter.graph.ops.activation import Relu
from porter.graph.ops.elementwise import Binary, Dropout, Unary
from porter.graph.ops.indexing import Index, Split, Stack
from porter.graph.ops.linear import Linear, MatMul
from porter.graph.ops.op import Op
from porter.graph.ops.recurrent import AnyRecurrent, Gru, Lstm, SimpleRnn
from porter.graph.ops.reshaping import Concat, Transpose

STEPS_FIRST = permutation("t n c", "n t c")


@dataclass(frozen=True)
class _Level:
    """One level of a layer: its weights for each direction, and its states before the first step."""

    weights: tuple[tuple[Value, ...], ...]
    started: tuple[Value, ...]


@rules.reads("lstm.input", "gru.input", "rnn_tanh.input", "rnn_relu.input")
def read_recurrent(call: OpCall) -> Any:
    x = call.tensor("input")
    if x.rank != 3:
        raise call.refuse(f"a sequence of rank {x.rank}", "give it a batch axis")
    if not call["batch_first"]:
        x = call.one(Transpose(STEPS_FIRST), x)
    given = call["hx"] if isinstance(call["hx"], tuple) else (call["hx"],)
    ends: list[list[Value]] = [[] for _ in given]
    origin = call.context.builder.origin
    count = int(call["num_layers"])
    for number, level in enumerate(_levels(call, given)):
        if count > 1:
            call.context.builder.origin = replace(origin, layer=f"{origin.layer}_l{number}")
        if number and call["dropout"]:
            x = call.one(Dropout(float(call["dropout"])), x)
        x, states = _level(call, x, level, len(given))
        for place, state in enumerate(states):
            ends[place % len(given)].append(state)
    call.context.builder.origin = origin
    stacked = [call.one(Stack(0), *states) for states in ends]
    return (x if call["batch_first"] else call.one(Transpose(STEPS_FIRST), x), *stacked)


@rules.reads("lstm.data", "gru.data", "rnn_tanh.data", "rnn_relu.data")
def read_packed(call: OpCall) -> Any:
    raise call.refuse("packed sequences, whose layout depends on the lengths at hand", "pad them instead")


def _levels(call: OpCall, given: Sequence[Value]) -> Iterator[_Level]:
    """Torch lists, level by level and direction by direction, kernels, biases and the projection."""
    walks = 2 if call["bidirectional"] else 1
    count = int(call["num_layers"])
    listed = call["params"]
    each = len(listed) // (walks * count)
    zeros = all(call.filled(state) == 0 for state in given)
    for number in range(count):
        first = number * walks
        weights = tuple(tuple(listed[(first + k) * each : (first + k + 1) * each]) for k in range(walks))
        states: tuple[Value, ...] = ()
        if not zeros:
            states = tuple(_state(call, state, first + k) for k in range(walks) for state in given)
        yield _Level(weights, states)


def _state(call: OpCall, states: Value, place: int) -> Value:
    whole = (None, None, 1)
    return call.one(Index((place, whole, whole)), states)


def _level(call: OpCall, x: Value, level: _Level, kinds: int) -> tuple[Value, list[Value]]:
    """One level: the sequence of its outputs, and the states after it, direction by direction."""
    projected = len(level.weights[0]) in (3, 5)
    units = int(str(level.weights[0][1].shape[0])) // {"lstm": 4, "gru": 3}.get(call.spec.operator, 1)
    inputs = x.shape[-1]
    if not isinstance(inputs, int):
        raise call.refuse("the number of features is not known")
    if projected and level.started:
        raise call.refuse("states before the first step of an LSTM with projections (proj_size)")
    op = _op(call, inputs, units, both=len(level.weights) > 1, started=bool(level.started))
    params: dict[str, Param] = {}
    for walk, weights in enumerate(level.weights):
        params.update(_params(call, weights, "_reverse" if walk else "", projected))
    found = call.add(op, x, *level.started, params=params)
    sequence, states = found[0], list(found[2:])
    if projected:
        sequence, states = _projected(call, sequence, states, [weights[-1] for weights in level.weights])
    return sequence, states


def _op(call: OpCall, inputs: int, units: int, *, both: bool, started: bool) -> AnyRecurrent:
    if call.spec.operator == "lstm":
        return Lstm(inputs, units, both=both, started=started)
    if call.spec.operator == "gru":
        return Gru(inputs, units, both=both, started=started)
    activation: Op = Relu() if call.spec.operator == "rnn_relu" else Unary("tanh")
    return SimpleRnn(inputs, units, activation, both=both, started=started)


def _params(call: OpCall, weights: Sequence[Value], suffix: str, projected: bool) -> dict[str, Param]:
    """A projection of what is fed back is taken into the kernel that it is fed to."""
    kernel = weights[1]
    if projected:
        kernel = call.one(MatMul(), kernel, weights[-1])
    found = {"weight_ih": weights[0], "weight_hh": kernel}
    if len(weights) >= 4 and call.spec.operator == "gru":
        found |= {"bias_ih": weights[2], "bias_hh": weights[3]}
    elif len(weights) >= 4:  # only their sum counts, and other frameworks have one
        found["bias_ih"] = _plus(call, weights[2], weights[3])
    return {name + suffix: call.as_param(value) for name, value in found.items()}


def _projected(
    call: OpCall, sequence: Value, states: list[Value], kernels: Sequence[Value]
) -> tuple[Value, list[Value]]:
    units = int(str(kernels[0].shape[1]))
    parts = call.add(Split((units,) * len(kernels), 2), sequence) if len(kernels) > 1 else (sequence,)
    outputs = [_projection(call, part, kernel) for part, kernel in zip(parts, kernels, strict=True)]
    for walk, kernel in enumerate(kernels):
        states[2 * walk] = _projection(call, states[2 * walk], kernel)
    return (call.one(Concat(2), *outputs) if len(outputs) > 1 else outputs[0]), states


def _projection(call: OpCall, x: Value, kernel: Value) -> Value:
    outputs, inputs = (int(str(size)) for size in kernel.shape)
    return call.one(Linear(inputs, outputs), x, params={"weight": call.as_param(kernel)})


# --- cells, one step each


def _gates(call: OpCall, x: Value, state: Value) -> tuple[Value, Value]:
    _from_here(call, "weight_ih")
    ours = linear(call, x, call.tensor("w_ih"), call.get("b_ih"))
    _from_here(call, "weight_hh")
    theirs = linear(call, state, call.tensor("w_hh"), call.get("b_hh"))
    _from_here(call, "gate")
    return ours, theirs


def _from_here(call: OpCall, name: str) -> None:
    """What the steps that follow are called."""
    call.context.builder.origin = replace(call.context.builder.origin, layer=name)


def _cut(call: OpCall, x: Value, count: int) -> tuple[Value, ...]:
    width = int(str(x.shape[-1])) // count
    return call.add(Split((width,) * count, x.rank - 1), x)


def _sigmoid(call: OpCall, x: Value) -> Value:
    return call.one(Unary("sigmoid"), x)


def _tanh(call: OpCall, x: Value) -> Value:
    return call.one(Unary("tanh"), x)


def _times(call: OpCall, a: Value, b: Value) -> Value:
    return call.one(Binary("multiply"), a, b)


def _plus(call: OpCall, a: Value, b: Value) -> Value:
    return call.one(Binary("add"), a, b)


@rules.reads("lstm_cell")
def read_lstm_cell(call: OpCall) -> Any:
    hidden, cell = call["hx"]
    i, f, g, o = _cut(call, _plus(call, *_gates(call, call.tensor("input"), hidden)), 4)
    kept = _times(call, _sigmoid(call, f), cell)
    added = _times(call, _sigmoid(call, i), _tanh(call, g))
    _from_here(call, "cell")
    cell = _plus(call, kept, added)
    _from_here(call, "hidden")
    return _times(call, _sigmoid(call, o), _tanh(call, cell)), cell


@rules.reads("gru_cell")
def read_gru_cell(call: OpCall) -> Value:
    hidden = call.tensor("hx")
    ours, theirs = _gates(call, call.tensor("input"), hidden)
    (r, z, n), (other_r, other_z, other_n) = _cut(call, ours, 3), _cut(call, theirs, 3)
    reset, update = _sigmoid(call, _plus(call, r, other_r)), _sigmoid(call, _plus(call, z, other_z))
    new = _tanh(call, _plus(call, n, _times(call, reset, other_n)))
    return _plus(call, new, _times(call, update, call.one(Binary("subtract"), hidden, new)))


@rules.reads("rnn_tanh_cell", "rnn_relu_cell")
def read_rnn_cell(call: OpCall) -> Value:
    total = _plus(call, *_gates(call, call.tensor("input"), call.tensor("hx")))
    return _tanh(call, total) if call.spec.operator == "rnn_tanh_cell" else call.one(Relu(), total)
