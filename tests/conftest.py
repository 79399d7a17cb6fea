"""What every test needs: quiet single-threaded frameworks, workers that start at once, and the command line
as a function."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import warm

# Set before any framework is imported, here and in the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# TensorFlow takes oneDNN by the processor it finds; its max pooling dies of an empty result (SIGFPE).
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

ROOT = Path(__file__).parent.parent

# Machines are shared: an example that is slow once is no fault of the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

until_the_end = ExitStack()

MANY = 200
settled = [0]
"""Modules that were there when objects were last set aside."""

Finished = subprocess.CompletedProcess[str]


def pytest_configure(config: pytest.Config) -> None:
    """One server for the run; each process that runs tests asks it for its workers."""
    if not hasattr(config, "workerinput"):
        until_the_end.enter_context(warm.server())
    warm.install()


def pytest_unconfigure() -> None:
    """The server ends with the run."""
    until_the_end.close()


def pytest_runtest_logfinish() -> None:
    """What a framework brings along stays: to look through it all whenever a session of Keras is cleared took
    most of the time of the tables of layers."""
    if len(sys.modules) > settled[-1] + MANY:
        gc.collect()
        gc.freeze()
        settled.append(len(sys.modules))


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., Finished]:
    """Runs Python in a fresh process, in an empty folder, with this checkout importable."""

    def run(*words: str | Path, **env: str) -> Finished:
        return subprocess.run(
            [sys.executable, *map(str, words)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def porter(python: Callable[..., Finished]) -> Callable[..., Finished]:
    """Runs the `porter` command in a fresh process, whose workers are forks."""

    def run(*words: str | Path, **env: str) -> Finished:
        return python("-m", "tests.warm", "porter", *words, **env)

    return run
