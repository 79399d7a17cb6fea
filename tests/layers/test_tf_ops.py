"""Functions of TensorFlow that tf.keras 2 records as layers: each one's numbers and type."""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import Any

import pytest

from porter.errors import UnsupportedModel
from tests.layers.cases import hard_inputs, tf_ops
from tests.layers.cases.case import LayerCase, inputs_of
from tests.layers.cases.run_keras import as_list
from tests.layers.in_memory import Answer, Tried, graph_of

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="tf_keras is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]

ROWS = [(group, row) for group, told in tf_ops.GROUPS.items() for row in told.rows]


def _model(apply: Any, feeds: Any) -> Any:
    import tensorflow as tf
    import tf_keras

    tf_keras.backend.clear_session()
    given = inputs_of(tf_keras, feeds)
    return tf_keras.Model(given, apply(tf, *given), name="model")


@cache
def _tried(group: str) -> Tried:
    """What all witnesses say of a group: all its functions are outputs of one model, which is made once."""
    told = tf_ops.GROUPS[group]
    counts: dict[str, int] = {}

    def apply(tf: Any, *given: Any) -> list[Any]:
        made = {row: as_list(one(tf, *given)) for row, one in told.rows.items()}
        counts.update({row: len(outputs) for row, outputs in made.items()})
        return [output for outputs in made.values() for output in outputs]

    model = _model(apply, told.feeds)
    inputs = hard_inputs(LayerCase(group, lambda keras: model, told.feeds), seed=2)
    outputs = as_list(model(inputs if len(inputs) > 1 else inputs[0]))
    want = [Answer(output.numpy(), output.dtype.name) for output in outputs]
    graph = graph_of(model.to_json(), 2)
    return Tried.of(graph, inputs, want, counts)


@pytest.mark.parametrize(("group", "row"), ROWS, ids=["-".join(row) for row in ROWS])
def test_function_computes_the_same(group: str, row: str) -> None:
    _tried(group).check(row)


REFUSED = {
    "einsum": (lambda tf, x, y: tf.einsum("bij,bkj->bik", x, y), "without its tensors"),
    "where": (lambda tf, x, y: tf.where(x > 0), "depends on the numbers"),
    "unknown": (lambda tf, x, y: tf.math.lgamma(x), "tf.math.lgamma is not known"),
    "boolean_mask": (lambda tf, x, y: tf.boolean_mask(x, y > 0), "depends on the numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_reason(name: str) -> None:
    apply, reason = REFUSED[name]
    model = _model(apply, tf_ops.GROUPS["plain"].feeds)
    with pytest.raises(UnsupportedModel, match=reason):
        graph_of(model.to_json(), 2)
