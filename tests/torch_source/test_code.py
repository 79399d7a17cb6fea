"""What a transformer of PyTorch looks like in each framework: code as its author would have written it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from converters.torch.live import read_live
from porter import pipeline
from porter.frameworks import target
from porter.graph.run import run
from porter.source_model import LiveModel


class Embeddings(nn.Module):
    """Patches of an image behind a token of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.patches = nn.Conv2d(3, 8, 4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images to sequences."""
        y = self.patches(x).flatten(2).transpose(1, 2)
        return torch.cat([self.token.expand(x.size(0), -1, -1), y], 1)


class Heads(nn.Module):
    """Attention by hand, with a mask that hides nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(8, 8) for _ in range(4))

    def forward(self, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """A sequence attends to itself."""
        split = [
            part(x).view(x.size(0), -1, 2, 4).transpose(1, 2) for part in (self.query, self.key, self.value)
        ]
        y = nn.functional.scaled_dot_product_attention(*split, attn_mask=seen)
        return self.out(y.transpose(1, 2).reshape(x.shape))


class Layer(nn.Module):
    """One block, which is given a second input."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(8)
        self.heads = Heads()

    def forward(self, x: torch.Tensor, seen: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
        """What came before, what is seen of it, and the sequence as it was."""
        return x + self.heads(self.norm(x), seen) + first


class Pictures(nn.Module):
    """Two blocks whose inputs come from different places."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = Embeddings()
        self.before, self.after = Layer(), Layer()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images to what their first token says."""
        y = self.embeddings(x)
        seen = torch.ones(5, 5, dtype=torch.bool)[None, None].expand(x.size(0), -1, -1, -1)
        z = self.before(y, seen, torch.relu(y))
        return self.after(z, seen, torch.tanh(y))[:, 0]


@cache
def code(framework: str) -> str:
    """The file that is written for it."""
    model = read_live(LiveModel(Pictures().eval(), (torch.randn(2, 3, 8, 8),)))
    _, written = pipeline.write(model, target(framework), pipeline.Options("native"))
    return written.source


@pytest.mark.parametrize("framework", ["torch", "jax", "tf"])
def test_blocks_alike_are_one_class_whoever_calls_them(framework: str) -> None:
    text = code(framework)
    assert "Layer2" not in text
    assert "layer2(" not in text
    assert "token" in text.split("Used for embeddings")[1].split("Used for")[0], "a parameter left its module"


@pytest.mark.parametrize(
    ("framework", "whole"), [("tf", "layers.MultiHeadAttention(2, 4"), ("jax", "nnx.MultiHead")]
)
def test_heads_by_hand_are_the_attention_of_the_target(framework: str, whole: str) -> None:
    assert whole in code(framework)


class Again(nn.Module):
    """Blocks of one class at two depths; in each a function that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = _Twice()
        self.inner = nn.ModuleDict({"deep": _Holder()})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images to images."""
        return self.inner["deep"](self.first(x))


class _Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.act = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.two(self.act(self.one(x))) + x)


class _Holder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = _Twice()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block(x) * 2


def test_classes_are_shared_across_depths_and_axes_have_the_names_of_the_source() -> None:
    model = read_live(LiveModel(Again().eval(), (torch.randn(2, 3, 4, 5),)))
    laid, written = pipeline.write(model, target("tf"), pipeline.Options("native"))
    assert written.source.count("def twice") == 1
    assert written.source.count('layers.ReLU(name=prefix + "_act")') == 1
    (output,) = laid.graph.outputs
    assert (laid.source_axes[output], laid.graph.axes[output]) == ("n c h w", "n h w c")


class Scale(nn.Module):
    """One array, and no layer that it is a weight of."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gamma


class Scaled(nn.Module):
    """Such modules, one after another; the last is called twice. Then cuts along two axes."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.again = nn.Sequential(nn.Linear(8, 8), Scale()), Scale(), Scale()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.again(self.again(self.two(self.one(x))).relu())[:, :3][:, :, 1:]


class Turned(nn.Module):
    """Attention whose queries are normalized, and given to another's."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.norm, self.other = nn.Linear(8, 24), nn.LayerNorm(4), _Given()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        split = self.qkv(x).unflatten(-1, (3, 2, 4)).unbind(2)
        q, k, v = (part.transpose(1, 2) for part in split)
        y = nn.functional.scaled_dot_product_attention(self.norm(q), k * 0.5, v)
        return self.other(y, y.tanh(), y.sin())


class _Given(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(4, 4)

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return self.out(nn.functional.scaled_dot_product_attention(q, k.relu(), v))


SAID = [
    # module, framework, lines of its code, what is not there
    (Scaled, "torch", ("return x * self.gamma", "x = self.two(x)", "[:, :3, 1:]"), "self.two()"),
    (Scaled, "jax", ("return x * self.gamma[...]", "x = self.two(x)", "[:, :3, 1:]"), "self.two()"),
    (Scaled, "tf", ('Weight((8,), "float32", name=prefix + "_gamma")(x)', "[:, :3, 1:]"), "(inputs, x"),
    (Turned, "torch", ("query, key, value = x.unbind(2)", "key = key.transpose(1, 2)"), "unbind_2"),
    (Turned, "jax", ("query, key, value = jnp.unstack(x, axis=2)", "key = key * 0.5"), "unbind_2"),
    (Turned, "tf", ("query, key, value = ops.unstack(x, 3, axis=2)", "def given(x, query,"), "unbind_2"),
]


@pytest.mark.parametrize(("make", "framework", "lines", "absent"), SAID)
def test_said(make: type[nn.Module], framework: str, lines: tuple[str, ...], absent: str) -> None:
    model = read_live(LiveModel(make().eval(), (torch.randn(2, 5, 8),)))
    text = pipeline.write(model, target(framework), pipeline.Options("native"))[1].source
    assert [line for line in lines if line not in text] == []
    assert absent not in text


class Written(nn.Module):
    """A mask that the code writes piece by piece."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = x.new_zeros((5, 8))
        for count, rows in enumerate((slice(2), slice(2, 4), slice(4, None))):
            mask[rows, 1:] = count
        return x + (mask - mask.flip(0))


def test_what_the_code_makes_of_numbers_alone_is_computed_at_conversion() -> None:
    x = torch.randn(2, 5, 8)
    model = read_live(LiveModel(Written().eval(), (x,)))
    assert [type(node.op).__name__ for node in model.graph.nodes] == ["Constant", "Binary"]
    assert np.array_equal(run(model.graph, [x.numpy()], "float32")[0], Written()(x).numpy())


class Decoder(nn.Module):
    """What comes later is hidden, and what was filled up."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = Heads()

    def forward(self, x: torch.Tensor, filled: torch.Tensor) -> torch.Tensor:
        """Two masks of numbers, added up."""
        later = nn.Transformer.generate_square_subsequent_mask(5)
        hidden = torch.zeros(filled.shape).masked_fill(filled, float("-inf"))
        return self.heads(x, later + hidden[:, None, None])


def test_masks_of_zeros_and_infinities_are_truths() -> None:
    given = torch.randn(2, 5, 8), torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    model = read_live(LiveModel(Decoder().eval(), given))
    _, written = pipeline.write(model, target("torch"), pipeline.Options("native"))
    assert "F.scaled_dot_product_attention(query, key, value, attn_mask=" in written.source
    assert "torch.logical_and(" in written.source
    assert "softmax" not in written.source
