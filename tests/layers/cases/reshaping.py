"""Rows of the layers that move, cut, pad and repeat values without changing them."""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from tests.layers.cases.case import LayerCase, feed, keras3, row

_FIRST = "channels_first"
_IMAGE, _FIRST_IMAGE = feed(4, 5, 3), feed(3, 4, 5)
_VOLUME, _FIRST_VOLUME = feed(3, 4, 5, 2), feed(2, 3, 4, 5)

_SHAPES = (
    row("flatten", "Flatten", _IMAGE),
    row("flatten_sequence", "Flatten", feed(5, 3)),
    row("flatten_vector", "Flatten", feed(5)),
    row("flatten_first", "Flatten", _FIRST_IMAGE, data_format=_FIRST),
    row("reshape", "Reshape", feed(12), target_shape=(3, 4)),
    row("reshape_image", "Reshape", _IMAGE, target_shape=(5, 4, 3)),
    row("reshape_unknown", "Reshape", _IMAGE, target_shape=(-1, 3)),
    row("reshape_unknown_last", "Reshape", _IMAGE, target_shape=(2, -1)),
    row("reshape_flat", "Reshape", _IMAGE, target_shape=(-1,)),
    row("reshape_dynamic", "Reshape", feed(None, 6), target_shape=(-1, 2, 3)),
    row("reshape_merges_rows", "Reshape", _IMAGE, target_shape=(20, 3)),
    row("reshape_splits_channels", "Reshape", feed(4, 5, 6), target_shape=(4, 5, 2, 3)),
    row("permute", "Permute", feed(4, 5), dims=(2, 1)),
    row("permute_image", "Permute", _IMAGE, dims=(3, 1, 2)),
    row("permute_rows", "Permute", _IMAGE, dims=(2, 1, 3)),
    row("permute_volume", "Permute", _VOLUME, dims=(4, 2, 1, 3)),
    row("repeat_vector", "RepeatVector", feed(5), n=3),
)

_CROPPING = (
    row("cropping1d", "Cropping1D", feed(9, 3), cropping=(1, 2)),
    row("cropping1d_int", "Cropping1D", feed(9, 3), cropping=2),
    row("cropping2d", "Cropping2D", feed(8, 9, 3), cropping=((1, 2), (3, 0))),
    row("cropping2d_pair", "Cropping2D", feed(8, 9, 3), cropping=(1, 2)),
    row("cropping2d_first", "Cropping2D", feed(3, 8, 9), cropping=((1, 2), (3, 0)), data_format=_FIRST),
    row("cropping2d_dynamic", "Cropping2D", feed(None, None, 3), cropping=((1, 2), (0, 1))),
    row("cropping3d", "Cropping3D", feed(5, 6, 7, 2), cropping=((1, 0), (0, 2), (1, 2))),
    row("cropping3d_first", "Cropping3D", feed(2, 5, 6, 7), cropping=((1, 0), (0, 2), (1, 2)), data_format=_FIRST),
)  # fmt: skip

_PADDING = (
    row("zero_padding1d", "ZeroPadding1D", feed(5, 3), padding=(1, 2)),
    row("zero_padding1d_int", "ZeroPadding1D", feed(5, 3), padding=2),
    keras3(row("zero_padding1d_first", "ZeroPadding1D", feed(3, 5), padding=(2, 0), data_format=_FIRST)),
    row("zero_padding2d", "ZeroPadding2D", _IMAGE, padding=((1, 2), (0, 3))),
    row("zero_padding2d_int", "ZeroPadding2D", _IMAGE, padding=1),
    row("zero_padding2d_pair", "ZeroPadding2D", _IMAGE, padding=(1, 2)),
    row("zero_padding2d_first", "ZeroPadding2D", _FIRST_IMAGE, padding=((1, 2), (0, 3)), data_format=_FIRST),
    row("zero_padding3d", "ZeroPadding3D", _VOLUME, padding=((1, 0), (0, 2), (2, 1))),
    row("zero_padding3d_first", "ZeroPadding3D", _FIRST_VOLUME, padding=((1, 0), (0, 2), (2, 1)), data_format=_FIRST),
)  # fmt: skip

_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
_UPSAMPLING = (
    row("up_sampling1d", "UpSampling1D", feed(5, 3), size=3),
    *(row(f"up_sampling2d_{how}", "UpSampling2D", _IMAGE, size=2, interpolation=how) for how in _INTERPOLATIONS),
    *(row(f"up_sampling2d_{how}_rectangular", "UpSampling2D", _IMAGE, size=(3, 2), interpolation=how) for how in _INTERPOLATIONS),
    *(
        row(f"up_sampling2d_{how}_first", "UpSampling2D", _FIRST_IMAGE, size=(2, 3), interpolation=how, data_format=_FIRST)
        for how in _INTERPOLATIONS
    ),
    row("up_sampling2d_dynamic", "UpSampling2D", feed(None, None, 3), size=2),
    row("up_sampling2d_dynamic_bilinear", "UpSampling2D", feed(None, None, 3), size=2, interpolation="bilinear"),
    row("up_sampling3d", "UpSampling3D", _VOLUME, size=(2, 1, 3)),
    row("up_sampling3d_first", "UpSampling3D", _FIRST_VOLUME, size=2, data_format=_FIRST),
)  # fmt: skip

CASES: tuple[LayerCase, ...] = (*_SHAPES, *_CROPPING, *_PADDING, *_UPSAMPLING)
