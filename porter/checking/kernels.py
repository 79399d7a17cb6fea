"""By which kernel an image was resized: the original, resized in every customary way, held against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from porter.numerics.resampling import resize, resize_nearest

Array = np.ndarray
Picture = Array | None

WAYS: dict[str, Callable[..., Array]] = {
    "the nearest pixel": resize_nearest,
    "bilinear interpolation with antialiasing": partial(resize, method="linear", antialias=True),
    "bilinear interpolation without antialiasing": partial(resize, method="linear"),
    "bicubic interpolation with antialiasing": partial(resize, method="cubic", antialias=True),
    "bicubic interpolation without antialiasing": partial(resize, method="cubic", cubic=-0.75, clamp=True),
    "Lanczos's kernel with antialiasing": partial(resize, method="lanczos3", antialias=True),
    "the mean over areas": partial(resize, method="area"),
}

ROUNDING = 1 / 12
"""The mean square of what rounding to whole pixel values does."""

CERTAIN = 0.25
"""The best way counts when, rounding aside, at most this share of the second best's error is left to it."""


def pictures(files: Sequence[Path]) -> list[Picture]:
    """The original images, where Pillow is there to open them."""
    try:
        from PIL import Image
    except ImportError:
        return [None] * len(files)
    found: list[Picture] = []
    for file in files:
        try:
            with Image.open(file) as image:
                found.append(np.asarray(image.convert("RGB"), "float64"))
        except OSError:
            found.append(None)
    return found


def kernel_of(originals: Sequence[Picture], images: Sequence[Array]) -> str:
    """The way of resizing that makes these images of the originals, or '' where none does for certain."""
    pairs = [(original, image) for original, image in zip(originals, images, strict=True)]
    if any(original is None or image.shape[-1] != 3 for original, image in pairs):
        return ""
    rests = {
        name: sum(_error(way, original, image) for original, image in pairs if original is not None)
        for name, way in WAYS.items()
    }
    best, second = sorted(rests, key=lambda name: rests[name])[:2]
    return best if rests[best] < CERTAIN * rests[second] else ""


def _error(way: Callable[..., Array], original: Array, image: Array) -> float:
    """The mean square of what is left when the resized original is scaled and moved to fit the image, beyond
    what rounding does; in either order of channels."""
    made = way(original[None], size=image.shape[:2])[0]
    given = image.astype("float64")
    left = min(_left(given, made), _left(given[..., ::-1], made))
    return max(0.0, left - ROUNDING)


def _left(a: Array, b: Array) -> float:
    x, y = a.reshape(-1, 3), b.reshape(-1, 3)
    x, y = x - x.mean(0), y - y.mean(0)
    scale = (x * y).sum(0) / np.maximum((x * x).sum(0), 1e-30)
    return float(((y - x * scale) ** 2).mean())
