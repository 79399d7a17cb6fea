"""Model in PyTorch; `load()` returns it with its weights, ready for inference."""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class Down(nn.Module):
    """Used for down_1, down_2."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv_a = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.norm_a = nn.BatchNorm2d(out_channels, eps=0.001, momentum=0.01)
        self.conv_b = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.norm_b = nn.BatchNorm2d(out_channels, eps=0.001, momentum=0.01)

    def forward(self, x):
        x = self.conv_a(x)
        x = F.relu(self.norm_a(x))
        x = self.conv_b(x)
        return F.relu(self.norm_b(x))


class Up(nn.Module):
    """Used for up_2_block, up_1_block."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv_a = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.norm_a = nn.BatchNorm2d(out_channels, eps=0.001, momentum=0.01)
        self.conv_b = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.norm_b = nn.BatchNorm2d(out_channels, eps=0.001, momentum=0.01)

    def forward(self, x):
        x = self.conv_a(x)
        x = F.relu(self.norm_a(x))
        x = self.conv_b(x)
        return F.relu(self.norm_b(x))


class Model(nn.Module):
    """The converted model.

    Inputs:
        input 0: float32 (batch, 3, 8, 12), axes `n c h w`, `n h w c` in the source
    Outputs:
        output 0: float32 (batch, 1, 8, 12), axes `n c h w`, `n h w c` in the source
    """

    def __init__(self):
        super().__init__()
        self.down_1 = Down(in_channels=3, out_channels=4)
        self.down_2 = Down(in_channels=4, out_channels=6)
        self.middle_conv_a = nn.Conv2d(6, 8, kernel_size=3, padding=1, bias=False)
        self.middle_norm_a = nn.BatchNorm2d(8, eps=0.001, momentum=0.01)
        self.middle_conv_b = nn.Conv2d(8, 8, kernel_size=3, padding=1, bias=False)
        self.middle_norm_b = nn.BatchNorm2d(8, eps=0.001, momentum=0.01)
        self.up_2 = nn.ConvTranspose2d(8, 6, kernel_size=3, stride=2)
        self.up_2_block = Up(in_channels=12, out_channels=6)
        self.up_1_block = Up(in_channels=10, out_channels=4)
        self.mask = nn.Conv2d(4, 1, kernel_size=1)

    def forward(self, x):
        down_1 = self.down_1(x)
        x = F.max_pool2d(down_1, kernel_size=2)
        down_2 = self.down_2(x)
        x = F.max_pool2d(down_2, kernel_size=2)
        x = self.middle_conv_a(x)
        x = F.relu(self.middle_norm_a(x))
        x = self.middle_conv_b(x)
        x = F.relu(self.middle_norm_b(x))
        x = self.up_2(x)[:, :, :-1, :-1]
        x = torch.cat([x, down_2], dim=1)
        x = self.up_2_block(x)
        x = F.interpolate(x, size=(2 * x.shape[2], 2 * x.shape[3]), mode="bilinear")
        x = torch.cat([x, down_1], dim=1)
        x = self.up_1_block(x)
        return torch.sigmoid(self.mask(x))


def load(path=None):
    """The model with its weights (by default those beside this file), in inference mode."""
    path = Path(__file__).with_name("model.safetensors") if path is None else path
    model = Model()
    model.load_state_dict(load_file(path), assign=True)
    return model.eval()
