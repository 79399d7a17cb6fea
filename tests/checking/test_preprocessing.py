"""Two preprocessing functions, one difference each: it must be the one that is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from porter.api import check_preprocessing

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

COMMON = """
import numpy as np
from PIL import Image, ImageOps

def pixels(path, kernel=Image.BILINEAR, exif=False):
    image = Image.open(path)
    image = ImageOps.exif_transpose(image) if exif else image
    return np.asarray(image.convert("RGB").resize((41, 31), kernel), "float32")

def plain(path):
    return pixels(path)

def unit(path):
    return pixels(path) / 255

def signed(path):
    return pixels(path) / 127.5 - 1

def imagenet(path):
    return (pixels(path) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]

def caffe(path):
    return pixels(path)[..., ::-1] - np.array([103.939, 116.779, 123.68])

def odd_scale(path):
    return pixels(path) * 0.37 + 1.5

def bgr(path):
    return pixels(path)[..., ::-1]

def channels_first(path):
    return pixels(path).transpose(2, 0, 1)[None]

def heeds_exif(path):
    return pixels(path, exif=True)

def standardised(path):
    x = pixels(path)
    return (x - x.mean()) / x.std()

def crop(path):
    return pixels(path)[2:-2, 2:-2]

def crop_off_by_one(path):
    return pixels(path)[3:-1, 2:-2]

def bicubic(path):
    return pixels(path, Image.BICUBIC)

def with_fractions(path):
    image = Image.open(path).convert("RGB")
    bands = [band.convert("F").resize((41, 31), Image.BILINEAR) for band in image.split()]
    return np.stack([np.asarray(band) for band in bands], -1)
"""

ROWS = {
    ("plain", "plain"): ((), ""),
    ("unit", "plain"): (("scale and offset",), "scaled to 0..1"),
    ("signed", "unit"): (("scale and offset",), "scaled to -1..1"),
    ("imagenet", "plain"): (("scale and offset",), "torchvision"),
    ("caffe", "plain"): (("channel order", "scale and offset"), "Caffe"),
    ("odd_scale", "plain"): (("scale and offset",), "0.37"),
    ("bgr", "plain"): (("channel order",), "RGB against BGR"),
    ("channels_first", "plain"): (("layout",), "channels first"),
    ("heeds_exif", "plain"): (("orientation",), "EXIF"),
    ("standardised", "unit"): (("statistics",), "standardises every image"),
    ("crop", "crop_off_by_one"): (("crop",), "+1 rows"),
    ("crop", "plain"): (("size",), "(27, 37, 3)"),
    ("bicubic", "plain"): (("resizing",), "bicubic interpolation with antialiasing"),
    ("with_fractions", "plain"): (("rounding",), "plain works in whole pixel values"),
    ("channels_first", "unit"): (("layout", "scale and offset"), "scaled to 0..1"),
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures, smooth enough to be resized and unlike their mirror images; EXIF says one is turned."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for place in range(4):
        rows, columns = np.mgrid[0:96, 0:120] / 17.0
        waves = [np.sin(rows * rng.uniform(0.3, 2) + columns * rng.uniform(0.3, 2) + k) for k in range(3)]
        picture = 40 + 30 * place + 40 * np.stack(waves, -1) + [15, 0, -15] + 8 * rows[..., None]
        picture += rng.normal(0, 6, picture.shape)
        saved = Image.fromarray(np.clip(picture, 0, 255).astype("uint8"))
        exif = Image.Exif()
        exif[0x0112] = 3 if place == 1 else 1
        saved.save(folder / f"{place}.png", exif=exif)
    return folder


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    file = tmp_path / "functions.py"
    file.write_text(COMMON, encoding="utf-8")
    return file


@pytest.mark.parametrize("pair", ROWS, ids="-".join)
def test_difference_is_named(pair: tuple[str, str], images: Path, functions: Path) -> None:
    names, words = ROWS[pair]
    found = check_preprocessing(*(f"{functions}:{name}" for name in pair), [images])
    assert tuple(cause.name for cause in found.causes) == names, "\n".join(found.lines())
    assert found.same == (not names)
    assert any(words in cause.sentence for cause in found.causes) or not names, "\n".join(found.lines())


def test_command(porter: Callable[..., Any], images: Path, functions: Path) -> None:
    done = porter("check", "--preprocess", f"{functions}:unit", f"{functions}:plain", images)
    assert done.returncode == 1, done.stderr
    assert "numbers scaled to 0..1" in done.stdout


@pytest.mark.parametrize(
    ("one", "said"),
    [("functions.py:absent", "absent"), ("functions.py", "names no function"), ("gone.py:f", "no such file")],
)
def test_bad_functions(
    one: str, said: str, porter: Callable[..., Any], images: Path, functions: Path
) -> None:
    done = porter("check", "--preprocess", str(functions.parent / one), f"{functions}:plain", images)
    assert done.returncode == 2
    assert said in done.stderr
