"""Queries, keys and values from one product: the target's attention layer, its weights cut from the one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import porter
from converters.torch.live import read_live
from porter import pipeline
from porter.axes import permutation
from porter.frameworks import target
from porter.source_model import LiveModel

Cut = Callable[[torch.Tensor], Any]
BEFORE = permutation("n t k h d", "k n h t d")


class Packed(nn.Module):  # type: ignore[misc]
    """Attention with two heads of four over sequences of eight."""

    def __init__(self, cut: Cut) -> None:
        super().__init__()
        self.cut = cut
        self.qkv, self.proj = nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A sequence attends to itself."""
        y = F.scaled_dot_product_attention(*self.cut(self.qkv(x)))
        return self.proj(y.transpose(1, 2).reshape(x.shape))


class Net(nn.Module):  # type: ignore[misc]
    """One such module inside another."""

    def __init__(self, cut: Cut) -> None:
        super().__init__()
        self.attn, self.norm = Packed(cut), nn.LayerNorm(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One block."""
        return x + self.attn(self.norm(x))


def heads(x: torch.Tensor) -> torch.Tensor:
    """`(n, h, t, d)` for `(n, t, h * d)`."""
    return x.view(*x.shape[:2], 2, 4).transpose(1, 2)


def turned(x: torch.Tensor) -> torch.Tensor:
    """Three slices of a tensor of rank 5."""
    return x.reshape(*x.shape[:2], 3, 2, 4).permute(BEFORE)


CUTS = [
    # how the result is cut, the rows of queries, keys and values
    ("unbound", lambda x: turned(x).unbind(0), ["rows 0:8", "rows 8:16", "rows 16:24"]),
    ("picked", lambda x: [turned(x)[k] for k in (2, 0, 1)], ["rows 16:24", "rows 0:8", "rows 8:16"]),
    ("split", lambda x: map(heads, x.split(8, dim=-1)), ["rows 0:8", "rows 8:16", "rows 16:24"]),
    (
        "sliced",
        lambda x: [heads(x[..., k : k + 8]) for k in (8, 0, 9)],
        ["rows 8:16", "rows 0:8", "rows 9:17"],
    ),
    (
        "by_heads",
        lambda x: x.view(*x.shape[:2], 2, 12).transpose(1, 2).chunk(3, -1),
        [f"rows {k}:{k + 4} of each 12" for k in (0, 4, 8)],
    ),
    (
        "every_third",
        lambda x: [heads(part) for part in x.view(*x.shape[:2], 8, 3).unbind(-1)],
        [f"rows {k}:{k + 12}:3 of each 12" for k in range(3)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("cut", "rows"), [cut[1:] for cut in CUTS], ids=[cut[0] for cut in CUTS])
def test_its_weight_is_cut(cut: Cut, rows: list[str], tmp_path: Path) -> None:
    module, x = Net(cut).eval(), torch.randn(2, 5, 8)
    found = porter.to_jax(module, x, out=tmp_path / "out")
    assert type(found.attn).__name__ == "MultiHeadAttention"
    manifest = json.loads((tmp_path / "out" / "porter.json").read_text())
    ledger = {row["array"]: row["becomes"] for row in manifest["ledger"]}
    sides = ("attn.query.kernel", "attn.key.kernel", "attn.value.kernel")
    assert {one["key"]: one["steps"][0] for one in ledger["attn.qkv.weight"]} == dict(
        zip(sides, rows, strict=True)
    )


def test_keras_has_its_own_layer(tmp_path: Path) -> None:
    module, x = Net(CUTS[0][1]).eval(), torch.randn(2, 5, 8)
    porter.to_keras(module, x, out=tmp_path / "out")
    assert "layers.MultiHeadAttention(2, 4" in (tmp_path / "out" / "model.py").read_text()


class Block(Packed):
    """Such attention and other layers, all in one module."""

    def __init__(self) -> None:
        super().__init__(CUTS[0][1])
        self.norm1, self.norm2, self.mlp = nn.LayerNorm(8), nn.LayerNorm(8), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One block."""
        y = x + super().forward(self.norm1(x))
        return y + self.mlp(self.norm2(y))


@pytest.mark.parametrize("framework", ["jax", "tf"])
def test_among_other_layers_it_is_called_attention(framework: str, tmp_path: Path) -> None:
    module, x = nn.Sequential(Block(), Block()).eval(), torch.randn(2, 5, 8)
    carry = porter.to_jax if framework == "jax" else porter.to_keras
    carry(module, x, out=tmp_path / "out")  # verified
    text = (tmp_path / "out" / "model.py").read_text()
    assert "MultiHeadAttention(" in text
    assert ("self.attention(y)" if framework == "jax" else 'name=prefix + "_attention"') in text
    ledger = json.loads((tmp_path / "out" / "porter.json").read_text())["ledger"]
    becomes = {row["array"]: row["becomes"] for row in ledger}
    rows = [one["steps"][0] for one in becomes["1.qkv.weight"]]
    assert rows == ["rows 0:8", "rows 8:16", "rows 16:24"]
    assert len(becomes["1.proj.weight"]) == 1


def _written(module: nn.Module, framework: str) -> str:
    model = read_live(LiveModel(module.eval(), (torch.randn(2, 5, 8),)))
    return pipeline.write(model, target(framework), pipeline.Options())[1].source


def test_torch_keeps_the_one_product() -> None:
    text = _written(Net(CUTS[0][1]), "torch")
    assert "self.qkv = nn.Linear(8, 24)" in text
    assert ".unbind(0)" in text


class Looked(nn.Module):  # type: ignore[misc]
    """The packed product is an output, too."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = Packed(CUTS[0][1])

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Attention, and what it is made from."""
        return self.attn(x), self.attn.qkv(x)


class Normed(Packed):
    """Queries are changed before they ask."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A sequence attends to itself."""
        q, k, v = self.cut(self.qkv(x))
        y = F.scaled_dot_product_attention(F.normalize(q, dim=-1), k, v)
        return self.proj(y.transpose(1, 2).reshape(x.shape))


@pytest.mark.parametrize("make", [lambda: Normed(CUTS[0][1]), Looked], ids=["normed", "looked_at"])
def test_what_is_more_than_a_cut_stays(make: Callable[[], nn.Module]) -> None:
    text = _written(make(), "jax")
    assert "MultiHeadAttention" not in text
    assert "nnx.Linear(8, 24" in text
