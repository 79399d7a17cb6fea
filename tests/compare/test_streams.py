"""Layers that stream: no more on disk than there is room for, in whatever order they are asked for; and runs
that are forced along true values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from porter.errors import RunError
from porter.workers import Job, Worker, start

RUNNER = '''
import numpy as np

COUNT = 6

class Model:
    """Each layer adds 1 to what it is given."""

    replaces = {replaces}

    def run(self, inputs, dtypes, watch):
        x = inputs[0]
        for k in range(COUNT):
            x = x + 1
            if watch is not None:
                instead = watch(f"layer{{k}}", [x])
                x = x if instead is None else instead[0]
        return [x], ["float64"]

    def environment(self):
        return {{}}

def load(model, **how):
    return Model()
'''

INPUT = np.zeros((2, 100))
SIZE = INPUT.nbytes
NAMES = {f"layer{k}": 0 for k in range(6)}


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Worker]:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def made(replaces: bool = True) -> Worker:
        (tmp_path / "stream_runner.py").write_text(RUNNER.format(replaces=replaces))
        return start(Job("stream_runner", {"label": "the model"}, ["float64"]), timeout=60)

    return made


def lying(worker: Worker) -> int:
    """Layers that lie unread on disk."""
    return len([file for file in worker.folder.glob("layers*.npy") if "part" not in file.name])


@pytest.mark.parametrize("room", [None, 10 * SIZE, SIZE, 1])
def test_layers_come_one_by_one(room: float | None, runner: Callable[..., Worker]) -> None:
    most = 0
    with runner() as worker:
        worker.feed([[INPUT], [INPUT[:1]]], 0, NAMES, room)
        for k, name in enumerate(NAMES):
            layer = worker.layer(name)
            assert layer is not None
            most = max(most, lying(worker))
            np.testing.assert_array_equal(layer.read(), INPUT + k + 1)
            layer.drop()
        ran = worker.result()
    np.testing.assert_array_equal(ran.outputs[1][0], INPUT[:1] + 6)
    assert most <= 2 or room is None or room >= 10 * SIZE
    assert ran.environment["peak_bytes"] > 0


def test_another_order_costs_room_and_never_hangs(runner: Callable[..., Worker]) -> None:
    with runner() as worker:
        worker.feed([[INPUT]], 0, NAMES, SIZE)
        for name in reversed(NAMES):
            layer = worker.layer(name)
            assert layer is not None
            layer.drop()
        worker.result()


def test_what_nobody_reads_does_not_hang_either(runner: Callable[..., Worker]) -> None:
    with runner() as worker:
        worker.feed([[INPUT]], 0, None, SIZE)
        assert len(worker.result().layers) == 6
        assert worker.layer("no such layer") is None


def forced(worker: Worker, names: Mapping[str, int], room: float) -> dict[str, np.ndarray]:
    """What each layer makes of 10 times its number."""
    forcing = worker.forcing([INPUT], names, room)
    found = {}
    for k, name in enumerate(names):
        forcing.give(name, {0: INPUT + 10.0 * (k + 1)})
        found |= {layer.path: (np.array(layer.read()), np.array(truth)) for layer, truth in forcing.ready()}
    found |= {layer.path: (np.array(layer.read()), np.array(truth)) for layer, truth in forcing.finish()}
    for k, name in enumerate(names):
        if name in found:
            np.testing.assert_array_equal(found[name][1], INPUT + 10.0 * (k + 1))
    return {name: made for name, (made, _) in found.items()}


@pytest.mark.parametrize("room", [float("inf"), 3 * SIZE, 1])
def test_each_layer_gets_true_inputs(room: float, runner: Callable[..., Worker]) -> None:
    with runner() as worker:
        worker.feed([[INPUT]], 0, NAMES)
        worker.result()
        found = forced(worker, NAMES, room)
    assert list(found) == list(NAMES)
    for k, name in enumerate(NAMES):
        np.testing.assert_array_equal(found[name], INPUT + 10.0 * k + 1)


def test_layers_in_another_order_and_layers_that_are_not(runner: Callable[..., Worker]) -> None:
    with runner() as worker:
        worker.feed([[INPUT]], 0, NAMES)
        worker.result()
        found = forced(worker, dict.fromkeys(["layer3", "nowhere", "layer1"], 0), 1)
    assert set(found) == {"layer1", "layer3"}


def test_a_runner_that_cannot_replace_measures_nothing(runner: Callable[..., Worker]) -> None:
    with runner(replaces=False) as worker:
        worker.feed([[INPUT]], 0, NAMES)
        worker.result()
        assert forced(worker, NAMES, 1) == {}


def test_what_a_runner_does_not_know_is_refused(runner: Callable[..., Worker]) -> None:
    with runner() as worker:
        worker.feed([[INPUT]])
        worker.result()
        with pytest.raises(RunError, match="the model: its gradients cannot be asked for yet"):
            worker.learn([INPUT], [INPUT])
