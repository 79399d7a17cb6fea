"""A port of the fixture `demo_cnn` as somebody would write it by hand, and one with a mistake in its code."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    """The network, with names of its own."""

    def __init__(self, eps: float = 0.001) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8, eps=eps)
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2)
        self.bn2 = nn.BatchNorm2d(16, eps=eps)
        self.fc1 = nn.Linear(144, 32)
        self.fc2 = nn.Linear(32, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.relu(self.conv2(F.pad(x, (0, 1, 0, 1))))
        x = F.avg_pool2d(self.bn2(x), 2).flatten(1)
        return F.softmax(self.fc2(F.relu(self.fc1(x))), dim=-1)


def build() -> Net:
    """As it should be."""
    return Net()


def build_with_another_epsilon() -> Net:
    """With PyTorch's own default."""
    return Net(eps=1e-5)
