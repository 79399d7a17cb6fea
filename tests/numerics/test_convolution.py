"""Convolutions against torch, and the transposed crop rule against TensorFlow through Keras."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from porter.errors import GraphError
from porter.numerics.convolution import (
    conv,
    conv_transpose,
    local_conv,
    same_padding,
    transpose_crop,
)
from porter.numerics.spatial import pad
from tests.numerics.agreement import assert_close, channels_first, channels_last, noise

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}

# spatial sizes, channels in, out, kernel, strides, dilation, padding, groups
CONV_ROWS = [
    ((9,), 3, 4, (3,), (1,), (1,), ((0, 0),), 1),
    ((9,), 20, 4, (3,), (2,), (2,), ((4, 0),), 1),
    ((9,), 3, 4, (1,), (2,), (1,), ((0, 0),), 1),
    ((8, 7), 3, 5, (3, 2), (1, 1), (1, 1), ((1, 1), (0, 1)), 1),
    ((8, 7), 17, 5, (3, 3), (2, 1), (1, 1), ((0, 1), (1, 1)), 1),
    ((8, 7), 18, 5, (1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)), 1),
    ((8, 7), 18, 5, (1, 1), (2, 3), (1, 1), ((0, 0), (0, 0)), 1),
    ((8, 9), 6, 9, (3, 3), (1, 2), (2, 1), ((2, 2), (1, 1)), 3),
    ((8, 9), 6, 6, (3, 3), (2, 2), (1, 1), ((1, 1), (1, 1)), 6),
    ((8, 9), 6, 18, (3, 2), (1, 1), (1, 2), ((0, 0), (0, 0)), 6),
    ((8, 9), 4, 2, (3, 3), (1, 1), (1, 1), ((0, 0), (0, 0)), 2),
    ((5, 6, 7), 3, 4, (2, 3, 3), (1, 2, 1), (1, 1, 1), ((0, 1), (1, 1), (0, 0)), 1),
    ((5, 6, 7), 4, 4, (2, 3, 3), (2, 1, 1), (1, 1, 2), ((0, 0), (0, 0), (1, 2)), 2),
    ((5, 6, 7), 4, 8, (3, 3, 3), (1, 1, 1), (1, 1, 1), ((1, 1), (1, 1), (1, 1)), 4),
    ((5, 6), 3, 4, (5, 6), (1, 1), (1, 1), ((0, 0), (0, 0)), 1),
]


@pytest.mark.parametrize("row", CONV_ROWS, ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_conv_is_torchs(row: tuple[Any, ...], dtype: str) -> None:
    sizes, inputs, outputs, window, strides, dilation, padding, groups = row
    x = noise(2, *sizes, inputs, dtype=dtype)
    w = noise(outputs, inputs // groups, *window, seed=1, dtype=dtype)
    got = conv(x, w, strides=strides, dilation=dilation, padding=padding, groups=groups)
    padded = channels_first(np.pad(x, [(0, 0), *padding, (0, 0)]))
    want = CONV[len(sizes)](padded, torch.from_numpy(w), stride=strides, dilation=dilation, groups=groups)
    assert_close(got, channels_last(want), 1e-13 if dtype == "float64" else 1e-5)


# spatial sizes, channels in, out, kernel, strides, dilation, padding, output padding, groups
TRANSPOSED_ROWS = [
    ((5,), 3, 4, (3,), (2,), (1,), (1,), (1,), 1),
    ((5,), 4, 4, (2,), (3,), (2,), (0,), (0,), 2),
    ((5, 6), 3, 4, (3, 2), (2, 2), (1, 1), (1, 0), (1, 1), 1),
    ((5, 6), 3, 4, (1, 1), (3, 2), (1, 1), (0, 0), (2, 1), 1),
    ((5, 6), 4, 4, (4, 4), (2, 2), (1, 1), (1, 1), (0, 0), 4),
    ((5, 6), 4, 6, (3, 3), (2, 1), (1, 2), (1, 2), (1, 0), 2),
    ((3, 4, 5), 3, 2, (3, 2, 3), (2, 1, 2), (1, 1, 1), (1, 0, 1), (0, 0, 1), 1),
]


@pytest.mark.parametrize("row", TRANSPOSED_ROWS, ids=str)
def test_conv_transpose_is_torchs(row: tuple[Any, ...]) -> None:
    sizes, inputs, outputs, window, strides, dilation, padding, more, groups = row
    x = noise(2, *sizes, inputs)
    w = noise(inputs, outputs // groups, *window, seed=1)
    got = conv_transpose(
        x,
        w,
        strides=strides,
        dilation=dilation,
        crop=[(p, p) for p in padding],
        extra=more,
        groups=groups,
    )
    want = TRANSPOSED[len(sizes)](
        channels_first(x),
        torch.from_numpy(w),
        stride=strides,
        padding=padding,
        output_padding=more,
        groups=groups,
        dilation=dilation,
    )
    assert_close(got, channels_last(want))


def keras_transposed(x: Any, w: Any, **options: Any) -> Any:
    """Keras's own answer on TensorFlow for `w` `(i, o, *k)`, or None where it has none."""
    import keras
    import tensorflow as tf

    kernel = np.moveaxis(w, (0, 1), (-1, -2))
    try:
        return keras.ops.convert_to_numpy(keras.ops.conv_transpose(x, kernel, **options))
    except (tf.errors.OpError, ValueError):
        return None


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("rank", [1, 2])
def test_transpose_crop_is_kerass(padding: str, rank: int) -> None:
    pytest.importorskip("tensorflow")
    seen = 0
    for size, window, stride, dilation, more in product(
        (1, 5), (1, 2, 3, 4, 5), (1, 2, 3), (1, 2), (None, 0, 1, 2)
    ):
        if stride > 1 and dilation > 1:
            continue
        x = noise(2, *(size,) * rank, 3)
        w = noise(3, 2, *(window,) * rank, seed=1)
        want = keras_transposed(
            x,
            w,
            strides=stride,
            padding=padding,
            output_padding=more,
            dilation_rate=dilation,
        )
        if want is None:
            continue
        crop = [transpose_crop(window, stride, dilation, padding, more)] * rank
        got = conv_transpose(x, w, strides=(stride,) * rank, dilation=(dilation,) * rank, crop=crop)
        assert_close(got, want)
        seen += 1
    assert seen > 30


