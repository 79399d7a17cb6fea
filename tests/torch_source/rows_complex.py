"""Modules that compute with complex numbers, which no target's layers know: Fourier transforms, rotations."""

from __future__ import annotations

import torch
from torch import nn

from tests.torch_source.rows import Row, call, feed


class Spectral(nn.Module):
    """A layer of a Fourier neural operator: complex weights for the lowest frequencies, the others zero."""

    def __init__(self) -> None:
        super().__init__()
        self.low = nn.Parameter(torch.rand(4, 5, 3, 3, dtype=torch.cfloat))
        self.high = nn.Parameter(torch.rand(4, 5, 3, 3, dtype=torch.cfloat))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """To frequencies, a matrix for each, and back."""
        found = torch.fft.rfft2(x)
        out = torch.zeros(x.size(0), 5, x.size(2), x.size(3) // 2 + 1, dtype=torch.cfloat)
        out[:, :, :3, :3] = torch.einsum("nixy,ioxy->noxy", found[:, :, :3, :3], self.low)
        out[:, :, -3:, :3] = torch.einsum("nixy,ioxy->noxy", found[:, :, -3:, :3], self.high)
        return torch.fft.irfft2(out, s=(x.size(2), x.size(3)))


class Rotated(nn.Module):
    """Rotary places as complex factors."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("factors", torch.polar(torch.ones(5, 3), torch.randn(5, 3)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pairs of numbers as complex ones, turned."""
        pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(pairs * self.factors).flatten(-2)


class Filtered(nn.Module):
    """A filter over all frequencies of images whose channels are last."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 4, 6, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transformed both ways by the root of the number of cells."""
        found = torch.fft.rfft2(x, dim=(1, 2), norm="ortho") * torch.view_as_complex(self.weight)
        return torch.fft.irfft2(found, s=(4, 6), dim=(1, 2), norm="ortho")


def correlated(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    """How alike two signals are when one is moved."""
    return torch.fft.irfft(torch.fft.rfft(q, n=32) * torch.fft.rfft(k, n=32).conj(), n=32)


def several(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Transforms of all kinds and norms, and what is done between them."""
    line = torch.fft.rfft(x)
    return (
        torch.view_as_real(torch.fft.ifft(torch.fft.fft(x, norm="forward"), norm="ortho")),
        torch.fft.fftshift(torch.fft.fft2(x), dim=(1, 2)).abs() + torch.complex(x, x.flip(1)).angle(),
        torch.fft.irfft2(torch.fft.rfft2(x)),
        torch.fft.hfft(x),
        torch.view_as_real(line / (2 + 1j * line) - torch.complex(x[..., :5], x[..., 4:]).exp()),
    )


COMPLEX_ROWS = (
    Row("fourier_operator", Spectral, (feed(2, 4, 8, 9),), jax=True),
    Row("rotary_factors", Rotated, (feed(2, 4, 5, 6),), jax=True),
    Row("frequency_filter", Filtered, (feed(2, 4, 6, 6),), jax=True),
    call("real_part_of_fourier", lambda x: torch.fft.fftn(x, dim=(1, 2)).real, feed(2, 5, 8), jax=True),
    call(
        "spectrogram",
        lambda x: torch.stft(x, 8, 4, 6, torch.hann_window(6), return_complex=True).abs().pow(2),
        feed(2, 40),
        jax=True,
    ),
    call("correlated", correlated, feed(2, 3, 20), feed(2, 3, 20, seed=1), jax=True),
    call("transforms", several, feed(2, 6, 9), jax=True),
)
