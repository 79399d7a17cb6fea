"""Arrays that a user recorded: `x0, x1, ...` and `y0, y1, ...` in an `.npz`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from porter.errors import RequestError

Array = np.ndarray


def arrays_of(path: Path, letter: str) -> tuple[Array, ...]:
    """The arrays `x0, x1, ...` (or another letter) of an `.npz`, in order."""
    try:
        with np.load(path, allow_pickle=False) as file:
            named = sorted(
                (int(name[1:]), name) for name in file.files if name[:1] == letter and name[1:].isdigit()
            )
            arrays = tuple(file[name] for _, name in named)
    except (OSError, ValueError) as error:
        raise RequestError(f"{path}: cannot be read as .npz of plain arrays ({error})") from error
    if [number for number, _ in named] != list(range(len(named))):
        listed = ", ".join(name for _, name in named)
        raise RequestError(f"{path}: should hold {letter}0, {letter}1, ... without gaps, not {listed}")
    return arrays
