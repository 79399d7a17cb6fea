"""Rows of the transposed convolutions: strides against kernels, paddings, output_padding, dilation."""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from tests.layers.cases.case import LayerCase, feed, keras3, not_on_tf, row

_FIRST = "channels_first"
_SEQUENCE, _IMAGE, _VOLUME = feed(5, 3), feed(5, 4, 3), feed(3, 4, 2, 2)

_ONE = (
    row("conv1d_transpose", "Conv1DTranspose", _SEQUENCE, filters=4, kernel_size=3),
    row("conv1d_transpose_stride_2", "Conv1DTranspose", _SEQUENCE, filters=4, kernel_size=3, strides=2),
    row("conv1d_transpose_same_stride_2", "Conv1DTranspose", _SEQUENCE, filters=4, kernel_size=3, strides=2, padding="same"),
    row("conv1d_transpose_same_even", "Conv1DTranspose", _SEQUENCE, filters=4, kernel_size=4, strides=2, padding="same"),
    row("conv1d_transpose_stride_over_kernel", "Conv1DTranspose", _SEQUENCE, filters=4, kernel_size=2, strides=3, padding="same"),
    keras3(row("conv1d_transpose_output_padding", "Conv1DTranspose", _SEQUENCE, filters=4, kernel_size=3, strides=2, output_padding=1)),
)  # fmt: skip

_TWO = (
    row("conv2d_transpose", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=3),
    row("conv2d_transpose_no_bias", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=3, use_bias=False),
    row("conv2d_transpose_same", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=3, padding="same"),
    row("conv2d_transpose_stride_2", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=3, strides=2),
    row("conv2d_transpose_2x2_stride_2", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=2, strides=2),
    row("conv2d_transpose_same_stride_2", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=3, strides=2, padding="same"),
    row("conv2d_transpose_same_4x4_stride_2", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=4, strides=2, padding="same"),
    row("conv2d_transpose_same_5x5_stride_3", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=5, strides=3, padding="same"),
    row("conv2d_transpose_stride_over_kernel", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=2, strides=3),
    row("conv2d_transpose_same_stride_over_kernel", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=1, strides=2, padding="same"),
    row("conv2d_transpose_rectangular", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=(2, 3), strides=(1, 2), padding="same"),
    row("conv2d_transpose_output_padding", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=3, strides=2, output_padding=1),
    row("conv2d_transpose_output_padding_0", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=3, strides=2, padding="same", output_padding=0),
    row("conv2d_transpose_same_output_padding", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=4, strides=3, padding="same", output_padding=(1, 2)),
    not_on_tf(keras3(row("conv2d_transpose_dilated", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=3, dilation_rate=2))),
    not_on_tf(keras3(row("conv2d_transpose_same_dilated", "Conv2DTranspose", _IMAGE, filters=4, kernel_size=3, dilation_rate=2, padding="same"))),
    row("conv2d_transpose_dynamic", "Conv2DTranspose", feed(None, None, 3), filters=4, kernel_size=3, strides=2, padding="same"),
    not_on_tf(keras3(row("conv2d_transpose_first", "Conv2DTranspose", feed(3, 5, 4), filters=4, kernel_size=3, strides=2, padding="same", data_format=_FIRST))),
)  # fmt: skip

_THREE = (
    row("conv3d_transpose", "Conv3DTranspose", _VOLUME, filters=3, kernel_size=2),
    row("conv3d_transpose_same_stride_2", "Conv3DTranspose", _VOLUME, filters=3, kernel_size=3, strides=2, padding="same"),
    row("conv3d_transpose_rectangular", "Conv3DTranspose", _VOLUME, filters=3, kernel_size=(1, 2, 3), strides=(1, 2, 1), use_bias=False),
    row("conv3d_transpose_output_padding", "Conv3DTranspose", _VOLUME, filters=3, kernel_size=3, strides=2, output_padding=1),
)  # fmt: skip

CASES: tuple[LayerCase, ...] = (*_ONE, *_TWO, *_THREE)
