"""Starting workers, waiting for them, and telling how they ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from porter.errors import RunError
from porter.workers.job import (
    JOB,
    Array,
    Job,
    Layer,
    Learned,
    Ran,
    answer_file,
    load_arrays,
    load_named,
    save_arrays,
)
from porter.workers.stream import Forcing, Stream

TIMEOUT = 1800.0
"""Seconds after which a worker counts as hanging."""

LAST_LINES, LAST_WORDS = 3, 600
PAUSE = 0.05
"""Seconds between two looks for an answer, once it takes long."""

PACKAGES = str(Path(__file__).parents[2])

SETTINGS = {
    "PYTHONDONTWRITEBYTECODE": "1",  # a bundle is left as it lies there
    "PYTHONUNBUFFERED": "1",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # its fast paths add up in other orders, run by run
    "NVIDIA_TF32_OVERRIDE": "0",
    "TORCHINDUCTOR_DETERMINISTIC": "1",
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
        "seed": job.seed,
    }
    (here / JOB).write_text(json.dumps(told), encoding="utf-8")
    with (here / "words.txt").open("wb") as words:
        child = open_child(job, here, words, _environment(job))
    return Worker(job, folder, child, timeout)


def open_child(
    job: Job, folder: Path, words: IO[bytes], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """The process for the job that lies in `folder`; what it says goes to `words`."""
    return subprocess.Popen(
        [sys.executable, "-m", "porter.workers", str(folder)],
        stdin=subprocess.PIPE,
        stdout=words,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
    )


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
        self._asked, self._run = 0, 0
        self._stream: Stream | None = None

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

    def feed(
        self,
        sets: Sequence[Sequence[Array]],
        capture: int | None = None,
        wanted: Mapping[str, int] | None = None,
        room: float | None = None,
    ) -> None:
        """The inputs to run on, set by set, each in the model's own order and layout.

        `capture` is the set for which the outputs of layers are kept, if any: of the layers `wanted` the one
        output that stands there (everything without it), no more bytes at once than there is `room` for, as
        long as they are read in order.
        """
        for place, arrays in enumerate(sets):
            save_arrays(self.folder / f"in{place}.npz", arrays)
        self.sets = len(sets)
        index = f"layers{self._asked}"
        self._run = self.ask("run", sets=len(sets), capture=capture, index=index, wanted=wanted, room=room)
        self._stream = Stream(self.folder, index, room or float("inf"))

    def layer(self, path: str) -> Layer | None:
        """What a layer gave when it was first called; None where it was not. Waits for it."""
        stream = self._stream
        assert stream is not None
        for done in self._waiting(self._run):
            found = stream.find(path)
            if found is not None or done:
                return found
            stream.make_room(path)
        return None

    def forcing(self, inputs: Sequence[Array], layers: Mapping[str, int], room: float) -> Forcing:
        """A run in which each of `layers` gets true inputs: what came before it is replaced. Of each the
        output that stands there is kept."""
        save_arrays(self.folder / "forced.npz", inputs)
        index = f"forced{self._asked}"
        return Forcing(self, self.ask("force", index=index, layers=dict(layers)), index, list(layers), room)

    def otherwise(self, inputs: Sequence[Array]) -> tuple[str, tuple[Array, ...]]:
        """What the framework's other way of running is called, eager or compiled, and its outputs."""
        save_arrays(self.folder / "other.npz", inputs)
        answer = self.answer(self.ask("otherwise"))
        return str(answer["way"]), tuple(load_arrays(self.folder / "other_out.npz"))

    def learn(self, inputs: Sequence[Array], loss: Sequence[Array]) -> Learned:
        """Gradients of the mean of each output times `loss`, and one step; all in the model's own order."""
        save_arrays(self.folder / "learn.npz", inputs)
        save_arrays(self.folder / "loss.npz", loss)
        self.answer(self.ask("learn"))
        named = load_named(self.folder / "learned_inputs.npz")
        parts = [load_named(self.folder / f"learned_{part}.npz") for part in ("gradients", "step", "values")]
        return Learned(tuple(named.get(str(place)) for place in range(len(inputs))), *parts)

    def result(self) -> Ran:
        """Wait for the outputs; RunError where there are none, NotAvailable where there can be none."""
        stream = self._stream
        assert stream is not None
        for done in self._waiting(self._run):
            if not done:
                stream.make_room(None)
        answer = self.answer(self._run)
        outputs = tuple(tuple(load_arrays(self.folder / f"out{place}.npz")) for place in range(self.sets))
        return Ran(outputs, tuple(answer["dtypes"]), tuple(stream.layers()), answer["environment"])

    def ask(self, what: str, **words: Any) -> int:
        """Put a request; the number by which its answer is known."""
        assert self._child.stdin is not None
        with suppress(BrokenPipeError):  # it died: `answer` tells how
            self._child.stdin.write(json.dumps({"do": what, **words}).encode() + b"\n")
            self._child.stdin.flush()
        self._asked += 1
        return self._asked - 1

    def answer(self, number: int) -> Mapping[str, Any]:
        """Wait for the answer to a request."""
        for _ in self._waiting(number):
            pass
        answer: Mapping[str, Any] = json.loads(
            (self.folder / answer_file(number)).read_text(encoding="utf-8")
        )
        if "error" in answer:
            kind = NotAvailable if answer["error"] == "unavailable" else RunError
            raise kind(f"{self.name}: {answer['message']}")
        return answer

    def _waiting(self, number: int) -> Iterator[bool]:
        """Yields False while an answer is awaited, then once True; raises where there will be none."""
        file, began = self.folder / answer_file(number), time.monotonic()
        while not file.is_file():
            if self._child.poll() is not None and not file.is_file():
                raise RunError(
                    f"{self.name}: the worker process {_ended(self._child.returncode)}{self._last_words()}"
                )
            if time.monotonic() - began > self.timeout:
                words = self._last_words()
                self.end()
                raise RunError(f"{self.name}: no answer after {self.timeout:.0f} seconds{words}")
            yield False
            time.sleep(min(PAUSE, 0.0005 + (time.monotonic() - began) / 50))
        yield True

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return Path(self._folder.name)

    @property
    def name(self) -> str:
        """What runs here, for messages."""
        return str(self.job.model.get("label", self.job.runner))

    def _last_words(self) -> str:
        text = (self.folder / "words.txt").read_text(encoding="utf-8", errors="replace")
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
