"""Model in PyTorch; `load()` returns it with its weights, ready for inference."""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class SharedDropout(nn.Module):
    """Dropout whose draw is shared along the axes `dim`."""

    def __init__(self, p, dim):
        super().__init__()
        self.p, self.dim = p, dim

    def forward(self, x):
        if not self.training:
            return x
        shape = [1 if axis in self.dim else size for axis, size in enumerate(x.shape)]
        return x * nn.functional.dropout(x.new_ones(shape), self.p)


class Normalization(nn.Module):
    """Used for normalization."""

    def __init__(self):
        super().__init__()
        self.mean = nn.Buffer(torch.empty((1, 3, 1, 1)))
        self.std = nn.Buffer(torch.empty((1, 3, 1, 1)))

    def forward(self, x):
        x = x - self.mean
        return x / self.std


class Block(nn.Module):
    """Used for block1, block3, block4."""

    def __init__(self, channels, expand_channels):
        super().__init__()
        self.expand = nn.Conv2d(channels, expand_channels, kernel_size=1, bias=False)
        self.expand_bn = nn.BatchNorm2d(expand_channels, eps=0.001, momentum=0.01)
        self.dwconv = nn.Conv2d(
            expand_channels,
            expand_channels,
            kernel_size=3,
            padding=1,
            groups=expand_channels,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(expand_channels, eps=0.001, momentum=0.01)
        self.se_reduce = nn.Conv2d(expand_channels, 2, kernel_size=1)
        self.se_expand = nn.Conv2d(2, expand_channels, kernel_size=1)
        self.project = nn.Conv2d(expand_channels, channels, kernel_size=1, bias=False)
        self.project_bn = nn.BatchNorm2d(channels, eps=0.001, momentum=0.01)
        self.drop = SharedDropout(0.2, (1, 2, 3))

    def forward(self, x):
        y = self.expand(x)
        y = F.silu(self.expand_bn(y))
        y = self.dwconv(y)
        activation = F.silu(self.bn(y))
        y = activation.mean(dim=(2, 3), keepdim=True)
        y = F.silu(self.se_reduce(y))
        y = torch.sigmoid(self.se_expand(y))
        y = activation * y
        y = self.project(y)
        y = self.project_bn(y)
        y = self.drop(y)
        return y + x


class Block2(nn.Module):
    """Used for block2."""

    def __init__(self):
        super().__init__()
        self.expand = nn.Conv2d(6, 24, kernel_size=1, bias=False)
        self.expand_bn = nn.BatchNorm2d(24, eps=0.001, momentum=0.01)
        self.dwconv = nn.Conv2d(24, 24, kernel_size=3, stride=2, groups=24, bias=False)
        self.bn = nn.BatchNorm2d(24, eps=0.001, momentum=0.01)
        self.se_reduce = nn.Conv2d(24, 2, kernel_size=1)
        self.se_expand = nn.Conv2d(2, 24, kernel_size=1)
        self.project = nn.Conv2d(24, 8, kernel_size=1, bias=False)
        self.project_bn = nn.BatchNorm2d(8, eps=0.001, momentum=0.01)

    def forward(self, x):
        x = self.expand(x)
        x = F.silu(self.expand_bn(x))
        x = self.dwconv(F.pad(x, (0, 1, 0, 1)))
        activation = F.silu(self.bn(x))
        x = activation.mean(dim=(2, 3), keepdim=True)
        x = F.silu(self.se_reduce(x))
        x = torch.sigmoid(self.se_expand(x))
        x = activation * x
        x = self.project(x)
        return self.project_bn(x)


class Model(nn.Module):
    """The converted model.

    Inputs:
        input 0: float32 (batch, 3, 33, 32), axes `n c h w`, `n h w c` in the source
    Outputs:
        output 0: float32 (batch, 5), axes `n c`
    """

    def __init__(self):
        super().__init__()
        self.normalization = Normalization()
        self.stem_conv = nn.Conv2d(3, 6, kernel_size=3, stride=2, bias=False)
        self.stem_bn = nn.BatchNorm2d(6, eps=0.001, momentum=0.01)
        self.block1 = Block(channels=6, expand_channels=24)
        self.block2 = Block2()
        self.block3 = Block(channels=8, expand_channels=32)
        self.block4 = Block(channels=8, expand_channels=32)
        self.top_dropout = nn.Dropout(0.2)
        self.predictions = nn.Linear(8, 5)

    def forward(self, x):
        x = x * 0.003921569
        x = self.normalization(x)
        x = self.stem_conv(F.pad(x, (0, 1, 0, 1)))
        x = F.silu(self.stem_bn(x))
        x = self.block1(x)
        x = self.block2(x)
        x = self.block3(x)
        x = self.block4(x).mean(dim=(2, 3))
        x = self.top_dropout(x)
        return F.softmax(self.predictions(x), dim=-1)


def load(path=None):
    """The model with its weights (by default those beside this file), in inference mode."""
    path = Path(__file__).with_name("model.safetensors") if path is None else path
    model = Model()
    model.load_state_dict(load_file(path), assign=True)
    return model.eval()
