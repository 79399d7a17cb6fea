"""Rows of the layers that prepare images and categories."""
# ruff: noqa: E501 -- a table reads across: one row, one line

from __future__ import annotations

from typing import Any

from tests.layers.cases.case import LayerCase, feed, ids, keras3, row

_IMAGE, _FIRST_IMAGE = feed(8, 9, 3), feed(3, 8, 9)
_FIRST = "channels_first"


def _resizing(name: str, **config: Any) -> LayerCase:
    return keras3(row(f"resizing_{name}", "Resizing", _IMAGE, **{"height": 5, "width": 12, **config}))


_RESIZING = (
    _resizing("bilinear"),
    _resizing("bilinear_antialias", antialias=True),
    _resizing("bicubic", interpolation="bicubic"),
    _resizing("bicubic_antialias", interpolation="bicubic", antialias=True),
    _resizing("nearest", interpolation="nearest"),
    _resizing("lanczos3_antialias", interpolation="lanczos3", antialias=True),
    _resizing("larger", height=13, width=21),
    _resizing("crop", height=4, width=6, crop_to_aspect_ratio=True),
    keras3(row("resizing_first", "Resizing", _FIRST_IMAGE, height=5, width=12, data_format=_FIRST)),
    keras3(row("resizing_dynamic", "Resizing", feed(None, None, 3), height=6, width=5)),
)

_CROPS = (
    keras3(row("center_crop", "CenterCrop", _IMAGE, height=5, width=4)),
    keras3(row("center_crop_even", "CenterCrop", _IMAGE, height=6, width=5)),
    keras3(row("center_crop_first", "CenterCrop", _FIRST_IMAGE, height=5, width=4, data_format=_FIRST)),
    keras3(row("center_crop_larger", "CenterCrop", _IMAGE, height=12, width=10)),
)

_RANDOM = (
    keras3(row("random_flip", "RandomFlip", _IMAGE)),
    keras3(row("random_rotation", "RandomRotation", _IMAGE, factor=0.2)),
    keras3(row("random_zoom", "RandomZoom", _IMAGE, height_factor=0.2)),
    keras3(row("random_contrast", "RandomContrast", _IMAGE, factor=0.2)),
    keras3(row("random_brightness", "RandomBrightness", _IMAGE, factor=0.2)),
    keras3(row("random_translation", "RandomTranslation", _IMAGE, height_factor=0.2, width_factor=0.1)),
)



def _lookup(name: str = "", steps: int = 5, **config: Any) -> LayerCase:
    told = {"vocabulary": [7, 3, 4], **config}
    return keras3(row(f"integer_lookup_{name}".rstrip("_"), "IntegerLookup", ids(steps, below=9, dtype="int64"), **told))


_CATEGORIES = (
    keras3(row("category_one_hot", "CategoryEncoding", ids(1, below=6), num_tokens=6, output_mode="one_hot")),
    keras3(row("category_multi_hot", "CategoryEncoding", ids(4, below=6), num_tokens=6, output_mode="multi_hot")),
    keras3(row("category_count", "CategoryEncoding", ids(4, below=6), num_tokens=6, output_mode="count")),
    keras3(row("discretization", "Discretization", feed(5), bin_boundaries=[-1.0, 0.0, 0.5, 2.0])),
    keras3(row("discretization_one_hot", "Discretization", feed(1), bin_boundaries=[-1.0, 0.0, 0.5], output_mode="one_hot")),
    _lookup(), _lookup("strangers", num_oov_indices=3), _lookup("masked", mask_token=2, vocabulary=[2, -1, 7, 3, 4]),
    _lookup("masked_one_hot", 1, mask_token=2, output_mode="one_hot"),
    _lookup("one_hot", 1, output_mode="one_hot"), _lookup("multi_hot", output_mode="multi_hot", num_oov_indices=2),
    _lookup("count", output_mode="count"),
)  # fmt: skip

CASES: tuple[LayerCase, ...] = (*_RESIZING, *_CROPS, *_RANDOM, *_CATEGORIES)