def test_same_padding_is_tensorflows() -> None:
    tf = pytest.importorskip("tensorflow")
    for size, window, stride, dilation in product((5, 6, 7), (1, 2, 3, 4), (1, 2, 3), (1, 2)):
        if stride > 1 and dilation > 1:
            continue
        x, w = noise(1, size, 2), noise(3, 2, window, seed=1)
        sides = same_padding(size, window, stride, dilation)
        got = conv(x, w, strides=(stride,), dilation=(dilation,), padding=(sides,))
        kernel = np.moveaxis(w, (0, 1), (-1, -2))
        want = tf.nn.convolution(x, kernel, [stride], "SAME", dilations=[dilation]).numpy()
        assert_close(got, want)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_transposed_is_the_adjoint(data: st.DataObject) -> None:
    """<conv(x), y> = <x, conv_transpose(y)> for the same kernel."""
    size, window, stride, dilation = (data.draw(st.integers(1, n)) for n in (12, 4, 3, 2))
    groups, inputs, outputs = (data.draw(st.integers(1, 3)) for _ in range(3))
    lo, hi = (data.draw(st.integers(0, 3)) for _ in range(2))
    if lo + size + hi < (window - 1) * dilation + 1:
        return
    x, w = noise(2, size, inputs * groups), noise(outputs * groups, inputs, window, seed=1)
    y = conv(x, w, strides=(stride,), dilation=(dilation,), padding=((lo, hi),), groups=groups)
    other = noise(*y.shape, seed=2)
    unused = (size + lo + hi - (window - 1) * dilation - 1) % stride
    back = conv_transpose(
        other,
        w,
        strides=(stride,),
        dilation=(dilation,),
        crop=((lo, hi),),
        extra=(unused,),
        groups=groups,
    )
    assert back.shape == x.shape
    np.testing.assert_allclose((y * other).sum(), (x * back).sum(), atol=1e-10)


@pytest.mark.parametrize(("window", "strides"), [((3, 2), (1, 1)), ((2, 3), (2, 1))])
def test_local_conv_with_one_kernel_everywhere_is_conv(
    window: tuple[int, int], strides: tuple[int, int]
) -> None:
    x, w = noise(2, 6, 7, 3), noise(4, 3, *window, seed=1)
    want = conv(x, w, strides=strides, dilation=(1, 1), padding=((0, 0), (0, 0)))
    features = np.moveaxis(w, (0, 1), (-1, -2)).reshape(-1, 4)
    local = np.broadcast_to(features, (*want.shape[1:3], *features.shape))
    assert_close(local_conv(x, local, window=window, strides=strides), want)


def test_local_conv_uses_the_kernel_of_its_position() -> None:
    x, w = noise(2, 5, 3), noise(4, 6, 2, seed=1)
    got = local_conv(x, w, window=(2,), strides=(1,))
    want = np.stack([x[:, p : p + 2].reshape(2, 6) @ w[p] for p in range(4)], axis=1)
    assert_close(got, want)


def test_whole_numbers_stay_exact() -> None:
    x = np.arange(2 * 5 * 3, dtype=np.int64).reshape(2, 5, 3)
    w = np.arange(4 * 3 * 2, dtype=np.int64).reshape(4, 3, 2)
    got = conv(x, w, strides=(1,), dilation=(1,), padding=((0, 0),))
    want = conv(x.astype(float), w.astype(float), strides=(1,), dilation=(1,), padding=((0, 0),))
    assert got.dtype == np.int64
    assert (got == want).all()


@pytest.mark.parametrize(("inputs", "outputs", "groups"), [(3, 4, 1), (18, 4, 1), (4, 4, 4)])
def test_empty_batches_and_empty_outputs(inputs: int, outputs: int, groups: int) -> None:
    w = noise(outputs, inputs // groups, 3)
    for n, size, out in [(0, 5, 3), (2, 2, 0)]:
        x = noise(n, size, inputs)
        y = conv(x, w, strides=(1,), dilation=(1,), padding=((0, 0),), groups=groups)
        assert y.shape == (n, out, outputs)


def test_a_kernel_of_other_data_is_refused() -> None:
    with pytest.raises(GraphError, match=r"\(2, 5, 3\).*4 input"):
        conv(noise(2, 5, 3), noise(2, 4, 3), strides=(1,), dilation=(1,), padding=((0, 0),))
    with pytest.raises(GraphError, match="padding"):
        pad(noise(2, 5, 3), ((0, 0), (0, 0)))
    with pytest.raises(GraphError, match="'causal'"):
        transpose_crop(3, 1, 1, "causal", None)
    with pytest.raises(GraphError, match="local kernel"):
        local_conv(noise(2, 5, 3), noise(4, 5, 2), window=(2,), strides=(1,))
