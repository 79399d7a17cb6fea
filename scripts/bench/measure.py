"""Run a command and tell its seconds and peak memory; find porter; keep results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
RESULTS = Path(__file__).parent / "results"

# Linux counts the memory of the process that forks into its child's peak, so the one that starts
# the command must itself be small: this runs in a fresh interpreter.
_LAUNCHER = """
import json, os, sys, time
began = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
seconds = time.perf_counter() - began
print("\\x00" + json.dumps([os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss * 1024]))
"""


@dataclass(frozen=True)
class Measured:
    """What a finished command took; memory in bytes."""

    code: int
    seconds: float
    peak: int
    said: str


def measured(command: Sequence[str | Path], timeout: float = 3600) -> Measured:
    """Run a command to its end; its first word must be a path."""
    words = [str(word) for word in command]
    done = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCHER, *words],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=True,
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
    )
    code, seconds, peak = json.loads(done.stdout.rsplit("\x00", 1)[1])
    return Measured(code, seconds, peak, done.stderr.strip())


def porter(*words: str | Path) -> list[str]:
    """The command line of this checkout's porter."""
    script = Path(sys.executable).with_name("porter")
    start = [str(script)] if script.exists() else [sys.executable, "-m", "porter"]
    return [*start, *map(str, words)]


def python(module: str, *words: str | int | Path, quiet: bool = True) -> None:
    """Run one of the bench's own steps in a process of its own; raises when it fails."""
    env = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        cwd=ROOT,
        env=env,
        capture_output=quiet,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        last = (done.stderr or "").strip().splitlines()[-1:]
        raise RuntimeError(f"{module} {' '.join(map(str, words))}: {' '.join(last)}")


def megabytes(count: float) -> float:
    """Bytes in units of 2**20, as people read them."""
    return round(count / 2**20, 1)


KEEPS_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**31), "MALLOC_TRIM_THRESHOLD_": str(2**32)}
"""For the C allocator: fetching memory page by page anew for each tensor is half of MobileNetV2's time,
and on whose side more of it falls is chance."""


def keep_memory() -> None:
    """Start again with an allocator that keeps what it has; it is asked when the process starts."""
    if not KEEPS_MEMORY.items() <= os.environ.items():
        os.execve(sys.executable, [*sys.orig_argv], {**os.environ, **KEEPS_MEMORY})


def keep(name: str, result: Any) -> Path:
    """Write a result as JSON beside the others."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    return path


def kept(name: str) -> Any:
    """An earlier result, or None."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None
