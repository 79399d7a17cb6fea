"""How modules read once they are written anew: the layers that people use, and what is left of transposes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import porter


class Patches(nn.Module):  # type: ignore[misc]
    """A vision transformer in small: patches as steps of a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 4, 4)
        self.norm = nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.mlp = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        y = self.norm(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return self.mlp(x).mean(1)


class Between(nn.Module):  # type: ignore[misc]
    """Channels are normalized between two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(3, 4, 3), nn.Conv1d(4, 4, 3)
        self.norm = nn.LayerNorm(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.norm(self.first(x).transpose(1, 2)).transpose(1, 2))


class Shuffled(nn.Module):  # type: ignore[misc]
    """Halves of the channels, one through a convolution, their channels then in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 2, 1)
        self.second, self.norm = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.first(x).chunk(2, dim=1)
        y = torch.cat((a, self.norm(self.second(b)).relu()), dim=1)
        y = y.view(x.size(0), 2, 4, *y.shape[2:]).transpose(1, 2).reshape(y.shape)
        return self.last(y)


class Weighed(nn.Module):  # type: ignore[misc]
    """Halves of the channels weighed against each other; with one group, only an axis of size 1 moves."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        weights = self.second(x.mean((2, 3), keepdim=True)).view(x.size(0), 1, 2, -1).transpose(1, 2)
        return x * weights.softmax(dim=1).reshape(x.size(0), -1, 1, 1)


class Pixels(nn.Module):  # type: ignore[misc]
    """Pixels attend to pixels, channels before them all along."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 12, 3), nn.Conv2d(4, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.first(x).flatten(2).chunk(3, dim=1)
        weights = (q.transpose(1, 2) @ k * 0.5).softmax(-1)
        return self.last((v @ weights.transpose(1, 2)).view(x.size(0), 4, 7, 6))


WRITTEN = [
    # module, shape, its layers in torch, those in JAX, transposes left (torch, JAX)
    (
        Patches,
        (2, 3, 8, 12),
        {"Conv2d": 1, "LayerNorm": 1, "Linear": 1, "NonDynamicallyQuantizableLinear": 1},
        {"Conv": 1, "LayerNorm": 1, "MultiHeadAttention": 1, "Linear": 1},
        (1, 0),
    ),
    (
        Between,
        (2, 3, 9),
        {"Conv1d": 2, "LayerNorm": 1},
        {"Conv": 2, "LayerNorm": 1},
        (2, 2),
    ),  # JAX: at the ends
    (
        Shuffled,
        (2, 3, 9, 8),
        {"Conv2d": 3, "BatchNorm2d": 1},
        {"Conv": 3, "BatchNorm": 1},
        (1, 1),
    ),  # the shuffle's own
    (Weighed, (2, 3, 9, 8), {"Conv2d": 2}, {"Conv": 2}, (0, 0)),
    (Pixels, (2, 3, 9, 8), {"Conv2d": 2}, {"Conv": 2}, (4, 0)),
]


@pytest.mark.parametrize(
    ("make", "shape", "in_torch", "in_jax", "left"), WRITTEN, ids=lambda value: getattr(value, "__name__", "")
)
def test_written(
    make: Callable[[], nn.Module],
    shape: tuple[int, ...],
    in_torch: dict[str, int],
    in_jax: dict[str, int],
    left: tuple[int, int],
    tmp_path: Path,
) -> None:
    module, x = make().eval(), torch.randn(shape)
    found = porter.to_torch(module, x, out=tmp_path / "torch", verify=False)
    layers = Counter(type(part).__name__ for part in found.modules() if not list(part.children()))
    assert layers == in_torch
    porter.to_jax(module, x, out=tmp_path / "jax", verify=False)
    text = (tmp_path / "jax" / "model.py").read_text()
    assert {name: text.count(f"nnx.{name}(") for name in in_jax} == in_jax
    counts = tuple(len(_transposes(tmp_path / target)) for target in ("torch", "jax"))
    assert counts == left


def _transposes(bundle: Path) -> list[object]:
    listed: list[object] = json.loads((bundle / "porter.json").read_text())["transposes"]
    return listed
