"""Operators that people use seldom, several of a kind in a row."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tests.torch_source.rows import Row, call, feed, ids

LINE, IMAGE, VOLUME = feed(2, 5, 11), feed(2, 4, 7, 9), feed(2, 3, 4, 5, 6)
PLACES = np.clip(feed(2, 5, 6, 2, seed=3), -1.7, 1.7)
IN_VOLUME = np.clip(feed(2, 3, 4, 5, 3, seed=4), -1.6, 1.6)
SQUARE = feed(2, 4, 4) + 4 * np.eye(4, dtype="float32")
SLOPES, ROW = feed(4, seed=5), feed(11, seed=6)


def sampled(mode: str, outside: str, corners: bool) -> Row:
    """Sampling in one of its modes."""
    return call(
        f"sampled_{mode}_{outside}_{'corners' if corners else 'middles'}",
        lambda x, grid: F.grid_sample(x, grid, mode, outside, corners),
        IMAGE,
        PLACES,
    )


def written_over(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A diagonal in place; cells that a mask picks, from another tensor in its order."""
    y = x * 1
    y.diagonal(1, 1, 2).mul_(3)
    return y, x.masked_scatter(x > 0.5, x.flip(-1))


def reduced(x: torch.Tensor, k: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """All that is scattered to a cell, with the cell and without."""
    return tuple(
        x.scatter_reduce(1, k, x * 2, how, include_self=own)
        for how in ("sum", "prod", "mean", "amax", "amin")
        for own in (True, False)
    )


class Dynamic(nn.Module):
    """A convolution whose kernel is mixed anew for what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels = nn.Parameter(torch.randn(3, 6, 2, 3, 3))
        self.choice = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One kernel for the batch."""
        share = self.choice(x.mean((2, 3))).softmax(-1).mean(0)
        kernel = (self.kernels * share[:, None, None, None, None]).sum(0)
        return F.conv2d(x, kernel, share.repeat(2), stride=(1, 2), padding=1, groups=2)


def solved(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Equations from both sides, for vectors, for triangles."""
    sym = x @ x.mT
    return (
        torch.linalg.solve(x, y),
        torch.linalg.solve(x, y.mT, left=False),
        torch.linalg.solve(x, y[..., 0]),
        torch.linalg.solve_triangular(x, y, upper=True),
        torch.linalg.solve_triangular(x, y.mT, upper=False, left=False),
        torch.linalg.cholesky(sym, upper=True),
        torch.linalg.inv(x),
        torch.logdet(sym),
    )


OPERATOR_ROWS = (
    *(sampled("bilinear", "reflection", corners) for corners in (True, False)),
    *(sampled("bicubic", outside, True) for outside in ("zeros", "border", "reflection")),
    sampled("nearest", "reflection", False),
    sampled("bicubic", "reflection", False),
    call(
        "sampled_volume", lambda x, g: F.grid_sample(x, g, align_corners=False), VOLUME, IN_VOLUME, jax=True
    ),
    call("written_over", written_over, feed(2, 4, 5), jax=True),
    call("scattered_reductions", reduced, feed(3, 6), ids(3, 6, top=4), jax=True),
    call("solved", solved, SQUARE, feed(2, 4, 3), jax=True),
    call(
        "stacked_of_lower_rank",
        lambda x: (
            torch.column_stack((x[:, 0, 0], x[:, 0])),
            torch.vstack((x[0, 0], x[1, 0])),
            torch.dstack((x[:, 0], x[:, 1])),
            *torch.atleast_3d(x[0, 0], x[0]),
            torch.cartesian_prod(x[0, 0, :3], x[1, 0, :2]),
            x[0].ravel(),
        ),
        LINE,
    ),
    call(
        "ordered_seldom",
        lambda x: (
            torch.msort(x[0]),
            x[0].median(),
            torch.searchsorted(x.sort().values, x[..., :3].contiguous(), right=True),
            torch.searchsorted(torch.tensor([-1.0, 0.0, 1.0]), 0.3),
        ),
        LINE,
    ),
    call("gamma", lambda x: (torch.lgamma(x * 4), torch.digamma(x.abs() * 9 + 0.2)), LINE, jax=True),
    Row("dynamic_kernel", Dynamic, (IMAGE,), jax=True),
    call(
        "over_the_batch",
        lambda x: (x.sum() / x.numel(), x.std(), x.var(0), x.argmax(), x * 2.0 * len(x)),
        LINE,
        jax=True,
    ),
    call("number_out", lambda x: (x * 2, torch.tensor(0.5)), LINE),
    call(
        "masked_values",
        lambda x, m, y: (x.index_put((m > 0,), y), x.masked_scatter((m > 0)[..., None].expand_as(x), y)),
        feed(2, 5, 4),
        np.array([[1, 1, -1, 1, -1], [-1, 1, 1, -1, 1]], "float32"),
        feed(6, 4),
        jax=True,
    ),
    call(
        "inverse_spectrogram",
        lambda x, w: torch.istft(torch.stft(x, 8, 4, window=w, return_complex=True), 8, 4, window=w),
        feed(2, 40),
        np.hanning(9)[:8].astype("float32"),
    ),
    call("counted", lambda x: (x.histc(5, -1, 1), torch.histc(x.abs().floor(), 4, 0, 3)), LINE, jax=True),
    call(
        "weights_from_inputs",
        lambda x, s: (F.group_norm(x, 2, s, s * 2), F.prelu(x, s), F.instance_norm(x, weight=s)),
        IMAGE,
        SLOPES,
    ),
    call("lone_vectors", lambda x: (F.linear(x[0, 0], x[1]), F.cosine_similarity(x, x[0, :1], -1)), LINE),
    call(
        "crossed",
        lambda x: (torch.linalg.cross(x, x.flip(1) + 1, dim=1), torch.cross(x, x + 1, 1)),
        feed(2, 3, 5),
    ),
    call("empty_cut", lambda x: torch.cat([x[:, :, 5:], x[:, :, :5] * 2], 2), feed(2, 3, 5, 4), jax=True),
    call("whole_divisors", lambda k: (torch.gcd(k, k + 6), torch.lcm(k, k + 4)), ids(3, 5, top=30)),
)
