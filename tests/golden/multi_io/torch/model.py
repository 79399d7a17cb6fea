"""Model in PyTorch; `load()` returns it with its weights, ready for inference."""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class Model(nn.Module):
    """The converted model.

    Inputs:
        input 0: float32 (batch, 3, 7, 6), axes `n c h w`, `n h w c` in the source
        input 1: float32 (batch, 4), axes `n c`
    Outputs:
        output 0: float32 (batch, 3), axes `n c`
        output 1: float32 (batch, 1), axes `n c`
    """

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, kernel_size=3)
        self.facts = nn.Linear(4, 5)
        self.kind = nn.Linear(85, 3)
        self.amount = nn.Linear(85, 1)

    def forward(self, input_0, input_1):
        flatten = F.relu(self.conv(input_0)).permute(0, 2, 3, 1).flatten(1)
        x = self.facts(input_1)
        both = torch.cat([flatten, x], dim=1)
        kind = F.softmax(self.kind(both), dim=-1)
        x = self.amount(both)
        return kind, x


def load(path=None):
    """The model with its weights (by default those beside this file), in inference mode."""
    path = Path(__file__).with_name("model.safetensors") if path is None else path
    model = Model()
    model.load_state_dict(load_file(path), assign=True)
    return model.eval()
