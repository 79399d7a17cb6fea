"""Modules that generated code carries with it where torch has no twin. Never imported by porter: text
to copy."""

import torch
import torch.nn.functional as F
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


class GaussianDropout(nn.Module):
    """In training, x times normal noise around 1 that varies as dropout at rate `p` would."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training:
            return x
        return x * (1 + (self.p / (1 - self.p)) ** 0.5 * torch.randn_like(x))


class GaussianNoise(nn.Module):
    """In training, x plus normal noise."""

    def __init__(self, std):
        super().__init__()
        self.std = std

    def forward(self, x):
        return x + self.std * torch.randn_like(x) if self.training else x


class FrozenBatchNorm(nn.BatchNorm1d):
    """Normalizes axis 1 by its stored statistics, in training too."""

    def forward(self, x):
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class LocallyConnected(nn.Module):
    """A convolution without padding that has a kernel of its own at every output position."""

    def __init__(self, in_channels, out_channels, output_size, kernel_size, stride=None, bias=True):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride or (1,) * len(kernel_size)
        self.weight = nn.Parameter(torch.empty(out_channels, *output_size, in_channels, *kernel_size))
        self.bias = nn.Parameter(torch.empty(out_channels, *output_size)) if bias else None

    def forward(self, x):
        for axis, (size, step) in enumerate(zip(self.kernel_size, self.stride, strict=True), 2):
            x = x.unfold(axis, size, step)
        equation = "ncpi,opci->nop" if len(self.kernel_size) == 1 else "nchwij,ohwcij->nohw"
        x = torch.einsum(equation, x, self.weight)
        return x if self.bias is None else x + self.bias


class AxesRMSNorm(nn.Module):
    """RMS normalization over any axes, with a scale that broadcasts against one example."""

    def __init__(self, shape, dim, eps):
        super().__init__()
        self.dim, self.eps = dim, eps
        self.weight = nn.Parameter(torch.ones(shape))

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(self.dim, keepdim=True) + self.eps) * self.weight
