"""Rows of the convolutions, depthwise and separable ones included; transposed ones are in their own file."""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from tests.layers.cases.case import LayerCase, feed, keras3, not_on_tf, row

_SEQUENCE, _ODD, _EVEN = feed(11, 3), feed(7, 9, 3), feed(8, 6, 3)
_FIRST_SEQUENCE, _FIRST_ODD, _FIRST_EVEN = feed(3, 11), feed(3, 7, 9), feed(3, 8, 6)
_VOLUME, _FIRST_VOLUME = feed(5, 6, 7, 2), feed(2, 5, 6, 7)
_FIRST = "channels_first"

_CONV1D = (
    row("conv1d", "Conv1D", _SEQUENCE, filters=4, kernel_size=3),
    row("conv1d_no_bias", "Conv1D", _SEQUENCE, filters=4, kernel_size=3, use_bias=False),
    row("conv1d_same", "Conv1D", _SEQUENCE, filters=4, kernel_size=3, padding="same"),
    row("conv1d_same_even", "Conv1D", _SEQUENCE, filters=4, kernel_size=4, padding="same"),
    row("conv1d_same_stride_2_odd", "Conv1D", _SEQUENCE, filters=4, kernel_size=3, strides=2, padding="same"),
    row("conv1d_same_stride_2_even", "Conv1D", feed(12, 3), filters=4, kernel_size=3, strides=2, padding="same"),
    row("conv1d_same_stride_3", "Conv1D", feed(14, 3), filters=4, kernel_size=2, strides=3, padding="same"),
    row("conv1d_same_dilated", "Conv1D", _SEQUENCE, filters=4, kernel_size=3, dilation_rate=2, padding="same"),
    row("conv1d_dilated", "Conv1D", _SEQUENCE, filters=4, kernel_size=3, dilation_rate=3),
    row("conv1d_causal", "Conv1D", _SEQUENCE, filters=4, kernel_size=3, padding="causal"),
    row("conv1d_causal_dilated", "Conv1D", _SEQUENCE, filters=4, kernel_size=2, dilation_rate=4, padding="causal"),
    row("conv1d_causal_stride_2", "Conv1D", _SEQUENCE, filters=4, kernel_size=3, strides=2, padding="causal"),
    row("conv1d_dynamic_same", "Conv1D", feed(None, 3), filters=4, kernel_size=3, padding="same"),
    row("conv1d_dynamic_same_stride_2", "Conv1D", feed(None, 3), filters=4, kernel_size=3, strides=2, padding="same"),
    row("conv1d_dynamic_causal", "Conv1D", feed(None, 3), filters=4, kernel_size=3, padding="causal"),
    keras3(row("conv1d_groups", "Conv1D", feed(11, 4), filters=6, kernel_size=3, groups=2)),
    not_on_tf(keras3(row("conv1d_first", "Conv1D", _FIRST_SEQUENCE, filters=4, kernel_size=3, data_format=_FIRST))),
    not_on_tf(keras3(
        row(
            "conv1d_first_same_stride_2", "Conv1D", _FIRST_SEQUENCE,
            filters=4, kernel_size=3, strides=2, padding="same", data_format=_FIRST,
        )
    )),
)  # fmt: skip

_CONV2D = (
    row("conv2d", "Conv2D", _ODD, filters=4, kernel_size=3),
    row("conv2d_relu", "Conv2D", _ODD, filters=4, kernel_size=3, activation="relu"),
    row("conv2d_no_bias", "Conv2D", _ODD, filters=4, kernel_size=3, use_bias=False),
    row("conv2d_1x1", "Conv2D", _ODD, filters=4, kernel_size=1),
    row("conv2d_1x1_stride_2", "Conv2D", _EVEN, filters=4, kernel_size=1, strides=2, padding="same"),
    row("conv2d_rectangular", "Conv2D", _ODD, filters=4, kernel_size=(2, 5), strides=(1, 2)),
    row("conv2d_same", "Conv2D", _ODD, filters=4, kernel_size=3, padding="same"),
    row("conv2d_same_rectangular", "Conv2D", _ODD, filters=4, kernel_size=(3, 4), padding="same"),
    row("conv2d_same_even_2", "Conv2D", _ODD, filters=4, kernel_size=2, padding="same"),
    row("conv2d_same_even_4", "Conv2D", _ODD, filters=4, kernel_size=4, padding="same"),
    row("conv2d_stride_2", "Conv2D", _EVEN, filters=4, kernel_size=3, strides=2),
    row("conv2d_same_stride_2_odd", "Conv2D", _ODD, filters=4, kernel_size=3, strides=2, padding="same"),
    row("conv2d_same_stride_2_even", "Conv2D", _EVEN, filters=4, kernel_size=3, strides=2, padding="same"),
    row("conv2d_same_stride_2_mixed", "Conv2D", feed(7, 8, 3), filters=4, kernel_size=3, strides=2, padding="same"),
    row("conv2d_same_stride_3_kernel_2", "Conv2D", _EVEN, filters=4, kernel_size=2, strides=3, padding="same"),
    row("conv2d_same_kernel_5_stride_2", "Conv2D", _EVEN, filters=4, kernel_size=5, strides=2, padding="same"),
    row("conv2d_dilated", "Conv2D", _ODD, filters=4, kernel_size=3, dilation_rate=2),
    row("conv2d_same_dilated", "Conv2D", _ODD, filters=4, kernel_size=3, dilation_rate=(1, 2), padding="same"),
    row("conv2d_groups", "Conv2D", feed(7, 9, 4), filters=6, kernel_size=3, groups=2, padding="same"),
    row("conv2d_groups_depthwise", "Conv2D", feed(7, 9, 4), filters=4, kernel_size=3, groups=4, use_bias=False),
    row("conv2d_dynamic_same", "Conv2D", feed(None, None, 3), filters=4, kernel_size=3, padding="same"),
    row("conv2d_dynamic_stride_2", "Conv2D", feed(None, None, 3), filters=4, kernel_size=3, strides=2, padding="same"),
    row("conv2d_dynamic_valid", "Conv2D", feed(None, None, 3), filters=4, kernel_size=3, strides=2),
    not_on_tf(keras3(row("conv2d_first", "Conv2D", _FIRST_ODD, filters=4, kernel_size=3, data_format=_FIRST))),
    not_on_tf(keras3(
        row("conv2d_first_same", "Conv2D", _FIRST_ODD, filters=4, kernel_size=2, padding="same", data_format=_FIRST)
    )),
    not_on_tf(keras3(
        row(
            "conv2d_first_same_stride_2", "Conv2D", _FIRST_EVEN,
            filters=4, kernel_size=3, strides=2, padding="same", data_format=_FIRST,
        )
    )),
    keras3(
        row(
            "conv2d_first_groups", "Conv2D", feed(4, 7, 9),
            filters=6, kernel_size=3, groups=2, padding="same", data_format=_FIRST,
        )
    ),
)  # fmt: skip

