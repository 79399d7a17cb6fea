"""Attention of several heads as the target's own layer; torch's stays itself, with the keys of the source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from converters.torch.live import read_live
from porter import pipeline
from porter.bundle_source import read_bundle
from porter.frameworks import target
from porter.graph.run import run
from porter.source_model import LiveModel, ReadRequest
from tests.layers.saved_rows import bundle_module, keras_outputs


class Looks(nn.Module):
    """One sequence looks at another, whose vectors have other sizes, and at itself."""

    def __init__(self, **how: Any) -> None:
        super().__init__()
        self.own = nn.MultiheadAttention(8, 2, batch_first=True, **how)
        self.other = nn.MultiheadAttention(8, 2, batch_first=True, kdim=7, vdim=3, **how)

    def forward(self, x: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Each hides something else."""
        later = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        y, _ = self.own(x, x, x, attn_mask=later, is_causal=True, need_weights=False)
        hidden = (x[:, :, None, 0] < key[:, None, :, 0]) & (key[:, None, :, 1] < 0.5)
        pairs = hidden[:, None].expand(-1, 2, -1, -1).flatten(0, 1)
        y = y + self.other(y, key, value, attn_mask=pairs, need_weights=False)[0]
        return self.other(y, key, value, key_padding_mask=key[..., 1] > 0.5, need_weights=False)[0]


def encoder(batch_first: bool) -> nn.Module:
    """torch's own."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


CASES: dict[str, tuple[Any, tuple[tuple[int, ...], ...]]] = {
    "batch_first": (lambda: encoder(True), ((2, 5, 8),)),
    "steps_first": (lambda: encoder(False), ((2, 5, 8),)),
    "others": (Looks, ((2, 5, 8), (2, 4, 7), (2, 4, 3))),
    "without_biases": (lambda: Looks(bias=False, dropout=0.1), ((2, 5, 8), (2, 4, 7), (2, 4, 3))),
}


@pytest.mark.parametrize("name", CASES)
def test_checkpoints_of_the_source_load(name: str, tmp_path: Path) -> None:
    make, shapes = CASES[name]
    torch.manual_seed(len(name))
    module = make().eval()
    inputs = tuple(torch.randn(shape) for shape in shapes)
    options = pipeline.Options("source")
    done = pipeline.convert(read_live(LiveModel(module, inputs)), target("torch"), tmp_path / "out", options)
    net = bundle_module(done.path).load()
    wanted = module(*inputs)
    assert torch.allclose(net(*inputs), wanted, atol=1e-6)
    other = make().eval()
    net.load_state_dict(other.state_dict())
    assert torch.allclose(net(*inputs), other(*inputs), atol=1e-6)
    again = read_bundle(ReadRequest((done.path,)))  # the rows of packed weights find their way back
    (found,) = run(again.graph, [np.asarray(x) for x in inputs])
    assert np.allclose(found, wanted.detach().numpy(), atol=1e-5)


def test_layers_of_its_own_keep_their_names() -> None:
    class MultiheadAttention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            parts = (part(x).unflatten(-1, (2, 4)).transpose(1, 2) for part in (self.q, self.k, self.v))
            return self.out(nn.functional.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2))

    module = nn.Sequential(MultiheadAttention(), nn.Linear(8, 3)).eval()
    model = read_live(LiveModel(module, (torch.randn(2, 5, 8),)))
    _, written = pipeline.write(model, target("torch"), pipeline.Options())
    assert set(written.weights) == set(module.state_dict())


class Grouped(nn.Module):
    """Heads of queries share those of keys and values, by hand."""

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        self.query, self.out = nn.Linear(8, 8, bias), nn.Linear(8, 8, bias)
        self.key, self.value = nn.Linear(8, 4, bias), nn.Linear(8, 4, bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A sequence attends to what came before."""
        sides = (self.query, self.key, self.value)
        query, *others = (part(x).unflatten(-1, (-1, 2)).transpose(1, 2) for part in sides)
        key, value = (part.repeat_interleave(2, 1) for part in others)
        y = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out(y.transpose(1, 2).flatten(2))


@pytest.mark.parametrize("bias", [True, False])
def test_keras_has_a_layer_of_grouped_heads(bias: bool, tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    module, x = nn.Sequential(Grouped(bias), nn.Linear(8, 3)).eval(), torch.randn(2, 5, 8)
    model = read_live(LiveModel(module, (x,)))
    done = pipeline.convert(model, target("tf"), tmp_path / "out", pipeline.Options())
    assert "layers.GroupQueryAttention(" in (done.path / "model.py").read_text()
    for one in (bundle_module(done.path).load(), keras.models.load_model(done.path / "model.keras")):
        (found,) = keras_outputs(one, [x.numpy()])
        assert np.allclose(found, module(x).detach().numpy(), atol=1e-5)
