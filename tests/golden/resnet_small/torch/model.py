"""Model in PyTorch; `load()` returns it with its weights, ready for inference."""

from pathlib import Path

import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class Block(nn.Module):
    """Used for stage_0_block_0, stage_0_block_1, stage_0_block_2 and 2 more."""

    def __init__(self, channels):
        super().__init__()
        self.conv_1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.norm_1 = nn.BatchNorm2d(channels, eps=0.001, momentum=0.01)
        self.conv_2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.norm_2 = nn.BatchNorm2d(channels, eps=0.001, momentum=0.01)

    def forward(self, x):
        y = self.conv_1(x)
        y = F.relu(self.norm_1(y))
        y = self.conv_2(y)
        y = self.norm_2(y)
        return F.relu(x + y)


class Block2(nn.Module):
    """Used for stage_1_block_0."""

    def __init__(self):
        super().__init__()
        self.conv_1 = nn.Conv2d(4, 6, kernel_size=3, stride=2)
        self.norm_1 = nn.BatchNorm2d(6, eps=0.001, momentum=0.01)
        self.conv_2 = nn.Conv2d(6, 6, kernel_size=3, padding=1)
        self.shortcut = nn.Conv2d(4, 6, kernel_size=1, stride=2)
        self.norm_2 = nn.BatchNorm2d(6, eps=0.001, momentum=0.01)

    def forward(self, x):
        y = self.conv_1(F.pad(x, (0, 1, 1, 1)))
        y = F.relu(self.norm_1(y))
        y = self.conv_2(y)
        norm_2 = self.norm_2(y)
        x = self.shortcut(x)
        return F.relu(x + norm_2)


class Model(nn.Module):
    """The converted model.

    Inputs:
        input 0: float32 (batch, 3, 9, 8), axes `n c h w`, `n h w c` in the source
    Outputs:
        output 0: float32 (batch, 3), axes `n c`
    """

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, kernel_size=3, padding=1)
        self.stage_0_block_0 = Block(channels=4)
        self.stage_0_block_1 = Block(channels=4)
        self.stage_0_block_2 = Block(channels=4)
        self.stage_1_block_0 = Block2()
        self.stage_1_block_1 = Block(channels=6)
        self.stage_1_block_2 = Block(channels=6)
        self.classes = nn.Linear(6, 3)

    def forward(self, x):
        x = self.stem(x)
        x = self.stage_0_block_0(x)
        x = self.stage_0_block_1(x)
        x = self.stage_0_block_2(x)
        x = self.stage_1_block_0(x)
        x = self.stage_1_block_1(x)
        x = self.stage_1_block_2(x).mean(dim=(2, 3))
        return self.classes(x)


def load(path=None):
    """The model with its weights (by default those beside this file), in inference mode."""
    path = Path(__file__).with_name("model.safetensors") if path is None else path
    model = Model()
    model.load_state_dict(load_file(path), assign=True)
    return model.eval()
