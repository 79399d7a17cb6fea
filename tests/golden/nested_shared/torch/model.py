"""Model in PyTorch; `load()` returns it with its weights, ready for inference."""

from pathlib import Path

from safetensors.torch import load_file
from torch import nn


class Tower(nn.Module):
    """Used for tower."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(3, eps=0.001, momentum=0.01)

    def forward(self, x):
        y = self.conv(x)
        y = self.norm(y)
        return y + x


class Model(nn.Module):
    """The converted model.

    Inputs:
        input 0: float32 (batch, 3, 6, 5), axes `n c h w`, `n h w c` in the source
        input 1: float32 (batch, 3, 6, 5), axes `n c h w`, `n h w c` in the source
    Outputs:
        output 0: float32 (batch, 2), axes `n c`
    """

    def __init__(self):
        super().__init__()
        self.tower = Tower()
        self.verdict = nn.Linear(90, 2)

    def forward(self, input_0, input_1):
        tower = self.tower(input_0)
        x = self.tower(input_1)
        x = (tower - x).flatten(1)
        return self.verdict(x)


def load(path=None):
    """The model with its weights (by default those beside this file), in inference mode."""
    path = Path(__file__).with_name("model.safetensors") if path is None else path
    model = Model()
    model.load_state_dict(load_file(path), assign=True)
    return model.eval()
