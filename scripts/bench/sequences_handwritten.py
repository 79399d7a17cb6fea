"""Networks over sequences as a torch user writes them: torch's own layers, else the tightest loop there is.

Each takes the state of the converted network, whose keys `RENAMED` brings to its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LastStep(nn.Module):
    """A recurrent layer, then a dense one on its last output."""

    def __init__(self, kind: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.recurrent = kind(32, 64, batch_first=True)
        self.score = nn.Linear(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of sequences."""
        x, _ = self.recurrent(x)
        return self.score(x[:, -1])


class Classifier(nn.Module):
    """Texts to a score, through an LSTM that reads them both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1000, 64)
        self.recurrent = nn.LSTM(64, 32, batch_first=True, bidirectional=True)
        self.score = nn.Linear(64, 1)

    def forward(self, ids: Tensor) -> Tensor:
        """The probability of each text."""
        _, (h, _) = self.recurrent(self.embedding(ids))
        return torch.sigmoid(self.score(torch.cat([h[0], h[1]], dim=1)))


class PaddedClassifier(Classifier):
    """The same for texts that are padded behind, by packing them."""

    def forward(self, ids: Tensor) -> Tensor:
        """The probability of each text; id 0 is padding."""
        lengths = (ids != 0).sum(1).cpu()
        x = self.embedding(ids)
        x = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        _, (h, _) = self.recurrent(x)
        return torch.sigmoid(self.score(torch.cat([h[0], h[1]], dim=1)))


class ResetBefore(nn.Module):
    """A GRU whose reset gate acts before the product: the input's share first, then a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.weight_ih = nn.Parameter(torch.empty(192, 32))
        self.weight_hh = nn.Parameter(torch.empty(192, 64))
        self.bias_ih = nn.Parameter(torch.empty(192))
        self.score = nn.Linear(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of sequences."""
        given = F.linear(x, self.weight_ih, self.bias_ih)
        gates, new = given[..., :128].unbind(1), given[..., 128:].unbind(1)
        weight_gates, weight_new = self.weight_hh[:128].T, self.weight_hh[128:].T
        h = x.new_zeros(len(x), 64)
        for gate, inner in zip(gates, new, strict=True):
            r, z = torch.sigmoid(torch.addmm(gate, h, weight_gates)).chunk(2, 1)
            h = torch.lerp(torch.tanh(torch.addmm(inner, r * h, weight_new)), h, z)
        return self.score(h)


class HardGates(nn.Module):
    """An LSTM with hard-sigmoid gates: the input's share first, then a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.weight_ih = nn.Parameter(torch.empty(256, 32))
        self.weight_hh = nn.Parameter(torch.empty(256, 64))
        self.bias = nn.Parameter(torch.empty(256))
        self.score = nn.Linear(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of sequences."""
        weight = self.weight_hh.T
        h = c = x.new_zeros(len(x), 64)
        for now in F.linear(x, self.weight_ih, self.bias).unbind(1):
            i, f, g, o = torch.addmm(now, h, weight).chunk(4, 1)
            c = torch.addcmul(F.hardsigmoid(f) * c, F.hardsigmoid(i), torch.tanh(g))
            h = F.hardsigmoid(o) * torch.tanh(c)
        return self.score(h)


class Frames(nn.Module):
    """A ConvLSTM over a short film: the input's convolutions at once, then a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.given = nn.Conv2d(3, 32, 3, padding=1)
        self.inner = nn.Conv2d(8, 32, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The last state, channels last as it came."""
        x = x.permute(0, 1, 4, 2, 3)
        given = self.given(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        h = c = given.new_zeros(len(x), 8, *given.shape[3:])
        for now in given.unbind(1):
            i, f, g, o = (now + self.inner(h)).chunk(4, 1)
            c = torch.addcmul(torch.sigmoid(f) * c, torch.sigmoid(i), torch.tanh(g))
            h = torch.sigmoid(o) * torch.tanh(c)
        return h.permute(0, 2, 3, 1)


class Block(nn.Module):
    """Attention and two dense layers, each added to what it was given and then normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(64, 4, batch_first=True)
        self.norm_attention = nn.LayerNorm(64, eps=1e-6)
        self.wide = nn.Linear(64, 128)
        self.narrow = nn.Linear(128, 64)
        self.norm = nn.LayerNorm(64, eps=1e-6)

    def attend(self, x: Tensor) -> Tensor:
        """Torch's own layer."""
        return self.attention(x, x, x, need_weights=False)[0]

    def forward(self, x: Tensor) -> Tensor:
        """Sequences of the same shape."""
        x = self.norm_attention(x + self.attend(x))
        return self.norm(x + self.narrow(F.gelu(self.wide(x))))


class FusedBlock(Block):
    """The same by torch's function, with one product for queries, keys and values."""

    def attend(self, x: Tensor) -> Tensor:
        """Four heads of 16."""
        own = self.attention
        heads = F.linear(x, own.in_proj_weight, own.in_proj_bias).unflatten(2, (3, 4, 16))
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        return own.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Encoder(nn.Module):
    """A transformer that reads texts, then a dense layer on their mean."""

    def __init__(self, block: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1000, 64)
        self.blocks = nn.ModuleList([block(), block()])
        self.score = nn.Linear(64, 5)

    def forward(self, ids: Tensor) -> Tensor:
        """Scores of texts."""
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x)
        return self.score(x.mean(dim=1))


NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    "lstm": lambda: LastStep(nn.LSTM),
    "gru": lambda: LastStep(nn.GRU),
    "bilstm": Classifier,
    "bilstm masked": PaddedClassifier,
    "gru reset before": ResetBefore,
    "lstm hard gates": HardGates,
    "transformer over nn.MultiheadAttention": lambda: Encoder(Block),
    "transformer over SDPA": lambda: Encoder(FusedBlock),
    "conv lstm": Frames,
}

RENAMED: Mapping[str, Mapping[str, str]] = {
    "gru reset before": {"recurrent.": ""},
    "lstm hard gates": {"recurrent.": ""},
    "conv lstm": {"recurrent.input_conv": "given", "recurrent.recurrent_conv": "inner"},
}
"""What begins the converted network's keys, and what begins these networks' own."""


def _blocks(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The converted encoder's state as `Encoder` names it: three projections are one."""
    renamed: dict[str, Tensor] = {}
    for key, tensor in state.items():
        layer, _, name = key.partition(".")
        kind, _, place = layer.rpartition("_")
        if not place.isdigit():
            renamed[key] = tensor
        elif kind == "attention" and not name.startswith("output"):
            key = f"blocks.{place}.attention.in_proj_{name.rpartition('.')[2]}"
            renamed[key] = torch.cat([renamed.get(key, tensor.new_empty(0)), tensor])
        else:
            renamed[f"blocks.{place}.{kind}.{name.replace('output', 'out_proj')}"] = tensor
    return renamed


def filled(name: str, state: Mapping[str, Tensor]) -> nn.Module:
    """The hand-written network with the numbers of the converted one."""
    renamed = _blocks(state) if name.startswith("transformer") else dict(state)
    for before, after in RENAMED.get(name, {}).items():
        for key in [key for key in renamed if key.startswith(before)]:
            renamed[after + key.removeprefix(before)] = renamed.pop(key)
    network = NETWORKS[name]()
    network.load_state_dict(renamed)
    return network.eval()
