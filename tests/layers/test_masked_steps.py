"""Old recurrent layers with masks, said with what today's Keras has: the same numbers at every step."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import porter
from converters.keras.source import read_source
from converters.keras.writing.masked_steps import gaps_of_keras
from porter.graph.builder import Builder, input_value
from porter.graph.dims import BATCH, Sym
from porter.graph.model import Graph, Origin, Param, Spec
from porter.graph.ops.recurrent import AnyRecurrent, Gru, Lstm, SimpleRnn
from porter.graph.run import run
from porter.source_model import ReadRequest
from porter.weights.tensor import Constant

STEPS, CHANNELS, UNITS = 6, 3, 4
GATES = {SimpleRnn: 1, Lstm: 4, Gru: 3}
MASK = np.array([[step == "1" for step in row] for row in ("011011", "110000", "000000", "101101")])


def _noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype("float32")


def _graph(op: AnyRecurrent, used: tuple[int, ...]) -> tuple[Graph, list[np.ndarray]]:
    rows, states = GATES[type(op)] * UNITS, op.walks * op.STATES
    shapes = {"weight_ih": (rows, CHANNELS), "weight_hh": (rows, UNITS), "bias_ih": (rows,)}
    params = {
        name + ending: Param(Constant(_noise(*shape, seed=place) / 2))
        for place, ending in enumerate(("", "_reverse")[: op.walks])
        for name, shape in shapes.items()
    }
    inputs = [
        input_value("x", Spec((BATCH, Sym("t"), CHANNELS))),
        input_value("m", Spec((BATCH, Sym("t")), "bool")),
    ]
    arrays = [_noise(4, STEPS, CHANNELS), MASK]
    for place in range(states if op.started else 0):
        inputs.append(input_value(f"s{place}", Spec((BATCH, UNITS))))
        arrays.append(_noise(4, UNITS, seed=place))
    builder = Builder()
    builder.origin = Origin("layer")
    outputs = builder.add(op, *inputs, params=params)
    return builder.graph("model", inputs, [outputs[place] for place in used]), arrays


@pytest.mark.parametrize("gaps", ["repeat", "state", "zeros"])
@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", GATES)
def test_the_same_numbers(kind: Any, both: bool, started: bool, gaps: Any) -> None:
    op = kind(CHANNELS, UNITS, both=both, started=started, gaps=gaps, masked=True)
    states = tuple(range(2, 2 + op.walks * op.STATES))
    for used in ((0,), (1,), (0, 1, *states), (1, states[-1])):
        before, arrays = _graph(op, used)
        after = gaps_of_keras(before)
        for node in after.nodes:
            if isinstance(node.op, AnyRecurrent):
                assert node.op.gaps != "state"
                assert not node.op.both or node.op.gaps == "zeros" or 0 not in used
        for got, want in zip(run(after, arrays), run(before, arrays), strict=True):
            np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


@pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="tf_keras is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("both", [False, True])
def test_a_file_of_keras_2_to_keras(both: bool, started: bool, tmp_path: Path) -> None:
    """Keras told `time_major` of its layers since TensorFlow took it over; until then it repeated outputs."""
    import keras
    import tf_keras

    layers = tf_keras.layers
    ids = tf_keras.Input((STEPS,), name="ids")
    starts = [tf_keras.Input((UNITS,), name=f"s{k}") for k in range((2 + 2 * both) * started)]
    layer: Any = layers.LSTM(UNITS, return_sequences=True, name="inner")
    layer = layers.Bidirectional(layer, name="layer") if both else layer
    x = layers.Embedding(7, CHANNELS, mask_zero=True, name="table")(ids)
    shown = layer(x, initial_state=starts) if started else layer(x)
    model = tf_keras.Model([ids, *starts], layers.Activation("tanh", name="end")(shown))
    told = model.to_json().replace('"time_major": false, ', "").replace(', "time_major": false', "")
    assert "time_major" not in told
    (tmp_path / "model.json").write_text(json.dumps({**json.loads(told), "keras_version": "2.2.4"}))
    model.save_weights(tmp_path / "weights.h5")
    paths = [tmp_path / "model.json", tmp_path / "weights.h5"]
    bundle = porter.convert(paths, to="tf", out=tmp_path / "out", verify=False)
    given = [np.where(MASK, 3, 0).astype("float32"), *(_noise(4, UNITS, seed=k) for k in range(len(starts)))]
    got = keras.models.load_model(bundle.path / "model.keras")(given if started else given[0])
    want = run(read_source(ReadRequest(tuple(paths))).graph, given)[0]
    np.testing.assert_allclose(np.asarray(got), want, rtol=0, atol=1e-6)
