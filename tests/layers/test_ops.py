"""Functions of `keras.ops` in saved models: numbers and types, by Keras, torch and the reference."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
from functools import cache
from typing import Any

import numpy as np
import pytest

from converters.keras.rules import rules
from porter.rules import Unsupported
from tests.layers.cases import hard_inputs, ops
from tests.layers.cases.case import LayerCase, inputs_of
from tests.layers.cases.run_keras import as_list
from tests.layers.in_memory import Answer, Tried, graph_of

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]

ROWS = [(group, row) for group, told in ops.GROUPS.items() for row in told.rows]


@cache
def _tried(group: str) -> Tried:
    """What all witnesses say of a group: all its functions are outputs of one model, which is made once."""
    import keras

    told = ops.GROUPS[group]
    keras.backend.clear_session()
    given = inputs_of(keras, told.feeds)
    made = {row: as_list(apply(keras.ops, *given)) for row, apply in told.rows.items()}
    model = keras.Model(given, [output for outputs in made.values() for output in outputs], name="model")
    inputs = hard_inputs(LayerCase(group, lambda keras: model, told.feeds), seed=2)
    want = [
        Answer(keras.ops.convert_to_numpy(output), keras.backend.standardize_dtype(output.dtype))
        for output in as_list(model(inputs))
    ]
    graph = graph_of(model.to_json(), 3)
    return Tried.of(graph, inputs, want, {row: len(outputs) for row, outputs in made.items()})


@pytest.mark.parametrize(("group", "row"), ROWS, ids=["-".join(row) for row in ROWS])
def test_function_computes_the_same(group: str, row: str) -> None:
    _tried(group).check(row)


def _operations() -> dict[str, type[Any]]:
    """Every operation class of Keras."""
    from keras.src import ops as package
    from keras.src.ops.operation import Operation

    found: dict[str, type[Any]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.endswith("_test"):
            held = vars(importlib.import_module(f"keras.src.ops.{module.name}"))
            found |= {
                name: kind
                for name, kind in held.items()
                if inspect.isclass(kind) and issubclass(kind, Operation) and kind is not Operation
            }
    return found


def test_every_operation_is_carried_or_refused_with_a_reason() -> None:
    known = {key[1] for key in rules.reading if isinstance(key, tuple) and key[0] == "ops"}
    assert not set(_operations()) - known


def test_rules_take_the_operands_in_the_order_of_keras() -> None:
    """A file holds operands by position: a rule that names them in another order would mix them up."""
    wrong = {}
    for name, kind in _operations().items():
        rule = rules.reading["ops", name]
        if isinstance(rule, Unsupported):
            continue
        told = [part for part in inspect.signature(kind.call).parameters if part != "self"]
        ours = [part for part in inspect.signature(rule.of).parameters if part != "op"]
        told = [part for part in told if part != "kwargs"]
        if ours[: len(told)] != told:
            wrong[name] = (ours, told)
    assert not wrong


UNREACHED = {"Abs", "Conj", "Array", "Mish", "ConvTranspose"}
"""Classes that no function of today's Keras makes, and one that it makes but cannot run."""


def test_every_carried_operation_has_a_row() -> None:
    import keras

    carried = {
        key[1]
        for key, rule in rules.reading.items()
        if isinstance(key, tuple) and key[0] == "ops" and not isinstance(rule, Unsupported)
    }
    tested = set()
    for told in ops.GROUPS.values():
        given = inputs_of(keras, told.feeds)
        for apply in told.rows.values():
            model = keras.Model(given, apply(keras.ops, *given))
            tested |= {type(operation).__name__ for operation in model.operations}
    assert carried - tested <= UNREACHED


def test_promotion_is_that_of_keras() -> None:
    from keras import backend

    from converters.keras.promotion import LARGER, result_type

    kinds = {name: {"int": int, "float": float}.get(name, name) for name in LARGER}
    for left in kinds:
        for right in kinds:
            assert result_type(left, right) == backend.result_type(kinds[left], kinds[right]), (left, right)


def test_numbers_stay_weak_and_arrays_do_not() -> None:
    import keras

    given = keras.Input((3,), dtype="float16", name="x")
    model = keras.Model(given, [given * 2.0, given * np.ones(3, "float32")])
    first, second = graph_of(model.to_json(), 3).outputs
    assert (first.dtype, second.dtype) == ("float16", "float32")
