"""Blocks as their author would write them: what their arguments are called, and what their groups hold."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from converters.torch.live import read_live
from porter import pipeline
from porter.frameworks import target
from porter.source_model import LiveModel


class Squeezed(nn.Module):
    """Squeeze and excitation, at the width of what comes in."""

    def __init__(self, width: int, pool: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.se = nn.Sequential(
            pool, nn.Conv2d(width, width // 2, 1), nn.SiLU(), nn.Conv2d(width // 2, width, 1), nn.Sigmoid()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Channels that matter."""
        y = self.conv(x)
        return x + y * self.se(y)


class Wider(nn.Module):
    """A block that gives more channels than it gets."""

    def __init__(self, given: int, made: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(given, made, 3), nn.Conv2d(made, made, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Twice, and smaller."""
        return torch.tanh(self.conv2(torch.relu(self.conv1(x))))


class Narrow(nn.Module):
    """A bottleneck of vectors."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """There and back."""
        return x + self.up(torch.relu(self.down(x)))


def squeezed(pool: type[nn.Module]) -> nn.Module:
    return nn.Sequential(Squeezed(8, pool(1)), nn.Conv2d(8, 6, 1), Squeezed(6, pool(1)))


IMAGES = torch.randn(2, 8, 9, 10)
TORCH_SE = """\
        self.se = nn.Sequential(
            nn.Adaptive{kind}Pool2d(1),
            nn.Conv2d(channels, se_1_channels, kernel_size=1),
            nn.SiLU(),
            nn.Conv2d(se_1_channels, channels, kernel_size=1),
            nn.Sigmoid(),
        )
"""
JAX_SE = """\
        self.se = nnx.List(
            [
                partial(jnp.{kind}, axis=(1, 2), keepdims=True),
                nnx.Conv(features, se_1_features, kernel_size=(1, 1), rngs=rngs),
                nnx.silu,
                nnx.Conv(se_1_features, features, kernel_size=(1, 1), rngs=rngs),
                nnx.sigmoid,
            ]
        )
"""

ROWS = {
    "mean/torch": (squeezed(nn.AdaptiveAvgPool2d), IMAGES, TORCH_SE.format(kind="Avg")),
    "mean/jax": (squeezed(nn.AdaptiveAvgPool2d), IMAGES, JAX_SE.format(kind="mean")),
    "max/torch": (squeezed(nn.AdaptiveMaxPool2d), IMAGES, TORCH_SE.format(kind="Max")),
    "max/jax": (squeezed(nn.AdaptiveMaxPool2d), IMAGES, JAX_SE.format(kind="max")),
    "another width/torch": (
        nn.Sequential(Wider(8, 5), Wider(5, 4)),
        IMAGES,
        "def __init__(self, in_channels, out_channels):",
    ),
    "bottleneck/torch": (
        nn.Sequential(Narrow(10, 4), Narrow(10, 3), nn.Linear(10, 7), Narrow(7, 2)),
        IMAGES,
        "def __init__(self, features, down_features):",
    ),
    "bottleneck/jax": (
        nn.Sequential(Narrow(10, 4), Narrow(10, 3), nn.Linear(10, 7), Narrow(7, 2)),
        IMAGES,
        "def __init__(self, features, down_features, *, rngs: nnx.Rngs):",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_blocks_are_written_as_people_write_them(name: str) -> None:
    module, given, wanted = ROWS[name]
    model = read_live(LiveModel(module.eval(), (given,)))
    _, written = pipeline.write(model, target(name.rpartition("/")[2]), pipeline.Options("native"))
    assert wanted in written.source
