"""Recurrent layers that generated code carries with it where torch has no twin. Never imported by porter.

All are used as `nn.LSTM(..., batch_first=True)` is: `outputs, states = layer(x, states)`, with states of
shape `(walks, n, u)`. `mask` `(n, t)` tells the real steps; `gaps` what stands at the others: the output
before ("repeat", zeros at first), "zeros", or the "state" as it is. `sequence=False`: outputs are None."""

import torch
import torch.nn.functional as F
from torch import nn


def masked(rnn, x, mask, states=None, gaps="repeat"):
    """Run `nn.LSTM`, `nn.GRU` or `nn.RNN` over the steps of each row where `mask` is true.

    The other steps leave the states as they are; there the output before is shown again (at first zeros, or
    the state with gaps="state"), or zeros with gaps="zeros".
    """
    x, ends = rnn(pack_real(x, mask), states)
    x, _ = nn.utils.rnn.pad_packed_sequence(x, batch_first=True, total_length=mask.shape[1])
    seen, count = mask.cumsum(1), mask.sum(1, keepdim=True)
    places = (seen - 1, seen - mask.long())  # the last real step so far, the next real step
    known = (mask, mask) if gaps == "zeros" else (seen > 0, places[1] < count)
    start = states[0] if isinstance(states, tuple) else states
    rows = torch.arange(len(x), device=x.device).unsqueeze(1)
    walks = x.unflatten(2, (-1, rnn.hidden_size)).unbind(2)
    shown = []
    for k, walk in enumerate(walks):
        shows_start = gaps == "state" and start is not None
        first = start[k].unsqueeze(1) if shows_start else torch.zeros_like(walk[:, :1])
        there = walk[rows, places[k].clamp(0, mask.shape[1] - 1)]
        shown.append(torch.where(known[k].unsqueeze(2), there, first))
    return torch.cat(shown, dim=2), started_where_empty(ends, mask, states)


def masked_states(rnn, x, mask, states=None):
    """The states after `rnn` went over the steps of each row where `mask` is true."""
    _, ends = rnn(pack_real(x, mask), states)
    return started_where_empty(ends, mask, states)


def pack_real(x, mask):
    """The steps of each row where `mask` is true, packed; a row without any keeps one."""
    real_first = mask.byte().argsort(dim=1, descending=True, stable=True)
    starts = torch.arange(0, mask.numel(), mask.shape[1], device=x.device).unsqueeze(1)
    x = x.flatten(0, 1).index_select(0, (starts + real_first).flatten()).unflatten(0, mask.shape)
    lengths = mask.sum(1).clamp(min=1).cpu()
    return nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)


def started_where_empty(ends, mask, states):
    """The states after a walk; a row without any real step has those that it began with."""
    if isinstance(ends, tuple):
        return tuple(started_where_empty(end, mask, states and states[k]) for k, end in enumerate(ends))
    empty = ~mask.any(1).unsqueeze(1)
    return ends.masked_fill(empty, 0) if states is None else torch.where(empty, states, ends)


def walk(step, given, states, mask=None, gaps="repeat", sequence=True):
    """Call `step` on each time step of the tensors `given` in turn; the first of the states is the output.

    Gives the outputs of all steps, or None where no `sequence` is wanted, and the states after the last.
    """
    moments = zip(*(part.unbind(1) for part in given), strict=True)
    outputs = []
    if mask is None:
        for now in moments:
            states = step(*now, *states)
            if sequence:
                outputs.append(states[0])
        return torch.stack(outputs, dim=1) if sequence else None, states

    zeros = torch.zeros_like(states[0])
    shown = states[0] if gaps == "state" else zeros
    for now, real in zip(moments, mask.unbind(1), strict=True):
        real = real.reshape(-1, *[1] * (zeros.dim() - 1))
        new = step(*now, *states)
        states = tuple(torch.where(real, *pair) for pair in zip(new, states, strict=True))
        if sequence:
            shown = torch.where(real, new[0], zeros if gaps == "zeros" else shown)
            outputs.append(shown)
    return torch.stack(outputs, dim=1) if sequence else None, states


class RNNLoop(nn.Module):
    """h = activation(W_ih x + W_hh h + b)."""

    def __init__(self, input_size, hidden_size, activation=torch.tanh, bias=True):
        super().__init__()
        self.activation = activation
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(hidden_size)) if bias else None

    def forward(self, x, states=None, mask=None, gaps="repeat", sequence=True):
        weight, activation = self.weight_hh.T, self.activation

        def step(now, h):
            return (activation(torch.addmm(now, h, weight)),)

        h = x.new_zeros(len(x), len(weight)) if states is None else states[0]
        given = F.linear(x, self.weight_ih, self.bias)
        x, (h,) = walk(step, [given], (h,), mask, gaps, sequence)
        return x, h.unsqueeze(0)


