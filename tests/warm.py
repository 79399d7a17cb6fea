"""Workers that need not start: each is forked from a process that has imported its framework already.

A framework takes seconds to import, and the tests start hundreds of workers. One server for the whole run
keeps, for each runner, a process that has imported it and computed nothing; a worker is a fork of that, with
the very environment, folder and streams that a fresh one would have got. Where it could be told from a fresh
one (other packages on the path, other settings, a graphics card) it starts afresh.

    python -m tests.warm serve NUMBER         # the server, on a socket that it inherits
    python -m tests.warm keep NUMBER RUNNER   # what is forked; asked by the server
    python -m tests.warm porter WORDS...      # the command line, whose workers are forks
"""

from __future__ import annotations

import importlib
import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from porter.errors import PorterError
from porter.workers import process
from porter.workers.__main__ import main as work

ROOT = Path(__file__).parent.parent
DOOR = "PORTER_TESTS_DOOR"
"""The environment variable that says where the server listens."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
OF_A_JOB = {*process.SETTINGS, *THREADS, "CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS", "PYTHONPATH"}
LATER = {"COLUMNS", "LINES", "XLA_FLAGS"}
"""Nothing reads these before a model is loaded: a fork takes them over. So with pytest's own."""

OF_FRAMEWORKS = {
    "ENABLE_RUNTIME_UPTIME_TELEMETRY",
    "HDF5_PLUGIN_PATH",
    "TF2_BEHAVIOR",
    "TPU_ML_PLATFORM",
    "TPU_ML_PLATFORM_VERSION",
    "TPU_SKIP_MDS_QUERY",
    "TORCHINDUCTOR_CACHE_DIR",
    "_TORCHINDUCTOR_PYOBJECT_TENSOR_DATA_PTR",
}
"""A framework that is imported, exports or compiles sets these, and no runner reads them."""

ALSO = {"converters.keras.run": ["keras"]}
"""What a runner imports when it loads a model."""

fresh = process.open_child
"""A process that starts as a user's does."""

LONGEST = 1 << 20
TAKEN, LEFT = b"taken", b"left"


@contextmanager
def server() -> Iterator[None]:
    """There is a server as long as this lasts, for all processes that are started meanwhile."""
    with tempfile.TemporaryDirectory(prefix="porter-tests-") as folder, socket.socket(socket.AF_UNIX) as door:
        os.environ[DOOR] = str(Path(folder) / "door")
        door.bind(os.environ[DOOR])
        door.listen()
        words = [sys.executable, "-m", "tests.warm", "serve", str(door.fileno())]
        with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, pass_fds=[door.fileno()]):
            yield  # it ends when its standard input does
        del os.environ[DOOR]


def install() -> None:
    """From now on the workers of this process are forks, where they can be."""
    process.open_child = open_child


def open_child(job: process.Job, folder: Path, words: IO[bytes], environment: Mapping[str, str]) -> Any:
    """A fork, or a process that starts afresh."""
    ours = job.runner.startswith("converters.") and not job.gpu and DOOR in os.environ
    child = _forked(job.runner, folder, words, environment) if ours else None
    return child or fresh(job, folder, words, environment)


