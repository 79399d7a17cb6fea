"""Fourier transforms, as torch's own operators for all of them say it."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.torch.call import OpCall
from converters.torch.pairs import Pair, reads_pairs
from porter.graph.model import Value
from porter.graph.ops.elementwise import Binary, Unary
from porter.graph.ops.fourier import Fourier, Norm, RealFourier
from porter.graph.ops.indexing import Gather
from porter.graph.ops.reshaping import Pad, Transpose

NORMS: tuple[Norm, ...] = ("backward", "ortho", "forward")
"""By torch's numbers, where the transform is a forward one: undivided, by the root, by the count."""


def _norm(call: OpCall, inverse: bool) -> Norm:
    """torch says whether this way is divided, the op which of the two ways is."""
    return (NORMS[::-1] if inverse else NORMS)[int(call["normalization"])]


@reads_pairs("_fft_c2c")
def read_complex_transform(call: OpCall) -> Pair:
    x, inverse = call["self"], not call["forward"]
    op = Fourier(_axes(call, x.real), inverse, False, _norm(call, inverse))
    inputs = (x.real,) if call.filled(x.imaginary) == 0 else (x.real, x.imaginary)
    return Pair(*call.add(op, *inputs))


@reads_pairs("_fft_r2c")
def read_real_transform(call: OpCall) -> Pair:
    op = Fourier(_axes(call, call.x), False, bool(call["onesided"]), _norm(call, False))
    return Pair(*call.add(op, call.x))


@reads_pairs("_fft_c2r")
def read_transform_to_real(call: OpCall) -> Value:
    """Of the frequencies torch looks at the first half only."""
    x, size = call["self"], int(call["last_dim_size"])
    op = RealFourier(_axes(call, x.real), size, _norm(call, True))
    axis = op.axes[-1]
    parts = (_cut(call, part, axis, size // 2 + 1) for part in (x.real, x.imaginary))
    return call.one(op, *parts)


def _axes(call: OpCall, x: Value) -> tuple[int, ...]:
    return tuple(call.axis(axis, x.rank) for axis in call["dim"])


def _cut(call: OpCall, x: Value, axis: int, count: int) -> Value:
    from converters.torch.reads.indexing import cut

    return cut(call, x, axis, (None, count, 1))


@reads_pairs("stft")
def read_stft(call: OpCall) -> Any:
    """Frames of the signal, each times the window, and their transforms, frequencies before frames."""
    x, count = call.x, int(call["n_fft"])
    step = int(call.get("hop_length", count // 4))
    size = x.shape[-1]
    if not isinstance(size, int) or x.rank > 2:
        raise call.refuse("a signal whose length only running the model tells")
    if call.get("align_to_window"):
        raise call.refuse("frames that are aligned to the window")
    if call.get("center"):
        raise call.refuse("a signal that this operator pads itself", "pad it before")
    starts = np.arange(0, size - count + 1, step)
    places = (starts[:, None] + np.arange(count)).astype("int64")
    frames = call.one(Gather(x.rank - 1), x, call.constant(places))
    window = _window(call, count)
    if window is not None:
        frames = call.one(Binary("multiply"), frames, window)
    half = call.get("onesided") is not False
    op = Fourier((frames.rank - 1,), False, half, "ortho" if call.get("normalized") else "backward")
    turn = Transpose((*range(frames.rank - 2), frames.rank - 1, frames.rank - 2))
    parts = [call.one(turn, part) for part in call.add(op, frames)]
    if call.get("return_complex") is False:
        from porter.graph.ops.indexing import Stack

        return call.one(Stack(parts[0].rank), *parts)
    return Pair(*parts)


def _window(call: OpCall, count: int) -> Value | None:
    """The window in the middle of as many zeros as a frame has cells."""
    length = int(call.get("win_length", count))
    window = call.get("window")
    if window is None:
        if length == count:
            return None
        window = call.fill(1.0, (length,), call.x.dtype)
    before = (count - length) // 2
    if length == count:
        return window  # type: ignore[no-any-return]
    return call.one(Pad(((before, count - length - before),)), window)


@reads_pairs("view_as_real")
def read_view_as_real(call: OpCall) -> Value:
    from porter.graph.ops.indexing import Stack

    x = call["self"]
    return call.one(Stack(x.real.rank), x.real, x.imaginary)


@reads_pairs("view_as_complex")
def read_view_as_complex(call: OpCall) -> Pair:
    from porter.graph.ops.indexing import Index

    whole = ((None, None, 1),) * (call.x.rank - 1)
    return Pair(call.one(Index((*whole, 0)), call.x), call.one(Index((*whole, 1)), call.x))


@reads_pairs("complex")
def read_complex(call: OpCall) -> Pair:
    return Pair(*(call.expand(call.tensor(name), call.meta.shape) for name in ("real", "imag")))


@reads_pairs("polar")
def read_polar(call: OpCall) -> Pair:
    size, angle = call.tensor("abs"), call.tensor("angle")
    return Pair(*(call.one(Binary("multiply"), size, call.one(Unary(way), angle)) for way in ("cos", "sin")))
