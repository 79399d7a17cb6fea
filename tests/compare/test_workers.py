"""Workers from outside: each in a process of its own, and an end of any kind is one clear error."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from porter.errors import RunError
from porter.workers import Job, NotAvailable, process, start
from tests import warm

PLAIN = """
import torch
from torch import nn

class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 2, bias=False)
        nn.init.constant_(self.inner.weight, 1.0)

    def forward(self, x):
        return self.inner(x) * 2, x.to(torch.bfloat16)

def load(path=None):
    return Twice().eval()
"""


BARE = """
from pathlib import Path
from porter.workers.bundle_module import import_bundle

def load(model, **how):
    import_bundle(Path(model["bundle"]))
"""


def job(folder: Path, source: str) -> Job:
    (folder / "model.py").write_text(source)
    model = {"bundle": str(folder), "label": "the model"}
    return Job("converters.torch.run", model, ["float32"])


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Job]:
    """A job whose runner loads no framework: how a process ends has nothing to do with one."""
    (tmp_path / "runners").mkdir()
    (tmp_path / "runners" / "bare_runner.py").write_text(BARE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "runners"))

    def made(source: str) -> Job:
        return replace(job(tmp_path, source), runner="bare_runner")

    return made


@pytest.mark.parametrize("child", [warm.fresh, warm.open_child], ids=["fresh", "forked"])
def test_a_bundle_is_run_and_its_layers_are_seen(
    child: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "open_child", child)
    one, other = np.ones((3, 2), "float32"), np.zeros((1, 2), "float32")
    with start(job(tmp_path, PLAIN)) as worker:
        worker.feed([[one], [other]], capture=0)
        ran = worker.result()
        assert isinstance(worker._child, warm.Forked) == (child is warm.open_child)
        (layer,) = ran.layers
        np.testing.assert_array_equal(layer.read(), np.full((3, 2), 2.0))
    np.testing.assert_array_equal(ran.outputs[0][0], np.full((3, 2), 4.0))
    assert ran.outputs[1][0].shape == (1, 2)
    assert ran.dtypes == ("float32", "bfloat16")
    assert ran.environment["threads"] == 1
    assert ran.environment["tf32"] is False
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.py"], "the bundle is left as it lay"


ENDS = [
    # how the model ends, what the error says
    ("raise ValueError('no such thing')", r"the model: .*exit code 1.*ValueError: no such thing"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", r"SIGKILL.*memory"),
    ("import sys; print('farewell'); sys.exit(3)", r"exit code 3.*farewell"),
    ("import porter", r"import of porter|No module named 'porter'"),
    ("import converters", r"import of converters|No module named 'converters'"),
]


@pytest.mark.parametrize("forked", [False, True], ids=["fresh", "forked"])
@pytest.mark.parametrize(("source", "said"), ENDS, ids=[source[:30] for source, _ in ENDS])
def test_the_last_words_are_told(
    source: str, said: str, forked: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    asked = job(tmp_path, source) if forked else request.getfixturevalue("bare")(source)
    with start(asked) as worker:
        assert isinstance(worker._child, warm.Forked) == forked
        worker.feed([[np.zeros((1, 2), "float32")]])
        with pytest.raises(RunError, match=f"(?s){said}"):
            worker.result()


def test_a_fork_draws_numbers_of_its_own(tmp_path: Path) -> None:
    drawn = "import numpy as np\n" + PLAIN.replace("* 2", "* float(np.random.rand())")
    outputs = []
    for _ in range(2):
        with start(job(tmp_path, drawn)) as worker:
            worker.feed([[np.ones((1, 2), "float32")]])
            outputs.append(worker.result().outputs[0][0])
    assert np.all(outputs[0] != outputs[1])


def test_a_worker_that_hangs_is_ended(tmp_path: Path, bare: Callable[[str], Job]) -> None:
    told = tmp_path / "pid"
    source = (
        "import os, time, pathlib\n"
        f"pathlib.Path({f'{told}.part'!r}).write_text(str(os.getpid()))\n"
        f"pathlib.Path({f'{told}.part'!r}).rename({str(told)!r})\n"
        "time.sleep(600)\n"
    )
    with start(bare(source)) as worker:
        worker.feed([[np.zeros((1, 2), "float32")]])
        while not told.exists():
            time.sleep(0.01)
        worker.timeout = 1
        with pytest.raises(RunError, match="no answer after 1 seconds"):
            worker.result()
        with pytest.raises(ProcessLookupError):
            os.kill(int(told.read_text()), 0)


def test_a_missing_framework_is_not_available(tmp_path: Path) -> None:
    missing = tmp_path / "torch.py"
    missing.write_text("raise ImportError('not here')")
    (tmp_path / "bundle").mkdir()
    asked = job(tmp_path / "bundle", PLAIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        with start(asked) as worker:
            worker.feed([[np.zeros((1, 2), "float32")]])
            with pytest.raises(NotAvailable, match="PyTorch is not installed"):
                worker.result()


def test_an_unfed_worker_is_ended_with_its_block(bare: Callable[[str], Job]) -> None:
    with start(bare("")) as worker:
        child = worker._child
    assert child.poll() is not None