class Forked:
    """A worker as `subprocess.Popen` shows one; its parent is another process, which tells how it ends."""

    def __init__(self, stdin: IO[bytes], told: IO[bytes]) -> None:
        self.stdin, self._told = stdin, told
        self.pid = int(told.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, once it has ended."""
        if self.returncode is None:
            with selectors.DefaultSelector() as waiting:
                waiting.register(self._told, selectors.EVENT_READ)
                if waiting.select(0):
                    self.wait()
        return self.returncode

    def wait(self) -> int:
        """The exit code."""
        if self.returncode is None:
            self.returncode = int(self._told.readline())
            self._told.close()
        return self.returncode


def _forked(runner: str, folder: Path, words: IO[bytes], environment: Mapping[str, str]) -> Forked | None:
    asked = {"runner": runner, "folder": str(folder), "cwd": str(Path.cwd()), "env": dict(environment)}
    (stdin, feed), (told, tell) = os.pipe(), os.pipe()
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(os.environ[DOOR])
        _send(door, asked, [stdin, words.fileno(), tell])
        os.close(stdin)
        os.close(tell)
        answer = door.recv(len(TAKEN))
    if answer == TAKEN:
        return Forked(os.fdopen(feed, "wb"), os.fdopen(told, "rb", buffering=0))
    os.close(feed)
    os.close(told)
    return None


def _send(there: socket.socket, asked: Mapping[str, Any], streams: list[int]) -> None:
    socket.send_fds(there, [json.dumps(asked).encode() + b"\n"], streams)


def _received(here: socket.socket) -> tuple[dict[str, Any], list[int]]:
    text, streams, _, _ = socket.recv_fds(here, LONGEST, 3)
    while text and not text.endswith(b"\n"):
        text += here.recv(LONGEST)
    return json.loads(text or b"{}"), streams


def serve(number: int) -> None:
    """Pass on what is asked to the process that keeps the runner, or leave it, until standard input ends."""
    kept: dict[Any, socket.socket] = {}
    with socket.socket(fileno=number) as door, selectors.DefaultSelector() as waiting:
        waiting.register(door, selectors.EVENT_READ)
        waiting.register(sys.stdin, selectors.EVENT_READ)
        while all(key.fileobj is door for key, _ in waiting.select()):
            with door.accept()[0] as here:
                asked, streams = _received(here)
                there = _keeper(kept, asked["runner"], asked["env"])
                if there is not None:
                    _send(there, asked, streams)
                here.send(TAKEN if there is not None else LEFT)
            for stream in streams:
                os.close(stream)
    for there in kept.values():
        there.close()
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _keeper(kept: dict[Any, socket.socket], runner: str, env: Mapping[str, str]) -> socket.socket | None:
    """Whom to ask; nobody where a process would not be like the others."""
    changed = {key for key in {*env, *os.environ} if env.get(key) != os.environ.get(key)}
    path = {env["PYTHONPATH"], *env["PYTHONPATH"].split(os.pathsep)}
    usual = {str(ROOT), env["PYTHONPATH"], *os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    own = {key for key in changed - OF_A_JOB - LATER - OF_FRAMEWORKS if not key.startswith("PYTEST_")}
    if own or not path <= usual:
        return None
    known = (runner, *(env.get(key) for key in sorted(OF_A_JOB - {"PYTHONPATH"})))
    if known not in kept:
        kept[known], link = socket.socketpair()
        words = [sys.executable, "-m", "tests.warm", "keep", str(link.fileno()), runner]
        subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, pass_fds=[link.fileno()])
        link.close()
    return kept[known]


def keep(number: int, runner: str) -> Path:
    """Fork for whatever is asked. Returns in the fork alone: with the folder of its job."""
    with suppress(ImportError, PorterError):  # a fork will say what is lacking
        for module in (runner, *ALSO.get(runner, ())):
            importlib.import_module(module)
    with socket.socket(fileno=number) as here:
        while True:
            asked, streams = _received(here)
            if not asked:
                _wait(0)
                sys.exit()
            if os.fork() == 0:
                break
            for stream in streams:
                os.close(stream)
            _wait(os.WNOHANG)
    stdin, words, tell = streams
    child = os.fork()
    if child:
        os.close(stdin)
        os.write(tell, b"%d\n" % child)
        os.write(tell, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        os._exit(0)
    os.close(tell)
    os.setsid()
    for place, stream in enumerate((stdin, words, words)):
        os.dup2(stream, place)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    sys.path[0] = asked["cwd"]
    np.random.seed()  # as every process does that starts
    return Path(asked["folder"])


def _wait(how: int) -> None:
    """For forks that have ended, or for all of them."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, how)[0]:
            pass


def _command() -> None:
    install()
    entry: Callable[[], None] = importlib.import_module("porter.cli.main").entry
    entry()


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "serve":
        serve(int(rest[0]))
    elif what == "keep":
        work(keep(int(rest[0]), rest[1]))
    else:
        sys.argv[:2] = ["porter"]
        _command()