_CONV3D = (
    row("conv3d", "Conv3D", _VOLUME, filters=3, kernel_size=2),
    row("conv3d_rectangular", "Conv3D", _VOLUME, filters=3, kernel_size=(1, 2, 3), strides=(1, 2, 1)),
    row("conv3d_same", "Conv3D", _VOLUME, filters=3, kernel_size=3, padding="same"),
    row(
        "conv3d_same_stride_2",
        "Conv3D",
        _VOLUME,
        filters=3,
        kernel_size=3,
        strides=2,
        padding="same",
    ),
    row(
        "conv3d_dilated",
        "Conv3D",
        _VOLUME,
        filters=3,
        kernel_size=2,
        dilation_rate=2,
        use_bias=False,
    ),
    keras3(row("conv3d_groups", "Conv3D", feed(5, 6, 7, 4), filters=6, kernel_size=2, groups=2)),
    keras3(row("conv3d_first", "Conv3D", _FIRST_VOLUME, filters=3, kernel_size=2, data_format=_FIRST)),
)

_DEPTHWISE = (
    row("depthwise_conv1d", "DepthwiseConv1D", _SEQUENCE, kernel_size=3),
    row("depthwise_conv1d_multiplier", "DepthwiseConv1D", _SEQUENCE, kernel_size=3, depth_multiplier=2),
    row("depthwise_conv1d_same_stride_2", "DepthwiseConv1D", _SEQUENCE, kernel_size=4, strides=2, padding="same"),
    row("depthwise_conv1d_dilated", "DepthwiseConv1D", _SEQUENCE, kernel_size=3, dilation_rate=2, padding="same"),
    row("depthwise_conv2d", "DepthwiseConv2D", _ODD, kernel_size=3),
    row("depthwise_conv2d_multiplier", "DepthwiseConv2D", _ODD, kernel_size=3, depth_multiplier=2, padding="same"),
    row("depthwise_conv2d_no_bias", "DepthwiseConv2D", _ODD, kernel_size=(3, 2), use_bias=False),
    row("depthwise_conv2d_stride_2_odd", "DepthwiseConv2D", _ODD, kernel_size=3, strides=2, padding="same"),
    row("depthwise_conv2d_stride_2_even", "DepthwiseConv2D", feed(8, 8, 3), kernel_size=3, strides=2, padding="same"),
    row("depthwise_conv2d_dilated", "DepthwiseConv2D", _ODD, kernel_size=3, dilation_rate=2, padding="same"),
    not_on_tf(row("depthwise_conv2d_stride_rectangular", "DepthwiseConv2D", _EVEN, kernel_size=3, strides=(1, 2), padding="same")),
    keras3(
        row(
            "depthwise_conv2d_first", "DepthwiseConv2D", _FIRST_ODD,
            kernel_size=3, depth_multiplier=2, padding="same", data_format=_FIRST,
        )
    ),
)  # fmt: skip

_SEPARABLE = (
    row("separable_conv1d", "SeparableConv1D", _SEQUENCE, filters=4, kernel_size=3),
    row("separable_conv1d_multiplier", "SeparableConv1D", _SEQUENCE, filters=4, kernel_size=3, depth_multiplier=2),
    row("separable_conv1d_same_stride_2", "SeparableConv1D", _SEQUENCE, filters=4, kernel_size=2, strides=2, padding="same"),
    row("separable_conv1d_dilated", "SeparableConv1D", _SEQUENCE, filters=4, kernel_size=3, dilation_rate=2, padding="same"),
    row("separable_conv2d", "SeparableConv2D", _ODD, filters=4, kernel_size=3),
    row("separable_conv2d_relu", "SeparableConv2D", _ODD, filters=4, kernel_size=3, activation="relu", padding="same"),
    row("separable_conv2d_multiplier", "SeparableConv2D", _ODD, filters=4, kernel_size=(2, 3), depth_multiplier=2),
    row("separable_conv2d_stride_2", "SeparableConv2D", feed(8, 8, 3), filters=4, kernel_size=3, strides=2, padding="same"),
    row("separable_conv2d_dilated", "SeparableConv2D", _ODD, filters=4, kernel_size=3, dilation_rate=2, use_bias=False),
    keras3(
        row(
            "separable_conv2d_first", "SeparableConv2D", _FIRST_ODD,
            filters=4, kernel_size=3, padding="same", data_format=_FIRST,
        )
    ),
)  # fmt: skip

CASES: tuple[LayerCase, ...] = (*_CONV1D, *_CONV2D, *_CONV3D, *_DEPTHWISE, *_SEPARABLE)
