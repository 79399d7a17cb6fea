"""Images in another size, windows of images as columns, and sampling at computed places.

Where the core has the very resampling as an op, it is that op; any other is a product with a matrix for each
axis, which is exact whatever the mode: each cell of the result is a weighted sum of cells along the axis.
"""

from __future__ import annotations

import numpy as np

from converters.torch.call import OpCall
from converters.torch.reads.convolution import spread
from converters.torch.reads.reshaping import padded
from converters.torch.rules import rules
from porter.axes import Move
from porter.graph.model import Param, Value
from porter.graph.ops.convolution import ConvTranspose
from porter.graph.ops.indexing import Gather
from porter.graph.ops.linear import Einsum
from porter.graph.ops.resampling import Resize, Upsample
from porter.graph.ops.reshaping import Transpose
from porter.numerics.matrices import resampling_matrix, resampling_places
from porter.weights.tensor import Constant as Numbers

MODES = {
    **{f"upsample_nearest{rank}d": "nearest" for rank in (1, 2, 3)},
    **{f"_upsample_nearest_exact{rank}d": "nearest_exact" for rank in (1, 2, 3)},
    "upsample_linear1d": "linear",
    "upsample_bilinear2d": "linear",
    "upsample_trilinear3d": "linear",
    "upsample_bicubic2d": "cubic",
    "_upsample_bilinear2d_aa": "linear_smooth",
    "_upsample_bicubic2d_aa": "cubic_smooth",
}


@rules.reads(*MODES)
def read_upsample(call: OpCall) -> Value:
    x, mode = call.x, MODES[call.spec.operator]
    if not all(isinstance(size, int) for size in x.shape[2:]):
        raise call.refuse("an image whose size only running the model tells")
    given = tuple(int(str(size)) for size in x.shape[2:])
    factors = _factors(call, len(given))
    size = tuple(int(str(part)) for part in call.meta.shape[2:])
    if size == given:
        return x
    corners = bool(call.get("align_corners", False))
    plain = all(
        factor is None or have * factor == want
        for have, want, factor in zip(given, size, factors, strict=True)
    )
    if not corners and plain:
        whole = [want // have for have, want in zip(given, size, strict=True)]
        if mode.startswith("nearest") and [have * k for have, k in zip(given, whole, strict=True)] == list(
            size
        ):
            return call.one(Upsample(tuple(whole), "first"), x)
        kernel = {"linear": "linear", "linear_smooth": "linear", "cubic_smooth": "cubic"}.get(mode)
        if kernel is not None:
            op = Resize(kernel, size, antialias=mode.endswith("smooth"), orientation="first")
            return call.one(op, x)
    for axis, (have, want, factor) in enumerate(zip(given, size, factors, strict=True), 2):
        x = _along(call, x, axis, (have, want, factor), mode, corners)
    return x


def _factors(call: OpCall, rank: int) -> tuple[float | None, ...]:
    told = call.get("scale_factors")
    if told is not None:
        return tuple(float(factor) for factor in told)
    names = [name for name in call.args if name.startswith("scales")]
    found = tuple(None if call.get(name) is None else float(call[name]) for name in names)
    return found or (None,) * rank


def _along(
    call: OpCall, x: Value, axis: int, sizes: tuple[int, int, float | None], mode: str, corners: bool
) -> Value:
    have, want, factor = sizes
    if mode.startswith("nearest"):
        return call.one(Gather(axis), x, call.constant(resampling_places(have, want, factor, mode)))
    matrix = resampling_matrix(have, want, factor, mode, corners=corners).astype("float32")
    letters = "ncdhw"[: x.rank]
    return call.one(
        Einsum(f"{letters},z{letters[axis]}->{letters.replace(letters[axis], 'z')}"),
        x,
        call.cast(call.constant(matrix), x.dtype),
    )


# --- windows as columns


@rules.reads("im2col")
def read_im2col(call: OpCall) -> Value:
    """`n c (p_h h) (p_w w)`: every window's cells as one vector, after its channel."""
    names = ("kernel_size", "dilation", "padding", "stride")
    window, dilation, pads, strides = (spread(call[name], 2) for name in names)
    x = padded(call, call.x, (pads[1], pads[1], pads[0], pads[0]), "constant", 0.0)
    counts = []
    for axis, place in ((0, 2), (1, 4)):
        size = int(str(x.shape[2 + axis] if axis == 0 else x.shape[-1]))
        count = (size - dilation[axis] * (window[axis] - 1) - 1) // strides[axis] + 1
        starts = np.arange(count) * strides[axis]
        places = np.arange(window[axis])[:, None] * dilation[axis] + starts
        x = call.one(Gather(place), x, call.constant(places.astype("int64")))
        counts.append(count)
    x = call.one(Transpose((0, 1, 2, 4, 3, 5)), x)
    channels = int(str(x.shape[1]))
    return call.reshape(x, (x.shape[0], channels * window[0] * window[1], counts[0] * counts[1]))


@rules.reads("col2im")
def read_col2im(call: OpCall) -> Value:
    """The sum of overlapping windows: a transposed convolution whose kernels hold a single one each."""
    names = ("kernel_size", "dilation", "padding", "stride")
    window, dilation, pads, strides = (spread(call[name], 2) for name in names)
    size = spread(call["output_size"], 2)
    cells = window[0] * window[1]
    channels = int(str(call.x.shape[1])) // cells
    rows = zip(size, pads, window, dilation, strides, strict=True)
    counts = [(have + 2 * pad - d * (k - 1) - 1) // s + 1 for have, pad, k, d, s in rows]
    x = call.reshape(call.x, (call.x.shape[0], channels * cells, *counts))
    full = [
        (n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(counts, strides, dilation, window, strict=True)
    ]
    crop = tuple((pad, whole - have - pad) for pad, whole, have in zip(pads, full, size, strict=True))
    one = Move.parse("c (h w) -> c 1 h w").apply(np.eye(cells, dtype="float32"), {"h": window[0]})
    kernel = Param(Numbers(np.tile(one, (channels, 1, 1, 1))), trainable=False)
    op = ConvTranspose(channels * cells, channels, window, strides, dilation, crop, channels, "first")
    return call.one(op, x, params={"weight": kernel})
