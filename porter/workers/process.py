"""Starting workers, waiting for them, and telling how they ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from porter.errors import RunError
from porter.workers.job import ANSWER, JOB, Array, Job, Layer, Ran, load_arrays, save_arrays

TIMEOUT = 1800.0
"""Seconds after which a worker counts as hanging."""

LAST_LINES, LAST_WORDS = 3, 600
PACKAGES = str(Path(__file__).parents[2])

SETTINGS = {
    "PYTHONDONTWRITEBYTECODE": "1",  # a bundle is left as it lies there
    "PYTHONUNBUFFERED": "1",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # its fast paths add up in other orders, run by run
    "NVIDIA_TF32_OVERRIDE": "0",
}


class NotAvailable(RunError):
    """A model cannot be run here, or not honestly; something else must stand in for it."""


def start(job: Job, timeout: float = TIMEOUT) -> Worker:
    """Start a worker, which loads its framework and the model while the caller does other things."""
    folder = tempfile.TemporaryDirectory(prefix="porter-worker-")
    here = Path(folder.name)
    told = {
        "runner": job.runner,
        "model": dict(job.model),
        "dtypes": list(job.dtypes),
        "precision": job.precision,
        "threads": job.threads,
    }
    (here / JOB).write_text(json.dumps(told), encoding="utf-8")
    words = (here / "words.txt").open("wb")
    child = subprocess.Popen(
        [sys.executable, "-m", "porter.workers", str(here)],
        stdin=subprocess.PIPE,
        stdout=words,
        stderr=subprocess.STDOUT,
        env=_environment(job),
        start_new_session=True,
    )
    words.close()
    return Worker(job, folder, child, timeout)


def _environment(job: Job) -> dict[str, str]:
    path = os.pathsep.join(filter(None, [PACKAGES, os.environ.get("PYTHONPATH", "")]))
    threads = {name: str(job.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    hidden = {} if job.gpu else {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    return {**os.environ, **SETTINGS, **threads, **hidden, "PYTHONPATH": path}


class Worker:
    """A process at work. Leaving its `with` block ends it and removes its files."""

    def __init__(
        self,
        job: Job,
        folder: tempfile.TemporaryDirectory[str],
        child: subprocess.Popen[bytes],
        timeout: float,
    ) -> None:
        self.job, self.timeout, self.sets = job, timeout, 0
        self._folder, self._child = folder, child

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Stop the process if it still runs, with all that it started, and remove its files."""
        if self._child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        if self._child.stdin is not None:
            with suppress(BrokenPipeError):
                self._child.stdin.close()
        self._folder.cleanup()

    def feed(self, sets: Sequence[Sequence[Array]], capture: int | None = None) -> None:
        """The inputs to run on, set by set, each in the model's own order and layout.

        `capture` is the set for which the outputs of layers are kept, if any.
        """
        for place, arrays in enumerate(sets):
            save_arrays(Path(self._folder.name) / f"in{place}.npz", arrays)
        self.sets = len(sets)
        assert self._child.stdin is not None
        with suppress(BrokenPipeError):  # it died: `result` tells how
            self._child.stdin.write(json.dumps([len(sets), capture]).encode() + b"\n")
            self._child.stdin.close()

    def result(self) -> Ran:
        """Wait for the answer; RunError where there is none, NotAvailable where there can be none."""
        try:
            code = self._child.wait(self.timeout)
        except subprocess.TimeoutExpired:
            words = self._last_words()
            self.end()
            raise RunError(f"{self.name}: no answer after {self.timeout:.0f} seconds{words}") from None
        here = Path(self._folder.name)
        if code or not (here / ANSWER).is_file():
            raise RunError(f"{self.name}: the worker process {_ended(code)}{self._last_words()}")
        answer = json.loads((here / ANSWER).read_text(encoding="utf-8"))
        if "error" in answer:
            kind = NotAvailable if answer["error"] == "unavailable" else RunError
            raise kind(f"{self.name}: {answer['message']}")
        return self._ran(here, answer)

    @property
    def name(self) -> str:
        """What runs here, for messages."""
        return str(self.job.model.get("label", self.job.runner))

    def _ran(self, here: Path, answer: Mapping[str, Any]) -> Ran:
        outputs = tuple(tuple(load_arrays(here / f"out{place}.npz")) for place in range(self.sets))
        layers = tuple(
            Layer(row["path"], row["call"], row["output"], here / row["file"]) for row in answer["layers"]
        )
        return Ran(outputs, tuple(answer["dtypes"]), layers, answer["environment"])

    def _last_words(self) -> str:
        text = (Path(self._folder.name) / "words.txt").read_text(encoding="utf-8", errors="replace")
        # what stands indented in a traceback says where, and what follows it says what
        said = [
            line for line in text.splitlines() if line.strip() and not line.startswith((" ", "Traceback"))
        ]
        words = "\n".join(said[-LAST_LINES:])[-LAST_WORDS:]
        return f"; its last words: {words}" if words else ", without a word"


def _ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name} (memory may have run out)"
    return f"ended with exit code {code}"
