"""TensorFlow's functions that give images another size, of TensorFlow 2 and of 1.

TensorFlow 1 lays cell i of the result at i * scale of the image, or puts the corner cells of both on one
another; TensorFlow 2 goes by the middles of cells.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.keras.layers.ops_image import read_resize
from converters.keras.operation import OpCall, function
from porter.graph.model import Value
from porter.graph.ops.indexing import Gather
from porter.graph.ops.linear import Einsum
from porter.graph.ops.resampling import Resize
from porter.numerics.matrices import resampling_matrix

METHODS = ("nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5")
NUMBERED = {"0": "bilinear", "1": "nearest", "2": "bicubic", "3": "area", "nearest_neighbor": "nearest"}
"""`tf.image.ResizeMethod` in TensorFlow 1, and its longer word."""


def _size(op: OpCall, size: Any) -> list[int]:
    return [int(n) for n in op.numbers(size).reshape(-1)]


def _method(op: OpCall, method: Any) -> str:
    word = str(method).lower()
    word = NUMBERED.get(word, word)
    if word not in METHODS:
        raise op.refuse(f"resizing by {method!r} is not carried")
    return word


def _prepared(op: OpCall, images: Any, method: Any, keeps_ratio: bool) -> tuple[str, Value]:
    """The method, and the images as it takes them: only the nearest leaves whole numbers whole."""
    if keeps_ratio:
        raise op.refuse("resizing that keeps the aspect ratio is not carried")
    word, value = _method(op, method), op.operand(images)
    return word, value if word == "nearest" else op.floating(value)


@function("image.resize")
def read_image_resize(
    op: OpCall,
    images: Any,
    size: Any,
    method: Any = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
) -> Value:
    word, value = _prepared(op, images, method, preserve_aspect_ratio)
    return read_resize(op, value, _size(op, size), word, bool(antialias))


@function("compat.v1.image.resize", "compat.v1.image.resize_images")
def read_old_resize(
    op: OpCall,
    images: Any,
    size: Any,
    method: Any = "bilinear",
    align_corners: bool = False,
    preserve_aspect_ratio: bool = False,
) -> Value:
    word, value = _prepared(op, images, method, preserve_aspect_ratio)
    return resized(op, value, _size(op, size), word, corners=bool(align_corners))


def _named(word: str) -> Any:
    def read(
        op: OpCall, images: Any, size: Any, align_corners: bool = False, half_pixel_centers: bool = False
    ) -> Value:
        value = op.operand(images)
        value = value if word == "nearest" else op.floating(value)
        if half_pixel_centers:
            return read_resize(op, value, _size(op, size), word)
        return resized(op, value, _size(op, size), word, corners=bool(align_corners))

    return read


for _name in ("bilinear", "bicubic", "area", "nearest_neighbor"):
    function(f"compat.v1.image.resize_{_name}")(_named(NUMBERED.get(_name, _name)))


def resized(op: OpCall, value: Value, size: list[int], word: str, *, corners: bool) -> Value:
    """As TensorFlow 1 does it."""
    if value.rank != 4:
        raise op.refuse("images in a batch are expected: four axes")
    if word == "bilinear" and not corners:
        return op.add(Resize("linear", size=(size[0], size[1]), half_pixel=False), value)
    if word == "area" and not corners:
        return read_resize(op, value, size, word)
    if word not in ("bilinear", "nearest"):
        raise op.refuse(f"the {word} resizing of TensorFlow 1 is not carried")
    for axis, want in enumerate(size, 1):
        have = op.size(axis, value)
        if word == "nearest":
            value = op.add(Gather(axis), value, op.constant(_nearest(have, want, corners=corners), "int64"))
        else:
            matrix = resampling_matrix(have, want, None, "linear", corners=True)
            result = "nhwc".replace("nhwc"[axis], "z")
            weights = op.constant(matrix.astype("float32"), value.dtype)
            value = op.add(Einsum(f"nhwc,z{'nhwc'[axis]}->{result}"), value, weights)
    return value


def _nearest(have: int, want: int, *, corners: bool) -> np.ndarray:
    """The cell that each cell copies: the last one before its place or, between corners, the nearest."""
    among = (have - 1, want - 1) if corners and want > 1 else (have, want)
    places = np.arange(want, dtype="float32") * np.float32(among[0] / among[1])
    chosen = np.floor(places + np.float32(0.5)) if corners else np.floor(places)
    found: np.ndarray = np.minimum(chosen, have - 1).astype("int64")
    return found
