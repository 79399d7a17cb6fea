"""Model in PyTorch; `load()` returns it with its weights, ready for inference."""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
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


class Model(nn.Module):
    """The converted model.

    Inputs:
        input 0: int32 (batch, 8), axes `n c`
    Outputs:
        output 0: float32 (batch, 1), axes `n c`
    """

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 6)
        self.bilstm_1 = nn.LSTM(6, 4, batch_first=True, bidirectional=True)
        self.bilstm_2 = nn.LSTM(8, 3, batch_first=True, bidirectional=True)
        self.hidden = nn.Linear(6, 4)
        self.dropout = nn.Dropout(0.5)
        self.score = nn.Linear(4, 1)
        self.bilstm_1.bias_hh_l0.requires_grad_(False)
        self.bilstm_1.bias_hh_l0_reverse.requires_grad_(False)
        self.bilstm_2.bias_hh_l0.requires_grad_(False)
        self.bilstm_2.bias_hh_l0_reverse.requires_grad_(False)

    def forward(self, x):
        embedding = self.embedding(x)
        embedding_mask = x != 0
        x, _ = masked(self.bilstm_1, embedding, embedding_mask, gaps="zeros")
        x, _ = masked_states(self.bilstm_2, x, embedding_mask)
        x = torch.cat([x[0], x[1]], dim=1)
        x = F.relu(self.hidden(x))
        x = self.dropout(x)
        return torch.sigmoid(self.score(x))


def load(path=None):
    """The model with its weights (by default those beside this file), in inference mode."""
    path = Path(__file__).with_name("model.safetensors") if path is None else path
    model = Model()
    model.load_state_dict(load_file(path), assign=True)
    return model.eval()
