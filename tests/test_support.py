"""Every layer of Keras and every op of the graph has a rule or a reason, in every framework."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from porter.graph.ops.op import all_ops
from tests.support_table import DOCUMENT, rules_of, support_table, targets

ROOT = Path(__file__).parents[1]


def test_every_keras_layer_is_read_or_refused() -> None:
    keras = pytest.importorskip("keras")
    classes = {found.__name__ for found in vars(keras.layers).values() if inspect.isclass(found)}
    empty = sorted(classes - set(rules_of("tf").reading))
    assert not empty, f"layers without a rule or a reason: {', '.join(empty)}"


@pytest.mark.parametrize("framework", targets())
def test_every_op_is_written_or_refused(framework: str) -> None:
    empty = [op.__name__ for op in all_ops() if op not in rules_of(framework).writing]
    assert not empty, f"{framework} has neither a rule nor a reason for: {', '.join(empty)}"


def test_the_document_is_true() -> None:
    assert (ROOT / DOCUMENT).read_text(encoding="utf-8") == support_table(), "run scripts/support_table"
