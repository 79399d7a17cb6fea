"""How the words of a command line become values: shapes, tolerances, sources."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path


def named_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Reads `NAME=1,3,224,224`; without a name it is the first input's."""
    name, equals, sizes = text.rpartition("=")
    if equals and not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=SIZES such as x=1,3,224,224")
    return name, tuple(_size(word, text) for word in sizes.split(",") if word.strip())


def _size(word: str, text: str) -> int:
    try:
        size = int(word)
    except ValueError:
        size = 0
    if size < 1:
        raise argparse.ArgumentTypeError(f"{word!r} in {text!r} is not a size of 1 or more")
    return size


def tolerance(text: str) -> str:
    """Checks `auto` or `ATOL,RTOL`, two numbers of zero or more."""
    if text == "auto":
        return text
    words = text.split(",")
    try:
        fits = len(words) == 2 and all(0 <= float(word) < float("inf") for word in words)
    except ValueError:
        fits = False
    if not fits:
        raise argparse.ArgumentTypeError(f"{text!r} is not auto or ATOL,RTOL such as 1e-5,1e-4")
    return text


UNITS = {"": 1, "b": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def memory(text: str) -> int:
    """Reads `2GB`, `500 MB` or `1GiB`; without a unit it is bytes."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", text.strip().lower())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 2GB or 500MB")
    number, unit, binary = found.groups()
    size = UNITS[unit]
    if binary:
        size = 1 << 10 * list(UNITS).index(unit) - 10
    count = int(float(number) * size)
    if count < 1 << 20:
        raise argparse.ArgumentTypeError(f"{text!r}: at least 1MiB is needed")
    return count


def existing_path(text: str) -> Path:
    """A file or a folder that is there."""
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"{text!r} does not exist")
    return path


def existing_file(text: str) -> Path:
    """A file that is there to be read."""
    path = Path(text)
    if not path.is_file():
        reason = "is a directory" if path.is_dir() else "does not exist"
        raise argparse.ArgumentTypeError(f"{text!r} {reason}; a file is wanted")
    return path


def source(words: Sequence[str]) -> str | list[str]:
    """One source from the words that name it; `model.json,weights.h5` is the same as two words."""
    parts = [part for word in words for part in _parts(word)]
    return parts[0] if len(parts) == 1 else parts


def _parts(word: str) -> list[str]:
    if "," not in word or Path(word).exists():
        return [word]
    return [part for part in word.split(",") if part]