class LSTMLoop(nn.Module):
    """An LSTM with other functions than `nn.LSTM` has; gates in the same order, i f g o."""

    def __init__(
        self, input_size, hidden_size, activation=torch.tanh, recurrent_activation=torch.sigmoid, bias=True
    ):
        super().__init__()
        self.activation, self.recurrent_activation = activation, recurrent_activation
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size)) if bias else None

    def forward(self, x, states=None, mask=None, gaps="repeat", sequence=True):
        weight, activation, gate = self.weight_hh.T, self.activation, self.recurrent_activation

        def step(now, h, c):
            i, f, g, o = torch.addmm(now, h, weight).chunk(4, dim=1)
            c = torch.addcmul(gate(f) * c, gate(i), activation(g))
            return gate(o) * activation(c), c

        if states is None:
            states = 2 * (x.new_zeros(1, len(x), len(weight)),)
        given = F.linear(x, self.weight_ih, self.bias)
        x, states = walk(step, [given], tuple(state[0] for state in states), mask, gaps, sequence)
        return x, tuple(state.unsqueeze(0) for state in states)


class GRULoop(nn.Module):
    """A GRU with other functions than `nn.GRU` has, or whose reset gate acts on the state before the product.

    Gates are in the order of `nn.GRU`: r z n.
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        activation=torch.tanh,
        recurrent_activation=torch.sigmoid,
        reset_after=False,
        bias=True,
    ):
        super().__init__()
        self.activation, self.recurrent_activation = activation, recurrent_activation
        self.hidden_size, self.reset_after = hidden_size, reset_after
        self.weight_ih = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(3 * hidden_size)) if bias else None
        self.bias_hh = nn.Parameter(torch.empty(3 * hidden_size)) if bias and reset_after else None

    def forward(self, x, states=None, mask=None, gaps="repeat", sequence=True):
        activation, gate = self.activation, self.recurrent_activation
        sizes = 2 * self.hidden_size, self.hidden_size
        weight, bias = self.weight_hh, self.bias_hh
        weight_gates, weight_new = (part.T for part in weight.split(sizes))

        def step(gates, new, h):
            r, z = gate(torch.addmm(gates, h, weight_gates)).chunk(2, dim=1)
            return (torch.lerp(activation(torch.addmm(new, r * h, weight_new)), h, z),)

        def step_reset_after(gates, new, h):
            inner, inner_new = F.linear(h, weight, bias).split(sizes, dim=1)
            r, z = gate(gates + inner).chunk(2, dim=1)
            return (torch.lerp(activation(torch.addcmul(new, r, inner_new)), h, z),)

        h = x.new_zeros(len(x), self.hidden_size) if states is None else states[0]
        given = F.linear(x, self.weight_ih, self.bias_ih).split(sizes, dim=2)
        x, (h,) = walk(step_reset_after if self.reset_after else step, given, (h,), mask, gaps, sequence)
        return x, h.unsqueeze(0)


class EachGate(nn.Module):
    """A function that is not elementwise, applied to two gates that lie side by side, each by itself."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, gates):
        return self.function(gates.unflatten(1, (2, -1))).flatten(1)


class BothWays(nn.Module):
    """One layer that walks from start to end and one from end to start; their outputs lie side by side."""

    def __init__(self, forward_layer, backward_layer):
        super().__init__()
        self.forward_layer, self.backward_layer = forward_layer, backward_layer

    def forward(self, x, states=None, mask=None, gaps="repeat", sequence=True):
        starts = (None, None)
        if isinstance(states, tuple):
            starts = tuple(tuple(state[k : k + 1] for state in states) for k in range(2))
        elif states is not None:
            starts = states.split(1)
        back_mask = None if mask is None else mask.flip(1)
        ahead, ends = self.forward_layer(x, starts[0], mask, gaps, sequence)
        back, back_ends = self.backward_layer(x.flip(1), starts[1], back_mask, gaps, sequence)
        if isinstance(ends, tuple):
            ends = tuple(torch.cat(pair) for pair in zip(ends, back_ends, strict=True))
        else:
            ends = torch.cat([ends, back_ends])
        return torch.cat([ahead, back.flip(1)], dim=2) if sequence else None, ends


class ConvLSTM(nn.Module):
    """An LSTM over images `(n, t, c, ...)` whose products are convolutions; gates in the order i f g o."""

    def __init__(self, input_conv, recurrent_conv, activation=torch.tanh, recurrent_activation=torch.sigmoid):
        super().__init__()
        self.input_conv, self.recurrent_conv = input_conv, recurrent_conv
        self.activation, self.recurrent_activation = activation, recurrent_activation

    def forward(self, x, states=None, mask=None, gaps="repeat", sequence=True):
        activation, gate, recurrent_conv = self.activation, self.recurrent_activation, self.recurrent_conv

        def step(now, h, c):
            i, f, g, o = (now + recurrent_conv(h)).chunk(4, dim=1)
            c = torch.addcmul(gate(f) * c, gate(i), activation(g))
            return gate(o) * activation(c), c

        given = self.input_conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        if states is None:
            states = 2 * (torch.zeros_like(given[:, 0].chunk(4, dim=1)[0]),)
        return walk(step, [given], states, mask, gaps, sequence)
