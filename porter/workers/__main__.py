"""The child: imports one framework's runner, runs one model, writes the answer."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from porter.errors import PorterError
from porter.workers.job import ANSWER, JOB, Array, load_arrays, save_arrays
from porter.workers.process import NotAvailable


class _Capture:
    """Writes the outputs of layers to files as they come, so that memory does not hold them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[dict[str, Any]] = []
        self.calls: dict[str, int] = {}

    def __call__(self, path: str, outputs: list[Array]) -> None:
        call = self.calls.get(path, 0)
        self.calls[path] = call + 1
        for place, array in enumerate(outputs):
            file = f"layer{len(self.rows)}.npy"
            np.save(self.folder / file, array)
            self.rows.append({"path": path, "call": call, "output": place, "file": file})


def main(folder: Path) -> None:
    """Answer the job that lies in `folder`."""
    job = json.loads((folder / JOB).read_text(encoding="utf-8"))
    try:
        answer = _answer(folder, job)
    except NotAvailable as error:
        answer = {"error": "unavailable", "message": error.message}
    except PorterError as error:
        answer = {"error": "failed", "message": str(error)}
    made = folder / (ANSWER + ".part")
    made.write_text(json.dumps(answer), encoding="utf-8")
    made.rename(folder / ANSWER)


def _answer(folder: Path, job: dict[str, Any]) -> dict[str, Any]:
    runner = importlib.import_module(job["runner"])
    model = runner.load(job["model"], precision=job["precision"], threads=job["threads"])
    capture = _Capture(folder)
    dtypes: list[str] = []
    sets, captured = json.loads(sys.stdin.readline() or "[0, null]")
    for place in range(sets):
        inputs = load_arrays(folder / f"in{place}.npz")
        watch = capture if place == captured else None
        outputs, dtypes = model.run(inputs, job["dtypes"], watch)
        save_arrays(folder / f"out{place}.npz", outputs)
    return {"layers": capture.rows, "dtypes": dtypes, "environment": model.environment()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
