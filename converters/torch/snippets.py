"""Functions and modules that generated code carries with it where torch has no twin. Never imported by
porter:
their text is copied into `model.py`, each with those that it needs."""

import torch
import torch.nn.functional as F
from torch import nn


def same_pad(x, kernel, stride, dilation, value=0.0):
    """Pad so that the output has ceil(size / stride) cells; of an odd number of zeros the larger half
    goes behind."""
    pads = []
    settings = (x.shape[2:], kernel, stride, dilation)
    for size, k, s, d in zip(*map(reversed, settings), strict=True):
        total = max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads, value=value)


def padded_avg_pool(x, pads, kernel, stride):
    """Average over the real cells of each window, with `pads` around the input that do not count."""
    pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(kernel) - 1]
    ones = torch.ones_like(x[:1, :1])
    return pool(F.pad(x, pads), kernel, stride) / pool(F.pad(ones, pads), kernel, stride)


def same_avg_pool(x, kernel, stride):
    """Average over the real cells of each window, for an output of ceil(size / stride) cells."""
    pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(kernel) - 1]
    ones = torch.ones_like(x[:1, :1])
    sums, cells = (pool(same_pad(t, kernel, stride, (1,) * len(kernel)), kernel, stride) for t in (x, ones))
    return sums / cells


def over_last_axis(norm, x):
    """Apply a module that expects features on axis 1 to those on the last axis."""
    return norm(x.flatten(0, -2)).unflatten(0, x.shape[:-1])


def over_axis(norm, x, axis):
    """Apply a module that expects features on axis 1 to those on any axis."""
    return over_last_axis(norm, x.movedim(axis, -1)).movedim(-1, axis)


def hard_sigmoid_02(x):
    """The older hard sigmoid: 0.2 x + 0.5, between 0 and 1."""
    return torch.clamp(0.2 * x + 0.5, 0.0, 1.0)


def bounded_relu(x, negative_slope, max_value, threshold):
    """Identity from `threshold` up to `max_value`, a slope below the threshold."""
    high = x if max_value is None else x.clamp(max=max_value)
    return torch.where(x >= threshold, high, negative_slope * (x - threshold))


def squareplus(x, b):
    """(x + sqrt(x^2 + b)) / 2."""
    return (x + torch.sqrt(x * x + b)) / 2


def sparse_plus(x):
    """0 up to -1, (x + 1)^2 / 4 up to 1, then x."""
    return torch.where(x <= -1, torch.zeros_like(x), torch.where(x < 1, (x + 1) ** 2 / 4, x))


def sparse_sigmoid(x):
    """(x + 1) / 2 between 0 and 1."""
    return torch.clamp((x + 1) / 2, 0.0, 1.0)


def sparsemax_of_sums(x, dim):
    """Sparsemax as Keras computes it: its threshold comes from the sum of the partial sums in the support."""
    z, _ = torch.sort(x, dim=dim, descending=True)
    shape = [1] * x.dim()
    shape[dim] = -1
    ranks = torch.arange(1, x.shape[dim] + 1, dtype=x.dtype, device=x.device).reshape(shape)
    sums = z.cumsum(dim)
    support = 1 + ranks * z > sums
    tau = (torch.where(support, sums, 0).sum(dim, keepdim=True) - 1) / support.sum(dim, keepdim=True)
    return torch.clamp(x - tau, min=0)


def sparsemax(x, dim):
    """Projection onto the probability simplex along `dim`."""
    z, _ = torch.sort(x, dim=dim, descending=True)
    shape = [1] * x.dim()
    shape[dim] = -1
    ranks = torch.arange(1, x.shape[dim] + 1, dtype=x.dtype, device=x.device).reshape(shape)
    sums = z.cumsum(dim)
    support = (1 + ranks * z > sums).sum(dim, keepdim=True)
    tau = (sums.gather(dim, support - 1) - 1) / support
    return torch.clamp(x - tau, min=0)


class AxesLayerNorm(nn.Module):
    """Layer normalization over any axes, with a scale and a shift that broadcast against one example."""

    def __init__(self, shape, dim, eps, weight=True, bias=True):
        super().__init__()
        self.dim, self.eps = dim, eps
        self.weight = nn.Parameter(torch.ones(shape)) if weight else None
        self.bias = nn.Parameter(torch.zeros(shape)) if bias else None

    def forward(self, x):
        centred = x - x.mean(self.dim, keepdim=True)
        x = centred * torch.rsqrt(centred.square().mean(self.dim, keepdim=True) + self.eps)
        x = x if self.weight is None else x * self.weight
        return x if self.bias is None else x + self.bias


def read_tensor(dataset):
    """A tensor from an HDF5 file, which holds bfloat16 as marked 16-bit numbers."""
    tensor = torch.as_tensor(dataset[()])
    return tensor.view(torch.bfloat16) if dataset.attrs.get("dtype") == "bfloat16" else tensor
