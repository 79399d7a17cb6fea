"""A user's preprocessing function, called on images in a process of its own.

The user names the function (`file.py:function`), so that running it is what was asked for; a process of its
own keeps whatever it imports away from the other function and from porter.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from porter.checking.preprocessing import Preprocessing, compare, images_in
from porter.dataclass import dataclass
from porter.errors import RequestError, RunError

Array = np.ndarray

PACKAGES = str(Path(__file__).parents[2])
LAST_WORDS = 400

CALL = """
import importlib.util, json, os, sys
import numpy as np
job = json.load(open(sys.argv[1]))
sys.path.insert(0, os.path.dirname(job["file"]))
spec = importlib.util.spec_from_file_location("preprocessing", job["file"])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
function = getattr(module, job["name"])
for place, path in enumerate(job["images"]):
    np.save(os.path.join(job["out"], f"{place}.npy"), np.asarray(function(path)))
"""


@dataclass(frozen=True)
class Function:
    """A function in a file."""

    file: Path
    name: str

    @staticmethod
    def parse(text: str) -> Function:
        """`file.py:function`."""
        file, colon, name = text.rpartition(":")
        if not colon or not name.isidentifier() or not file.endswith(".py"):
            raise RequestError(f"{text!r} names no function; wanted is file.py:function")
        if not Path(file).is_file():
            raise RequestError(f"{file}: no such file")
        return Function(Path(file).resolve(), name)

    def __str__(self) -> str:
        return f"{self.file.name}:{self.name}"


def called(function: Function, images: Sequence[Path]) -> list[Array]:
    """What the function makes of each image, given its path."""
    with tempfile.TemporaryDirectory(prefix="porter-preprocess-") as folder:
        told = {
            "file": str(function.file),
            "name": function.name,
            "images": [str(image.resolve()) for image in images],
            "out": folder,
        }
        job = Path(folder) / "job.json"
        job.write_text(json.dumps(told), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-c", CALL, str(job)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            words = done.stderr.strip().splitlines()[-1:] or ["without a word"]
            raise RunError(f"{function}: failed: {words[0][-LAST_WORDS:]}")
        return [np.load(Path(folder) / f"{place}.npy", allow_pickle=False) for place in range(len(images))]


def of_two_functions(one: str, two: str, images: Sequence[str | Path]) -> Preprocessing:
    """What two functions, named as a user names them, do differently to the same images."""
    first, second = Function.parse(one), Function.parse(two)
    files = images_in(images)
    names = (str(first), str(second)) if str(first) != str(second) else (one, two)
    return compare(*names, files, called(first, files), called(second, files))
