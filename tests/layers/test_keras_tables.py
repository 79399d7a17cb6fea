"""What the Keras writer knows by heart about Keras, held against Keras itself."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

from converters.keras.writing.activations import NAMED, UNARY
from converters.keras.writing.layers import ARGUMENTS, DEFAULTS, NEVER
from converters.keras.writing.operations import OPERATIONS, snake_case, stem

keras = pytest.importorskip("keras")


@pytest.mark.parametrize("kind", sorted(DEFAULTS))
def test_settings_and_what_is_assumed_are_those_of_the_layer(kind: str) -> None:
    told = _arguments(getattr(keras.layers, kind).__init__)
    names = [name for name in told if name not in ("self", "kwargs")]
    assert tuple(names[: len(ARGUMENTS.get(kind, ()))]) == ARGUMENTS.get(kind, ()), names
    for name, value in DEFAULTS[kind].items():
        made = told.get(name) or _of_base(getattr(keras.layers, kind), name)
        assert _same(made.default, value), f"{kind} assumes {made.default!r} for {name}"
    assert set(NEVER) <= set(DEFAULTS)


def _arguments(function: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


def _of_base(kind: type, name: str) -> inspect.Parameter:
    """A setting that a class passes on to its base."""
    taken = [_arguments(base.__init__) for base in kind.__mro__]
    found = [arguments[name] for arguments in taken if name in arguments]
    assert found, f"{kind.__name__} takes no {name}"
    return found[0]


def _same(theirs: Any, ours: Any) -> bool:
    """Whether two defaults mean one thing: no activation and no format are the usual ones, 1 is (1, 1)."""
    usual = {"linear": (None, "linear"), "channels_last": (None, "channels_last")}
    if isinstance(ours, str) and ours in usual:
        return theirs in usual[ours]
    spread = set(theirs) if isinstance(theirs, tuple | list) else {theirs}
    return spread == {ours}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_functions_are_nodes_of_the_classes_that_are_written(name: str) -> None:
    operation = OPERATIONS[name]
    made = getattr(importlib.import_module(operation.module), operation.class_name)
    taken = _arguments(made.__init__)
    assert set(operation.settings) <= set(taken), f"{name}: {sorted(taken)}"
    assert snake_case(operation.class_name) == keras.src.utils.naming.to_snake_case(made.__name__)
    order = [key for key in _arguments(getattr(keras.ops, name)) if key in operation.settings]
    told = list(operation.settings)
    assert order == [key for key in told if key in order], f"{name}: settings stand in another order"


@pytest.mark.parametrize("name", sorted({*UNARY.values(), *NAMED.values()}))
def test_activations_have_these_names(name: str) -> None:
    assert callable(keras.activations.get(name))


@pytest.mark.parametrize("kind", sorted(DEFAULTS))
def test_groups_of_weight_files_are_named_so(kind: str) -> None:
    made = getattr(keras.layers, kind)
    assert stem(kind) == keras.src.utils.naming.to_snake_case(made.__name__)
