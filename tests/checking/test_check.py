"""`porter check` on models with one known fault each, and on those that have none. Of old complaints,
`docs/complaints.md` is run."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import porter
from porter.checking.coupling import mixing
from porter.checking.experiments import pool_for
from porter.graph.builder import Builder
from porter.graph.dims import BATCH
from porter.graph.model import Graph, Origin, Spec, Value
from porter.graph.ops.activation import Softmax
from porter.graph.ops.elementwise import Unary
from porter.graph.ops.op import Op
from porter.graph.ops.reshaping import Transpose
from porter.verification.settings import Settings
from tests.layers.saved_rows import KERAS_MARKS

pytest.importorskip("torch")
keras = pytest.importorskip("keras")

pytestmark = KERAS_MARKS

Edit = tuple[str, str]
TRAINING: Edit = ("return model.eval()", "return model.train()")


def _dense(x: Any) -> Any:
    x = keras.layers.Dense(8, activation="relu", name="hidden")(x)
    return keras.layers.Dense(4, name="scores")(x)


def _both(x: Any) -> Any:
    x = keras.layers.BatchNormalization(name="norm")(x)
    return _dense(keras.layers.Dropout(0.5, name="drop")(x))


@dataclass(frozen=True)
class Fault:
    """A torch bundle with a fault put into its code, and what is to be said of it."""

    name: str
    layers: Callable[[Any], Any]
    edits: Sequence[Edit]
    kind: str  # of the worst finding; "" where all is well
    layer: str = ""


COUNTED = """self.calls = getattr(self, "calls", 0) + 1
        return self.calls * self.scores(x)"""
DRAWN = """nn.init.normal_(model.scores.weight)
    return model.eval()"""

FAULTS = (
    Fault("none", _dense, (), ""),
    Fault("training_mode", _both, (TRAINING,), "randomness", "drop"),
    Fault("a_counter", _dense, (("return self.scores(x)", COUNTED),), "state"),
    Fault(
        "rows_turned_round",
        _dense,
        (("return self.scores(x)", "return self.scores(x.flip(0))"),),
        "batch coupling",
    ),
    Fault("weights_drawn_anew", _dense, (("return model.eval()", DRAWN),), "randomness"),
)


def _bundle(fault: Fault, folder: Path) -> Path:
    keras.utils.set_random_seed(3)
    given = keras.Input((12,))
    keras.Model(given, fault.layers(given)).save(folder / "model.keras")
    bundle = porter.convert(folder / "model.keras", to="torch", out=folder / "bundle", verify=False).path
    code = (bundle / "model.py").read_text(encoding="utf-8")
    for before, after in fault.edits:
        assert before in code, f"{before!r} is not in the generated code"
        code = code.replace(before, after)
    (bundle / "model.py").write_text(code, encoding="utf-8")
    return bundle


@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name) for fault in FAULTS])
def test_fault_is_named(fault: Fault, tmp_path: Path) -> None:
    found = porter.check(_bundle(fault, tmp_path), both_ways=False)
    assert found.consistent == (not fault.kind), "\n".join(found.lines())
    wrong = [finding for finding in found.findings if not finding.harmless]
    assert not wrong or wrong[0].kind == fault.kind, "\n".join(found.lines())
    assert fault.layer in {finding.layer for finding in wrong} or not fault.layer
    assert all(finding.advice for finding in wrong)
    json.dumps(found.to_dict())


def test_stateful_layer_remembers(tmp_path: Path) -> None:
    given = keras.Input(batch_shape=(2, 5, 3))
    memory = keras.layers.LSTM(4, stateful=True, name="memory")
    keras.Model(given, memory(given)).save(tmp_path / "model.keras")
    found = porter.check(tmp_path / "model.keras", both_ways=False)
    (finding,) = found.findings
    assert (finding.kind, finding.layer) == ("state", "memory")


def test_both_ways_of_running_agree(tmp_path: Path) -> None:
    """The old complaint: one row's prediction differs in the seventh digit from the same row's in a batch."""
    keras.utils.set_random_seed(1)
    given = keras.Input((784,))
    x = keras.layers.Dense(64, activation="relu", name="encode")(given)
    x = keras.layers.Dense(784, activation="sigmoid", name="decode")(x)
    keras.Model(given, x).save(tmp_path / "model.keras")
    found = porter.check(tmp_path / "model.keras")
    kinds = {finding.test: finding.kind for finding in found.findings}
    assert found.consistent
    assert kinds["as a graph (tf.function)"] in ("same", "rounding")
    assert kinds["a row alone"] in ("same", "rounding")


def test_what_cannot_be_run_is_refused(porter: Callable[..., Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "recorded.npz", x0=np.zeros((2, 3)), y0=np.zeros((2, 3)))
    done = porter("check", tmp_path / "recorded.npz")
    assert done.returncode == 2
    assert "a model that porter can run" in done.stderr


def _graph(*ops: Op) -> Graph:
    builder = Builder()
    given = Value("x", Spec((BATCH, 5, 4), "float32"))
    x = given
    for place, op in enumerate(ops):
        (x,) = builder.add(op, x, origin=Origin(f"layer_{place}", type(op).__name__), name=f"y{place}")
    return builder.graph("net", (given,), (x,), ())


MIXERS = {
    "none": ((Unary("tanh"), Softmax(axis=-1)), None),
    "softmax over the batch": ((Unary("tanh"), Softmax(axis=0)), "layer_1"),
    "batch moved away and back": ((Transpose((1, 0, 2)), Unary("tanh"), Transpose((1, 0, 2))), None),
    "batch moved away and softmax over it": ((Transpose((1, 0, 2)), Softmax(axis=1)), "layer_1"),
}


@pytest.mark.parametrize("name", MIXERS)
def test_where_rows_are_mixed(name: str) -> None:
    ops, layer = MIXERS[name]
    rows = np.random.default_rng(0).standard_normal((3, 5, 4)).astype("float32")
    found = mixing(_graph(*ops), [rows], [rows[:1]])
    assert (found.layer if found else None) == layer


def test_pool_puts_rows_in_every_company() -> None:
    pool = pool_for(_graph(Unary("tanh")), None, Settings(), None)
    tried = {experiment.name: experiment.rows for experiment in pool.experiments()}
    assert pool.size == 32
    assert tried["rows in another order"] == tuple(reversed(range(pool.base)))
    assert len(tried["a row among other rows"]) == pool.base
    assert set(tried["a row among other rows"][1:]).isdisjoint(range(pool.base))
    assert [len(pool.of(rows)[0]) for rows in tried.values()] == [len(rows) for rows in tried.values()]
